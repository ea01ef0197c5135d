import { availableParallelism, cpus } from 'node:os';
import { table } from '../../scripts/benchmark/rounds.ts';
import type { SoakResult } from './run.ts';
import { type Fate, type Judged, open, quantile, refusals, wentWrong } from './tally.ts';

const SHARES = { p50: 0.5, p95: 0.95, p99: 0.99, longest: 1 };

/** Where and how it ran. */
export function report(values: Readonly<Record<string, unknown>>) {
  const { seed, photos, bots, workers } = values;
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} threads, Node ${process.version}`;
  return { machine, seed, asked: { photos, bots, workers } };
}

/** All of it, for programs. Photos that were lost or doubled are named, so that logs can be searched for them. */
export function soakJson(result: SoakResult) {
  const { judged, removed, owed, seconds, counts, ended, stuck, megabytes, processorSeconds } = result;
  const count = (fate: Fate) => judged.filter((one) => one.fate === fate).length;
  const waits = waitsOf(judged);
  return {
    photos: {
      answered: count('answered'),
      refused: count('refused'),
      lost: count('lost'),
      doubled: count('doubled'),
      leftThinking: count('thinking'),
      removed,
      wentWrong: wentWrong(judged),
    },
    owed,
    seconds: {
      all: round(seconds),
      ...Object.fromEntries(
        Object.entries(SHARES).map(([name, share]) => [name, round(quantile(waits, share) / 1000)]),
      ),
    } as Record<'all' | keyof typeof SHARES, number>,
    megabytes: {
      all: Math.round(megabytes.all),
      bot: Math.round(megabytes.bot),
      worker: Math.round(megabytes.worker),
    },
    processorSeconds: { bots: round(processorSeconds.bot), workers: round(processorSeconds.worker) },
    unrest: { ...counts, endedByThemselves: ended, stuck },
    refusals: refusals(judged),
    lost: open(judged).map(named),
    doubled: judged.filter(({ fate }) => fate === 'doubled').map(named),
  };
}

export function soakTable(result: SoakResult): string {
  const { photos, owed, seconds, megabytes, processorSeconds, unrest, ...figures } = soakJson(result);
  const {
    killedBots,
    killedWorkers,
    brokenConnections,
    outages,
    serverErrors,
    lostAnswers,
    rateLimits,
    redisRestarts,
  } = unrest;
  const rows: (readonly [string, string | number])[] = [
    ['photos answered', photos.answered],
    ['refused in words', photos.refused],
    ['of those by a failure of the bot’s own', photos.wentWrong],
    ['lost', photos.lost],
    ['doubled', photos.doubled],
    ['commands left ‘thinking’', photos.leftThinking],
    ['removed by their poster, not counted', photos.removed],
    ['still owed in the journals', owed],
    [
      's from posted to answered: p50, p95, p99, longest',
      Object.keys(SHARES)
        .map((name) => seconds[name as 'p50'].toFixed(1))
        .join(', '),
    ],
    ['s from the first photo to the last answer', seconds.all.toFixed(0)],
    [
      'MB at most: all, the largest bot, the largest worker (PSS)',
      `${megabytes.all}, ${megabytes.bot}, ${megabytes.worker}`,
    ],
    ['s of processor time: all bots, all workers', `${processorSeconds.bots}, ${processorSeconds.workers}`],
    ['killed: bots, workers', `${killedBots}, ${killedWorkers}`],
    ['ended by themselves', unrest.endedByThemselves],
    ['broken connections, outages', `${brokenConnections}, ${outages}`],
    ['calls that failed: 5xx, 429, 5xx though it was done', `${serverErrors}, ${rateLimits}, ${lostAnswers}`],
    ['restarts of Redis', redisRestarts],
  ];
  const lists = [
    ...Object.entries(figures.refusals).map(([words, times]) => `- ${times} x ${words.replaceAll('\n', ' ')}`),
    ...figures.lost.map((photo) => `lost: ${JSON.stringify(photo)}`),
    ...figures.doubled.map((photo) => `doubled: ${JSON.stringify(photo)}`),
    ...(unrest.stuck.length > 0 ? [`did not stop when told: ${unrest.stuck.join(', ')}`] : []),
  ];
  const sums = table(
    ['', ''],
    rows.map(([name, value]) => [name, String(value)]),
  );
  return [sums, lists.join('\n')].filter((part) => part !== '').join('\n\n');
}

/** Milliseconds from posted to the first word, the shortest first. */
function waitsOf(judged: readonly Judged[]): number[] {
  return judged
    .flatMap(({ message, said }) => (said[0] ? [Math.max(0, said[0].at - message.at)] : []))
    .sort((a, b) => a - b);
}

function named({ message, kind, said }: Judged) {
  const { platform, channel, id, at } = message;
  const posted = new Date(at).toISOString();
  return {
    platform,
    channel,
    message: id,
    kind,
    posted,
    said: said.map(({ at: when, text }) => `${new Date(when).toISOString()} ${text.slice(0, 60)}`),
  };
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
