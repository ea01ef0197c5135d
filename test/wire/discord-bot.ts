import { loadConfig } from '../../src/config.ts';
import { FakeDiscord, type FakeMessage } from '../fakes/discord.ts';
import { until } from '../helpers/until.ts';
import { afterwards, type RunningBotOptions, runBot, stateFolder } from './running-bot.ts';

export interface BotOptions extends RunningBotOptions {
  /** Prepares the fake before the bot connects. */
  readonly before?: (discord: FakeDiscord) => void;
  /** A fake that runs already, for a bot that is started again. */
  readonly discord?: FakeDiscord;
}

/** The whole bot, with the real client, on a Discord of the test's own. */
export async function startOnDiscord(options: BotOptions = {}) {
  const discord = options.discord ?? (await startFake());
  options.before?.(discord);
  const config = loadConfig({
    environment: { DISCORD_TOKEN: discord.token, SHUTDOWN_SECONDS: '5', ...options.environment },
    directory: options.state ?? stateFolder(),
    internal: { discordApi: `${discord.origin}/api`, fileOrigins: [discord.origin] },
  });
  return { discord, config, ...(await runBot(config, options)) };
}

async function startFake(): Promise<FakeDiscord> {
  const discord = await FakeDiscord.start();
  afterwards(() => discord.close());
  return discord;
}

/** Waits for so many messages of the bot's. */
export async function answers(discord: FakeDiscord, count: number, channel = discord.general): Promise<FakeMessage[]> {
  return await until(() => {
    const said = discord.said(channel);
    return said.length >= count && said;
  }, `answer ${count}`);
}
