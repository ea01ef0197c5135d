import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeDurably } from '../src/base/files.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { drawExamples, fitCovers } from '../src/evaluation/fit-covers.ts';
import { LOOSE } from '../src/evaluation/fit-outlines.ts';
import { COVER_SCORES_FILE, COVERED_FROM, type COVERS, scoreOutlines } from '../src/photo/covered.ts';
import { firstFaces } from '../src/training/data/face-set.ts';
import { runAsProcess, tool, unlessInterrupted } from './command-line.ts';
import { FROM_ONE, flag, number, refuseWords, text } from './options.ts';
import { readData } from './read-data.ts';

const SEED = 1;
const SCORES = [0.5, 0.6, COVERED_FROM, 0.8, 0.9];

export const main = tool(
  {
    usage: ['npm run --silent fit-covers -- [--data DIR] [--faces N] [--write]'],
    about: `Fits the scores that decide whether a face's mouth or eyes are covered, on faces of FER2013's Training split with masks and glasses
drawn over them. Says how many bare and covered faces of PublicTest count as covered.`,
    options: {
      data: text('DIR', 'FER2013', 'data'),
      faces: number('N', 'faces of the Training split to fit to', FROM_ONE, 10_000),
      write: flag(`keep the scores in ${relative('.', fileURLToPath(COVER_SCORES_FILE))}`),
    },
  },
  async ({ values, words, signal, print, say }) => {
    refuseWords(words);
    const { sets } = await readData(values.data, { signal, say }, { splits: ['Training', 'PublicTest'] });
    const scores = fitCovers(drawExamples(firstFaces(sets.Training, values.faces), SEED, LOOSE), SEED);
    const kept = drawExamples(firstFaces(sets.PublicTest, 1000), SEED + 1);
    for (const from of SCORES) {
      const share = (as: 'nothing' | (typeof COVERS)[number]) =>
        exactPercent(kept.filter((seen) => scoreOutlines(seen[as], scores) >= from).length / kept.length);
      print(`from ${from}: bare faces ${share('nothing')}, mouths ${share('mouth')}, eyes ${share('eyes')} covered`);
    }
    await unlessInterrupted(signal);
    if (values.write) await writeDurably(fileURLToPath(COVER_SCORES_FILE), `${JSON.stringify(scores)}\n`);
    return 0;
  },
);

await runAsProcess(import.meta.url, main);
