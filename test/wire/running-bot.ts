import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../../src/base/log.ts';
import { type Bot, startBot } from '../../src/bot.ts';
import type { Config } from '../../src/config.ts';
import { fakePhotoReader } from '../fakes/photo.ts';

/** What a test may say about a bot, whatever it is connected to. */
export interface RunningBotOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder of its state, of a bot that is started again. */
  readonly state?: string;
  readonly readPhoto?: Parameters<typeof startBot>[2];
  /** What /retrain works with. */
  readonly training?: Parameters<typeof startBot>[3];
}

/** Everything that a test started, ended in its reverse order. */
const cleanUps: (() => unknown)[] = [];

/** To be done once the test is over. */
export function afterwards(end: () => unknown): void {
  cleanUps.push(end);
}

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const end of cleanUps.splice(0).reverse()) await end();
}

/** A folder for the state of a bot. */
export function stateFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bot-'));
  afterwards(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The whole bot, with what it logs. */
export async function runBot(
  config: Config,
  options: RunningBotOptions,
): Promise<{ readonly bot: Bot; readonly log: readonly string[] }> {
  const log: string[] = [];
  const logger = createLogger({
    level: 'debug',
    secrets: config.secrets,
    destination: { write: (line) => log.push(line) },
  });
  const bot = await startBot(config, logger, options.readPhoto ?? fakePhotoReader(), options.training);
  afterwards(() => bot.stop());
  return { bot, log };
}

/** Turns of the event loop that `aWhile` waits for, and the milliseconds of each. */
const TURNS = { count: 20, milliseconds: 4 };

/**
 * Waits long enough for an answer that must not come. Bot and fake run in this process, so a busy machine slows both alike.
 */
export async function aWhile(): Promise<void> {
  for (let turn = 0; turn < TURNS.count; turn++) await delay(TURNS.milliseconds);
}
