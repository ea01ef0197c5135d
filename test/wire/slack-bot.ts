// Before everything else: its dependencies do not load once others have put their polyfills in place under vitest.
import 'discord.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bot, startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { fakePhotoReader } from '../fakes/photo.ts';
import { type FakeMessage, FakeSlack } from '../fakes/slack.ts';

export interface BotOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly readPhoto?: Parameters<typeof startBot>[2];
  /** What /retrain works with. */
  readonly training?: Parameters<typeof startBot>[3];
  /** Prepares the fake before the bot connects. */
  readonly before?: (slack: FakeSlack) => void;
  /** A fake that runs already, for a bot that is started again. */
  readonly slack?: FakeSlack;
  /** Events come as signed HTTP requests instead of over the socket. */
  readonly http?: boolean;
  readonly internal?: Readonly<Record<string, unknown>>;
}

/** Everything that a test started, ended in its reverse order. */
const cleanUps: (() => unknown)[] = [];

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const end of cleanUps.splice(0).reverse()) await end();
}

/** The whole bot, with the real Bolt, on a Slack of the test's own. */
export async function startOnSlack(options: BotOptions = {}) {
  const slack = options.slack ?? (await startFake());
  options.before?.(slack);
  const directory = mkdtempSync(join(tmpdir(), 'slack-'));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  const connection: Record<string, string> = options.http
    ? { SLACK_SIGNING_SECRET: slack.signingSecret, SLACK_PORT: '0' }
    : { SLACK_APP_TOKEN: slack.appToken };
  const config = loadConfig({
    environment: { SLACK_BOT_TOKEN: slack.token, SHUTDOWN_SECONDS: '5', ...connection, ...options.environment },
    directory,
    internal: { slackApi: `${slack.origin}/api/`, fileOrigins: [slack.origin], ...options.internal },
  });
  const log: string[] = [];
  const logger = createLogger({
    level: 'debug',
    secrets: config.secrets,
    destination: { write: (line) => log.push(line) },
  });
  const bot: Bot = await startBot(config, logger, options.readPhoto ?? fakePhotoReader(), options.training);
  cleanUps.push(() => bot.stop());
  const [, port] = /at port (\d+)/.exec(bot.addresses.join()) ?? [];
  if (port) slack.httpTarget = `http://127.0.0.1:${port}/slack/events`;
  return { slack, bot, log };
}

async function startFake(): Promise<FakeSlack> {
  const slack = await FakeSlack.start();
  cleanUps.push(() => slack.close());
  return slack;
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

/** The buttons under the bot's answers, once there are so many. */
export async function buttons(slack: FakeSlack, count: number, forMs?: number): Promise<FakeMessage[]> {
  return await until(
    () => {
      const found = slack.said().filter(({ blocks = [] }) => blocks.some(({ type }) => type === 'actions'));
      return found.length >= count && found;
    },
    `button ${count}`,
    forMs,
  );
}

/** Long enough for an answer that must not come. */
export async function aWhile(): Promise<void> {
  await delay(300);
}
