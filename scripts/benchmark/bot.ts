import { fork } from 'node:child_process';
import { once } from 'node:events';
import { DEFAULT_LIMITS } from '../../src/photo/decode.ts';
import { readPhotoFile } from '../../src/photo/photo-file.ts';
import { endsWithThis } from '../children.ts';
import { inRepository } from '../command-line.ts';
import { median, SPREAD, spread, table } from './rounds.ts';
import { RUNS_SOURCE, startBot } from './running-bot.ts';

interface BotBenchmark {
  /** Path of the photo. */
  readonly photo: string;
  /** Directory of the network. */
  readonly model: string;
  /** Says what is going on. */
  readonly log: (sentence: string) => void;
}

/** What a start takes, every counted round in order, in milliseconds. */
interface StartResult {
  /** From the start of the process to its address. */
  readonly address: readonly number[];
  /** Time of processors until then, of all threads. */
  readonly cpu: readonly number[];
  /** From a photo that is posted then to its annotated picture, and the same for the next photo. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** A photo read by the command line, from the start of the process to its end. */
  readonly tool: readonly number[];
}

/**
 * Starts the bot again and again, and times its first answers; the command line reads the same photo. One round before the others is not
 * counted: the sources are compiled in it, and files fetched.
 */
export async function benchmarkStart(options: BotBenchmark & { readonly rounds: number }): Promise<StartResult> {
  const { photo, model, rounds, log } = options;
  const bytes = await readPhotoFile(photo, DEFAULT_LIMITS.maxBytes);
  const result = { address: [], cpu: [], first: [], second: [], tool: [] } as Record<keyof StartResult, number[]>;
  for (let round = 0; round <= rounds; round++) {
    log(`round ${round}${round === 0 ? ' (not counted)' : ''}`);
    const bot = await startBot(model);
    try {
      const { cpuMilliseconds } = await bot.use();
      const [first, second] = [await bot.answer(bytes), await bot.answer(bytes)];
      if (round === 0) continue;
      result.address.push(bot.untilAddress);
      result.cpu.push(cpuMilliseconds);
      result.first.push(first);
      result.second.push(second);
    } finally {
      await bot.stop();
    }
    result.tool.push(await readByCommandLine(photo, model));
  }
  return result;
}

async function readByCommandLine(photo: string, model: string): Promise<number> {
  const started = performance.now();
  const words = [inRepository('scripts/emotions.ts'), photo, '--model', model];
  const child = endsWithThis(fork(RUNS_SOURCE, words, { execArgv: [], stdio: 'ignore' }));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the command line ended with ${code}`);
  return performance.now() - started;
}

const STEPS: readonly (readonly [keyof StartResult, string])[] = [
  ['address', '`npm start` to its address'],
  ['cpu', 'processor time until then'],
  ['first', 'first photo, posted to answered'],
  ['second', 'second photo'],
  ['tool', 'a photo by the command line, from nothing'],
];

export function startTable(result: StartResult): string {
  return table(
    ['', `ms: ${SPREAD}`],
    STEPS.map(([step, name]) => [name, spread(result[step], 0)]),
  );
}

/** The medians, for programs. */
export function startJson(result: StartResult) {
  const middle = (step: keyof StartResult) => Math.round(median(result[step]));
  const milliseconds = Object.fromEntries(STEPS.map(([step]) => [step, middle(step)]));
  return { milliseconds, ratios: { firstVersusSecond: median(result.first) / median(result.second) } };
}

/** What many photos take, one after the other. */
interface MemoryResult {
  /** Megabytes of its processes, once it has started and after each photo. */
  readonly megabytes: readonly number[];
  /** Milliseconds of each photo, from posted to answered. */
  readonly answers: readonly number[];
  /** Longest time that the thread which talks could do nothing else, in milliseconds, photo by photo. */
  readonly blocked: readonly number[];
}

/** Posts the photo so many times to one bot, one after the other. */
export async function benchmarkMemory(options: BotBenchmark & { readonly photos: number }): Promise<MemoryResult> {
  const { photo, model, photos, log } = options;
  const bytes = await readPhotoFile(photo, DEFAULT_LIMITS.maxBytes);
  const bot = await startBot(model);
  try {
    const megabytes = [await bot.megabytes()];
    await bot.use();
    const answers: number[] = [];
    const blocked: number[] = [];
    for (let k = 1; k <= photos; k++) {
      answers.push(await bot.answer(bytes));
      blocked.push((await bot.use()).blockedMilliseconds);
      megabytes.push(await bot.megabytes());
      if (k % Math.ceil(photos / 10) === 0) log(`${k} photos: ${megabytes.at(-1)!.toFixed(0)} MB`);
    }
    return { megabytes, answers, blocked };
  } finally {
    await bot.stop();
  }
}

/** The most that each tenth of the photos left in memory, in MB. */
function tenths({ megabytes: [, ...after] }: MemoryResult): number[] {
  const length = Math.ceil(after.length / 10);
  return Array.from({ length: Math.ceil(after.length / length) }, (_, k) =>
    Math.max(...after.slice(k * length, (k + 1) * length)),
  );
}

export function memoryTable(result: MemoryResult): string {
  const { megabytes, answers, blocked } = result;
  return table(
    ['', ''],
    [
      ['photos', `${answers.length}`],
      ['MB once started', megabytes[0]!.toFixed(0)],
      ['MB after the first photo', megabytes[1]!.toFixed(0)],
      [
        'MB, the most of each tenth',
        tenths(result)
          .map((most) => most.toFixed(0))
          .join(' '),
      ],
      ['MB after the last', megabytes.at(-1)!.toFixed(0)],
      [`ms a photo: ${SPREAD}`, spread(answers, 0)],
      [`ms that the talking thread was blocked, the longest of a photo: ${SPREAD}`, spread(blocked, 0)],
    ],
  );
}

/** The medians and the largest, for programs. */
export function memoryJson(result: MemoryResult) {
  const { megabytes, answers, blocked } = result;
  const most = tenths(result);
  return {
    photos: answers.length,
    megabytes: { started: megabytes[0]!, first: megabytes[1]!, tenths: most, last: megabytes.at(-1)! },
    milliseconds: { photo: median(answers), blocked: median(blocked), longestBlocked: Math.max(...blocked) },
    ratios: { largestTenthVersusSecond: Math.max(...most.slice(1)) / (most[1] ?? most[0]!) },
  };
}
