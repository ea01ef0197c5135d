import type { createCommands } from '../commands/index.ts';
import { UserError } from '../src/base/errors.ts';
import type { Deployment } from '../src/chat/discord/deploy.ts';
import { loadConfig } from '../src/config.ts';
import { runAsProcess, tool } from './command-line.ts';
import { actionOf, text } from './options.ts';

const ACTIONS = ['view', 'register', 'clear'] as const satisfies readonly Deployment['action'][];

export const main = tool(
  {
    usage: ['npm run deploy-commands -- view|register|clear [--guild ID]'],
    about: `view      lists what Discord shows of the bot's commands, and the link that adds the bot to a server; without a token, the
          commands as they would be registered
register  makes Discord show every command of the bot, in place of what was registered there before
clear     makes Discord show none`,
    endsAtOnce: true,
    options: {
      guild: text('ID', 'one server only, where changes show at once (right-click the server > Copy Server ID)'),
    },
    footer: 'The token is DISCORD_TOKEN of the environment or of the file .env.',
  },
  async ({ values: { guild }, words, print, say }) => {
    const action = actionOf(words, ACTIONS);
    if (guild !== undefined && !/^\d{1,20}$/.test(guild)) {
      throw new UserError('bad-usage', 'The id after --guild is a number.');
    }
    try {
      print(await deploy({ action, ...(guild !== undefined && { guildId: guild }) }));
      return 0;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(error.message);
      return 2;
    }
  },
);

async function deploy(deployment: Deployment): Promise<string> {
  // Imported here, so that a mistake in the command line is reported without loading Discord's library.
  const { deployCommands } = await import('../src/chat/discord/deploy.ts');
  return await deployCommands(deployment, loadConfig(), await describedCommands());
}

/** The commands, without the services that running them needs: here they are only described. */
async function describedCommands() {
  const commands = await import('../commands/index.ts');
  return commands.createCommands({} as Parameters<typeof createCommands>[0]);
}

await runAsProcess(import.meta.url, main);
