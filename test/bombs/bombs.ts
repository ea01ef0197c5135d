/**
 * Posts ten bombs at once to a bot of its own, on a Discord of its own, and another person's photo right after them. Prints, as JSON, what
 * its processes held and who was answered when: see BombsResult in scripts/benchmark/bombs.ts, which runs this. Its arguments: the
 * network's folder, and the other's photo.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BombsResult } from '../../scripts/benchmark/bombs.ts';
import { endsWithThis } from '../../scripts/children.ts';
import { memoryOfTree } from '../../src/metrics/memory.ts';
import { user } from '../fakes/discord/payloads.ts';
import { FakeDiscord, type FakeMessage } from '../fakes/discord.ts';
import { makeBombs } from './files.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Milliseconds between looks at the memory. */
const EVERY_MS = 100;
/** Milliseconds of a tick in /proc. */
const MS_PER_TICK = 10;
/** Milliseconds until every answer must be there. */
const MOST_MS = 500_000;

/** As `npm start` does it, with its variables for glibc, and with nothing of this environment. */
async function startBot(discord: FakeDiscord, model: string, folder: string): Promise<ChildProcess> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const variables = [...scripts.start.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]);
  const internal = { discordApi: `${discord.origin}/api`, fileOrigins: [discord.origin] };
  const program = [join(ROOT, 'src/base/compiled.mjs'), join(ROOT, 'test/helpers/start-on-fakes.ts')];
  return endsWithThis(
    spawn(process.execPath, [...program, JSON.stringify(internal)], {
      cwd: folder,
      env: { ...Object.fromEntries(variables), DISCORD_TOKEN: discord.token, MODEL_DIR: model, STATE_DIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
}

/** Megabytes (of 1,000,000 bytes) that a process and all that it has started hold. */
async function megabytesOf(pid: number): Promise<number> {
  const { pss, rss } = await memoryOfTree(pid);
  return (pss ?? rss) / 1e6;
}

/** Processor time, in milliseconds, of a process and all that it has started, by proc(5): those that have ended too. */
async function processorTime(pid: number): Promise<number> {
  const ticks = async (task: number, fields: readonly number[]) => {
    const stat = await readFile(`/proc/${task}/stat`, 'utf8').catch(() => '');
    const numbers = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.reduce((sum, field) => sum + Number(numbers[field - 3] ?? 0), 0);
  };
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  const [own, ...theirs] = await Promise.all([
    ticks(pid, [14, 15, 16, 17]),
    ...children.map((child) => ticks(Number(child), [14, 15])),
  ]);
  return theirs.reduce((sum, time) => sum + time, own) * MS_PER_TICK;
}

/** The bot's answer to a message, or to a file of it, and whether it is what stands in the end. */
function answersTo(discord: FakeDiscord, message: FakeMessage): FakeMessage[] {
  return discord.said(message.channel).filter(({ reference }) => reference?.message_id === message.id);
}

async function measure(model: string, photo: Buffer): Promise<BombsResult> {
  const bombs = await makeBombs();
  const discord = await FakeDiscord.start();
  const folder = await mkdtemp(join(tmpdir(), 'bombs-'));
  const bot = await startBot(discord, model, folder);
  const ended = once(bot, 'exit').then(() => Promise.reject(new Error('the bot ended')));
  try {
    await Promise.race([once(bot.stdout!, 'data'), ended]);
    const small = () => [discord.file(photo, 'photo.jpg', { contentType: 'image/jpeg' })];
    const first = discord.post({ author: user('ann'), files: small() });
    while (answersTo(discord, first).length === 0) await Promise.race([delay(EVERY_MS), ended]);
    const rest = await megabytesOf(bot.pid!);
    let most = rest;
    const posted = performance.now();
    const workBefore = await processorTime(bot.pid!);
    const ten = discord.post({
      author: user('ben'),
      files: bombs.map(({ name, bytes }) => discord.file(bytes, name, { contentType: null })),
    });
    const other = discord.post({ author: user('cat'), files: small() });
    let otherAfter: number | undefined;
    let workUntilOther: number | undefined;
    while (answersTo(discord, ten).length < bombs.length && performance.now() - posted < MOST_MS) {
      await Promise.race([delay(EVERY_MS), ended]);
      most = Math.max(most, await megabytesOf(bot.pid!));
      if (otherAfter === undefined && answersTo(discord, other).length > 0) {
        otherAfter = performance.now() - posted;
        workUntilOther = (await processorTime(bot.pid!)) - workBefore;
      }
    }
    return {
      megabytes: { rest, most },
      milliseconds: { other: otherAfter ?? null, all: performance.now() - posted },
      processorMilliseconds: { other: workUntilOther ?? null, all: (await processorTime(bot.pid!)) - workBefore },
      bombs: bombs.map(({ name, bytes }) => ({ name, megabytes: bytes.length / 1e6 })),
      answers: answersTo(discord, ten).map(({ content }) => content.replaceAll('\n', ' ')),
    };
  } finally {
    bot.kill('SIGTERM');
    await ended.catch(() => {});
    await discord.close();
    await rm(folder, { recursive: true });
  }
}

const [, , model, photo] = process.argv;
process.stdout.write(JSON.stringify(await measure(model!, await readFile(photo!))));
