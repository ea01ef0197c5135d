import type { Config } from './config.ts';
import { chatChecks } from './doctor/chats.ts';
import type { Check, Finding } from './doctor/finding.ts';
import { machineChecks } from './doctor/machine.ts';
import { portChecks } from './doctor/ports.ts';
import { readingChecks } from './doctor/reading.ts';
import { storageChecks } from './doctor/storage.ts';

/**
 * Looks at every part of the bot and tries what can be tried: loads, reads and writes, asks the chats' servers. A part that fails keeps
 * no other from being looked at, and no secret is shown.
 * @param badSettings what is wrong with settings that were left out of the configuration, a sentence each
 * @param parts those that are looked at; all unless told
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

/** Whatever a library says, no token or password is in it. */
function withoutSecrets(finding: Finding, secrets: Config['secrets']): Finding {
  // A pattern remembers where it stopped, which a frozen one cannot.
  const patterns = secrets.map((secret) => (typeof secret === 'string' ? secret : new RegExp(secret)));
  const clean = (text: string) => patterns.reduce<string>((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  const { remedy } = finding;
  return { ...finding, finding: clean(finding.finding), ...(remedy && { remedy: clean(remedy) }) };
}
