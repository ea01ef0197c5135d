import { createCommands } from '../../commands/index.ts';
import { UserError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import type { ChatCheck } from '../chat/check.ts';
import type { Config } from '../config.ts';
import { type Check, type Found, fromProblems } from './finding.ts';
import { portTrouble } from './ports.ts';

/** Checks of the chats. Their servers are asked; nothing is posted. */
export function chatChecks(config: Config, badSettings: readonly string[]): Check[] {
  return [
    {
      part: 'Discord',
      look: () => chat(config.discord !== undefined, badSettings, 'DISCORD', () => discord(config)),
      remedy:
        'Take a new token at https://discord.com/developers/applications > Bot > Reset Token, and put it into .env.',
    },
    {
      part: 'Slack',
      look: () => chat(config.slack !== undefined, badSettings, 'SLACK', () => slack(config)),
      remedy: 'Take both tokens again at https://api.slack.com/apps, as docs/slack.md says, and put them into .env.',
    },
  ];
}

/** @param prefix the prefix of the chat's settings */
async function chat(
  isSet: boolean,
  badSettings: readonly string[],
  prefix: string,
  ask: () => Promise<ChatCheck>,
): Promise<Found> {
  const bad = badSettings.find((sentence) => sentence.startsWith(prefix));
  // The check's own remedy is to take a new token. Any other setting has to be corrected.
  if (bad !== undefined && /^\w+_TOKEN\b/.test(bad)) throw new Error(bad);
  if (bad !== undefined)
    return { state: 'broken', finding: bad.replace(/\.$/, ''), remedy: 'Mend it in .env; .env.example explains it.' };
  if (!isSet)
    return {
      state: 'off',
      finding: 'no token',
      remedy:
        prefix === 'DISCORD'
          ? 'To use it, set DISCORD_TOKEN: docs/discord.md shows how.'
          : 'To use it, set SLACK_BOT_TOKEN and SLACK_APP_TOKEN: docs/slack.md shows how.',
    };
  try {
    const { about, problems } = await ask();
    return fromProblems(`${about}, accepted`, problems);
  } catch (error) {
    if (!(error instanceof UserError && error.code === 'busy')) throw error;
    const remedy =
      'Look at this machine’s connection, or ask again later; the bot starts without this chat and tries it again.';
    return { state: 'partly', finding: error.message.replace(/\.$/, ''), remedy };
  }
}

async function discord(config: Config): Promise<ChatCheck> {
  const { checkDiscord } = await import('../chat/discord/check.ts');
  // The commands are only listed, never run, so the services that they need are left out.
  return await checkDiscord(config, createCommands({} as Parameters<typeof createCommands>[0]));
}

async function slack(config: Config): Promise<ChatCheck> {
  const { checkSlack } = await import('../chat/slack/check.ts');
  const { about, problems } = await checkSlack(config, createLogger({ level: 'silent' }));
  const { connection } = config.slack!;
  return { about, problems: [...problems, ...(connection.kind === 'http' ? await portProblems(connection) : [])] };
}

/** Checks whether Slack's requests can come in. If a bot is running, it holds the port itself. */
async function portProblems({ host, port }: { readonly host: string; readonly port: number }) {
  const trouble = await portTrouble(host, port);
  if (trouble === undefined) return [];
  const remedy = 'Where no bot runs yet, set SLACK_PORT to another port, or SLACK_HOST to an address of this machine.';
  const why = trouble === 'EADDRINUSE' ? 'is in use' : `cannot be listened at (${trouble})`;
  return [{ what: `port ${port} of ${host} ${why}`, remedy }];
}
