import { parseArgs } from 'node:util';
import type { createCommands } from '../commands/index.ts';
import { UserError } from '../src/base/errors.ts';
import type { Deployment } from '../src/chat/discord/deploy.ts';
import { loadConfig } from '../src/config.ts';
import { runTool } from './command-line.ts';

const ACTIONS = ['view', 'register', 'clear'] as const satisfies readonly Deployment['action'][];

const USAGE = `Usage: npm run deploy-commands -- view|register|clear [--guild ID]

view      lists what Discord shows of the bot's commands, and the link that adds the bot to a server
register  makes Discord show every command of the bot, in place of what was registered there before
clear     makes Discord show none

  --guild ID  one server only, where changes show at once (right-click the server > Copy Server ID)
  --help      show this

The token is DISCORD_TOKEN of the environment or of the file .env.
`;

await runTool(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { guild: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const action = ACTIONS.find((candidate) => candidate === positionals[0]);
  if (action === undefined || positionals.length !== 1) {
    throw new UserError('bad-usage', 'Say one of: view, register, clear.');
  }
  if (values.guild !== undefined && !/^\d{1,20}$/.test(values.guild)) {
    throw new UserError('bad-usage', 'The id after --guild is a number.');
  }
  return await deploy({ action, ...(values.guild !== undefined && { guildId: values.guild }) });
});

async function deploy(deployment: Deployment): Promise<number> {
  // Loaded here: a mistake in the command line is answered before Discord's library is there.
  const { deployCommands } = await import('../src/chat/discord/deploy.ts');
  try {
    process.stdout.write(`${await deployCommands(deployment, loadConfig(), await describedCommands())}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

/** The commands to be described, never run: what running them takes is left out. */
async function describedCommands() {
  const commands = await import('../commands/index.ts');
  return commands.createCommands({} as Parameters<typeof createCommands>[0]);
}
