import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { inRepository } from '../command-line.ts';
import { table } from './rounds.ts';

/** What reading ten bombs cost a bot. */
export interface BombsResult {
  /** Memory of all the bot's processes (PSS) in megabytes of 1,000,000 bytes: after a first photo, and the most while it read the bombs. */
  readonly megabytes: { readonly rest: number; readonly most: number };
  /** From the bombs' message to the answer to another person's photo (null where there was none), and to the last answer to a bomb. */
  readonly milliseconds: { readonly other: number | null; readonly all: number };
  /** Processor time of all the bot's processes over the same spans. It says more than the clock on a busy machine. */
  readonly processorMilliseconds: { readonly other: number | null; readonly all: number };
  readonly bombs: readonly { readonly name: string; readonly megabytes: number }[];
  /** The texts of the answers, in their order. */
  readonly answers: readonly string[];
}

/**
 * Posts ten pictures at once, most of about 30 MB, to a bot that is connected to the tests' fake Discord on this machine. It therefore
 * needs the tests' files. Linux only.
 */
export async function benchmarkBombs(options: {
  readonly photo: string;
  readonly model: string;
}): Promise<BombsResult> {
  const program = [inRepository('src/base/compiled.mjs'), inRepository('test/bombs/bombs.ts')];
  const words = [...program, resolve(options.model), resolve(options.photo)];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 1e8 });
  return JSON.parse(stdout) as BombsResult;
}

export function bombsTable({ megabytes, milliseconds, processorMilliseconds, bombs, answers }: BombsResult): string {
  const seconds = (time: number | null) => (time === null ? 'never' : (time / 1000).toFixed(1));
  const sums = table(
    ['', ''],
    [
      ['MB of all processes after a first photo (PSS)', megabytes.rest.toFixed(0)],
      ['MB at most, while the ten were read', megabytes.most.toFixed(0)],
      ['s until the other person was answered', seconds(milliseconds.other)],
      ['s of processor time until then', seconds(processorMilliseconds.other)],
      ['s until the last of the ten was', seconds(milliseconds.all)],
      ['s of processor time until then', seconds(processorMilliseconds.all)],
    ],
  );
  const files = table(
    ['file', 'MB'],
    bombs.map((bomb) => [bomb.name, bomb.megabytes.toFixed(1)]),
  );
  return `${sums}\n\n${files}\n\n${answers.map((words) => `- ${words}`).join('\n')}`;
}
