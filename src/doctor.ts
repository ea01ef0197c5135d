import type { Config } from './config.ts';
import { chatChecks } from './doctor/chats.ts';
import type { Check, Finding } from './doctor/finding.ts';
import { machineChecks } from './doctor/machine.ts';
import { portChecks } from './doctor/ports.ts';
import { readingChecks } from './doctor/reading.ts';
import { storageChecks } from './doctor/storage.ts';

/**
 * Checks every part of the bot by trying it: loads, reads and writes, asks the chats' servers. A part that fails does not keep the
 * others from being checked. No secret is shown.
 * @param badSettings what is wrong with settings that were left out of the configuration, a sentence each
 * @param parts names of the parts to check; all by default
 */
export async function examine(
  config: Config,
  badSettings: readonly string[] = [],
  parts?: readonly string[],
): Promise<Finding[]> {
  const checks = [
    ...machineChecks(config, new Date()),
    ...readingChecks(config),
    ...storageChecks(config, badSettings),
    ...portChecks(config),
    ...chatChecks(config, badSettings),
  ].filter(({ part }) => parts === undefined || parts.includes(part));
  return await Promise.all(checks.map(async (check) => withoutSecrets(await findingOf(check), config.secrets)));
}

async function findingOf({ part, look, remedy }: Check): Promise<Finding> {
  try {
    return { part, ...(await look()) };
  } catch (error) {
    const message = error instanceof Error && error.message !== '' ? error.message : String(error);
    return { part, state: 'broken', finding: message.replace(/\.$/, ''), remedy };
  }
}

/** Replaces tokens and passwords in a finding: a library's message may hold them. */
function withoutSecrets(finding: Finding, secrets: Config['secrets']): Finding {
  // A global pattern writes its lastIndex, and the patterns in the configuration are frozen. So each is copied.
  const patterns = secrets.map((secret) => (typeof secret === 'string' ? secret : new RegExp(secret)));
  const clean = (text: string) => patterns.reduce<string>((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  const { remedy } = finding;
  return { ...finding, finding: clean(finding.finding), ...(remedy && { remedy: clean(remedy) }) };
}
