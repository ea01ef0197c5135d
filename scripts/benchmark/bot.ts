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
  /** Prints progress. */
  readonly log: (sentence: string) => void;
}

/** The times of a start in milliseconds: one of each counted round, in order. */
interface StartResult {
  /** From the start of the process until it prints its address. */
  readonly address: readonly number[];
  /** Processor time of all threads until then. */
  readonly cpu: readonly number[];
  /** From posting the first photo to its annotated picture, and the same for the second photo. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** For the command line to read a photo, from the start of the process to its end. */
  readonly tool: readonly number[];
}

/**
 * Starts the bot several times and times its first answers; the command line reads the same photo. The first round is not counted, since
 * it compiles the sources and reads files into the cache.
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
  ['tool', 'the command line with a photo, start to end'],
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

/** What reading many photos costs, one after the other. */
interface MemoryResult {
  /** Memory of the bot's processes in megabytes: after its start, then after each photo. */
  readonly megabytes: readonly number[];
  /** Milliseconds from posting each photo to its answer. */
  readonly answers: readonly number[];
  /** Longest time that the main thread was blocked during each photo, in milliseconds. */
  readonly blocked: readonly number[];
}

/** Posts the photo to one bot `photos` times, one after the other. */
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

/** The most memory in MB after a photo, for each tenth of the photos. */
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
      [`ms that the main thread was blocked, the longest of a photo: ${SPREAD}`, spread(blocked, 0)],
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
