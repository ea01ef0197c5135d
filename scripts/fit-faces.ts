import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../src/base/errors.ts';
import { writeDurably } from '../src/base/files.ts';
import { fitScore, judgeAll, leaveOneOut, lookAt, tallyText } from '../src/evaluation/fit-face-score.ts';
import { readEmptyPictures, readKnownPhotos } from '../src/evaluation/known-photos.ts';
import { EVIDENCE } from '../src/photo/faces/evidence.ts';
import { FACE_SCORE_FILE } from '../src/photo/faces/score.ts';
import { runAsProcess, tool, unlessInterrupted } from './command-line.ts';
import { flag, number, refuseWords, text } from './options.ts';

/** The thresholds at which the result is printed. The score is fitted with --threshold. */
const THRESHOLDS = [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9];

export const main = tool(
  {
    usage: ['npm run --silent fit-faces -- --photos DIR --boxes FILE [--empty DIR] [--threshold N] [--write]'],
    about: `Fits the score that decides whether the face detector keeps a face, on photos whose faces are known. Says how many faces are
found, missed and false: on the same photos, and on each photo with a score that was fitted without it.`,
    options: {
      photos: text('DIR', 'the photos'),
      boxes: text('FILE', 'the faces in them, as npm run evaluate reads them'),
      empty: text('DIR', 'pictures with nobody in them, for more examples of what is no face'),
      threshold: number('N', 'the lowest score of a face', { least: 0, most: 1, open: true }, 0.64),
      write: flag(`keep the score in ${relative('.', fileURLToPath(FACE_SCORE_FILE))}`),
    },
  },
  async ({ values, words, signal, print }) => {
    refuseWords(words);
    if (values.photos === undefined || values.boxes === undefined)
      throw new UserError('bad-usage', 'Name the photos and the file of their faces: --photos DIR --boxes FILE.');
    const { threshold } = values;
    const photos = await readKnownPhotos(values.photos, values.boxes);
    const empty = values.empty === undefined ? [] : await readEmptyPictures(values.empty);
    const seen = await lookAt([...photos, ...empty], signal);
    const known = seen.slice(0, photos.length);
    const score = fitScore(seen, threshold);
    print(`intercept ${score.intercept.toFixed(2)}`);
    print(EVIDENCE.map((name, k) => `  ${name} ${score.coefficients[k]!.toFixed(2)}`).join(''));
    for (const at of THRESHOLDS) {
      const all = judgeAll(known, { ...score, threshold: at });
      const apart = leaveOneOut(seen, known, at);
      const nobody = judgeAll(seen.slice(photos.length), { ...score, threshold: at });
      print(
        `  from ${at}: ${tallyText(all)}; each by the others: ${tallyText(apart)}; nobody there: ${nobody.false} false`,
      );
    }
    await unlessInterrupted(signal);
    if (values.write) await writeDurably(fileURLToPath(FACE_SCORE_FILE), `${JSON.stringify(score, null, 2)}\n`);
    return 0;
  },
);

await runAsProcess(import.meta.url, main);
