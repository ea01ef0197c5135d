import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql/promise';
import { Random } from '../../src/base/random.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { Chats } from './chats.ts';
import { Fleet, type Program, type ProgramKind } from './fleet.ts';
import { makePhotos } from './photos.ts';
import { DRAWS, planMessages } from './plan.ts';
import { type Judged, judge, open } from './tally.ts';
import { Unrest, type UnrestCounts, type UnrestOptions } from './unrest.ts';
import { Usage } from './usage.ts';

/** What is run, and for how long. */
export interface SoakOptions extends UnrestOptions {
  readonly photos: number;
  /** Photos a second, on average. */
  readonly rate: number;
  readonly bots: number;
  readonly workers: number;
  /** A Redis that runs already; one of its own otherwise, which is restarted once. */
  readonly redis: string | undefined;
  /** Milliseconds without a sign of life after which a worker counts as lost. */
  readonly lostMs: number;
  /** Milliseconds that a stand-in takes to read a photo; undefined where photos are really read. */
  readonly standInMs: number | undefined;
  /** Seconds without any answer after which nothing more is expected. */
  readonly patience: number;
  /** Seconds without anything owed after which nothing more is expected. */
  readonly quiet: number;
  /** Folder for what bots and workers log and remember; absent where nobody wants to read it. */
  readonly logs: string | undefined;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** The result of a run. */
export interface SoakResult {
  readonly judged: readonly Judged[];
  readonly removed: number;
  /** Jobs that journals still held at the end. */
  readonly owed: number;
  /** Seconds from the first photo to the last answer. */
  readonly seconds: number;
  readonly counts: UnrestCounts;
  /** Processes that ended though nobody had killed them, and that did not stop when told, by name. */
  readonly ended: number;
  readonly stuck: readonly string[];
  /** Megabytes at the most: of everything together, and of the largest of each kind. */
  readonly megabytes: Readonly<Record<ProgramKind | 'all', number>>;
  /** Seconds of processor time of all processes of each kind, those that were killed included. */
  readonly processorSeconds: Readonly<Record<ProgramKind, number>>;
}

/** Milliseconds between two looks at what is still owed. */
const LOOK_MS = 500;
/**
 * Failures stop after the last photo was posted: when at most this share of the photos is unanswered, or when this share of the time that
 * posting took has passed.
 */
const CALM_SHARE = 0.1;
const CALM_AFTER = 0.5;
/** Of all messages, how many were posted at least, and at most, when Redis is restarted; and how long it is away, in milliseconds. */
const REDIS_AT = [0.3, 0.6] as const;
const REDIS_AWAY_MS = [200, 2500] as const;

/** Runs bots and workers on fake chats, posts photos, causes failures, and checks the outcome of every photo. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { logs } = options;
  const folder = logs === undefined ? mkdtempSync(join(tmpdir(), 'soak-')) : resolve(logs);
  mkdirSync(folder, { recursive: true });
  const ends: (() => unknown)[] = logs === undefined ? [() => rmSync(folder, { recursive: true, force: true })] : [];
  try {
    const redis = options.redis === undefined ? await startRedis('--appendonly', 'yes') : undefined;
    ends.push(() => redis?.stop());
    const chats = await Chats.start();
    ends.push(() => chats.close());
    const fleet = fleetFor(chats, redis?.url ?? options.redis!, { ...options, folder });
    ends.push(() => fleet.stop());
    await fleet.start(options.signal);
    await chats.greet(options.signal);
    options.log('bots and workers are there');
    return await run(options, chats, fleet, redis);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

function fleetFor(chats: Chats, redisUrl: string, options: SoakOptions & { readonly folder: string }): Fleet {
  const both = onFakes(chats.discord, chats.slack);
  const { bots, workers, folder, logs, standInMs } = options;
  return new Fleet({
    bots,
    workers,
    folder,
    ...(standInMs !== undefined && { standInMs }),
    environment: {
      ...both.environment,
      REDIS_URL: redisUrl,
      READ_BY: 'workers',
      ...(logs !== undefined && { LOG_LEVEL: 'debug' }),
      MODEL_DIR: new URL('../../model', import.meta.url).pathname,
      // Few people post a great deal.
      PERSON_PHOTOS_PER_MINUTE: '0',
      CHANNEL_PHOTOS_PER_MINUTE: '0',
    },
    internal: { ...both.internal, lostMs: options.lostMs },
  });
}

async function run(
  options: SoakOptions,
  chats: Chats,
  fleet: Fleet,
  redis: TestRedis | undefined,
): Promise<SoakResult> {
  const { seed, signal, log, patience, quiet } = options;
  const unrest = new Unrest(options, fleet, chats);
  const calm = new AbortController();
  const usage = new Usage(fleet);
  const restless = unrest.run(AbortSignal.any([calm.signal, signal]));
  const began = performance.now();
  try {
    await post(options, chats, () => restartRedis(redis, seed, unrest.counts));
    const posted = performance.now();
    const calmAt = posted + CALM_AFTER * (posted - began);
    const most = CALM_SHARE * options.photos;
    let [owed, left, quietSince, movedAt] = [0, Infinity, posted, posted];
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      const before = left;
      left = open(judge(chats.posted, chats.said())).length;
      if (left < before) movedAt = now;
      if ((left <= most || now > calmAt) && !calm.signal.aborted) {
        log(`${left} photos are open: nothing goes wrong from now on`);
        calm.abort();
        await restless;
        await chats.removed();
      }
      owed = left === 0 ? await owedBy(fleet.of('bot')) : left;
      if (owed > 0) quietSince = now;
      if (now - quietSince >= 1000 * quiet || now - movedAt > 1000 * patience) break;
      await delay(LOOK_MS);
    }
    const judged = judge(chats.posted, chats.said());
    const last = Math.max(...judged.flatMap(({ said }) => said.map(({ at }) => at)));
    await usage.look();
    const stuck = await fleet.stop();
    return {
      judged,
      removed: chats.posted.filter(({ isRemoved }) => isRemoved).reduce((sum, { files }) => sum + files.length, 0),
      owed,
      seconds: (last - (chats.posted[0]?.at ?? last)) / 1000,
      counts: unrest.counts,
      ended: fleet.programs.reduce((sum, { ends }) => sum + ends, 0),
      stuck: stuck.map(({ name }) => name),
      megabytes: usage.megabytes,
      processorSeconds: usage.processorSeconds,
    };
  } finally {
    calm.abort();
    usage.stop();
    await restless;
    log(`${((performance.now() - began) / 1000).toFixed(0)} seconds`);
  }
}

/** Posts every message in its time. @param restart restarts Redis, which is done once, in the middle */
async function post(options: SoakOptions, chats: Chats, restart: () => Promise<void>): Promise<void> {
  const { seed, signal, log } = options;
  const [photos, messages] = [await makePhotos(), planMessages(options)];
  const restartAt = Math.floor(messages.length * new Random(DRAWS.redis, seed).between(...REDIS_AT));
  let restarting = Promise.resolve();
  for (const [k, message] of messages.entries()) {
    await delay(message.afterMs, undefined, { signal });
    chats.post(message, photos);
    if (k === restartAt) restarting = restart();
    if ((k + 1) % 50 === 0) {
      const judged = judge(chats.posted, chats.said());
      log(`${k + 1} of ${messages.length} messages are posted, ${open(judged).length} photos are open`);
    }
  }
  log('all messages are posted');
  await restarting;
}

async function restartRedis(redis: TestRedis | undefined, seed: number, counts: UnrestCounts): Promise<void> {
  if (redis === undefined) return;
  const start = await redis.takeDown();
  await delay(new Random(DRAWS.redis, seed).between(...REDIS_AWAY_MS));
  await start();
  counts.redisRestarts += 1;
}

/** Jobs that the journals of bots hold. */
async function owedBy(bots: readonly Program[]): Promise<number> {
  let owed = 0;
  for (const { folder } of bots) {
    const database = new Database(join(folder, 'state', 'journal.db'), {});
    try {
      const statement = await database.prepare('SELECT COUNT(*) AS jobs FROM jobs');
      const [row] = (await statement.all()) as { readonly jobs: number }[];
      owed += row?.jobs ?? 0;
    } finally {
      database.close();
    }
  }
  return owed;
}
