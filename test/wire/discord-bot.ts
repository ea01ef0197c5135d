import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bot, startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { FakeDiscord, type FakeMessage } from '../fakes/discord.ts';
import { fakePhotoReader } from '../fakes/photo.ts';

type ReadPhoto = Parameters<typeof startBot>[2];

export interface BotOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly readPhoto?: ReadPhoto;
  /** What /retrain works with. */
  readonly training?: Parameters<typeof startBot>[3];
  /** Prepares the fake before the bot connects. */
  readonly before?: (discord: FakeDiscord) => void;
  /** A fake that runs already, for a bot that is started again. */
  readonly discord?: FakeDiscord;
}

/** Everything that a test started, ended in its reverse order. */
const cleanUps: (() => unknown)[] = [];

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const end of cleanUps.splice(0).reverse()) await end();
}

/** The whole bot, with the real client, on a Discord of the test's own. */
export async function startOnDiscord(options: BotOptions = {}) {
  const discord = options.discord ?? (await startFake());
  options.before?.(discord);
  const directory = mkdtempSync(join(tmpdir(), 'discord-'));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  const config = loadConfig({
    environment: { DISCORD_TOKEN: discord.token, SHUTDOWN_SECONDS: '5', ...options.environment },
    directory,
    internal: { discordApi: `${discord.origin}/api`, fileOrigins: [discord.origin] },
  });
  const log: string[] = [];
  const logger = createLogger({
    level: 'debug',
    secrets: config.secrets,
    destination: { write: (line) => log.push(line) },
  });
  const bot: Bot = await startBot(config, logger, options.readPhoto ?? fakePhotoReader(), options.training);
  cleanUps.push(() => bot.stop());
  return { discord, bot, log, config };
}

async function startFake(): Promise<FakeDiscord> {
  const discord = await FakeDiscord.start();
  cleanUps.push(() => discord.close());
  return discord;
}

/** Waits until a look finds something. */
export async function until<T>(
  look: () => T | undefined | false | null,
  what = 'what was waited for',
  forMs = 15_000,
): Promise<T> {
  for (const end = Date.now() + forMs; Date.now() < end; await delay(5)) {
    const found = look();
    if (found) return found;
  }
  throw new Error(`${what} was not seen`);
}

/** Waits for so many messages of the bot's. */
export async function answers(discord: FakeDiscord, count: number, channel = discord.general): Promise<FakeMessage[]> {
  return await until(() => {
    const said = discord.said(channel);
    return said.length >= count && said;
  }, `answer ${count}`);
}

/** Long enough for an answer that must not come. */
export async function aWhile(): Promise<void> {
  await delay(300);
}
