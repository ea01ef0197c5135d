import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../src/base/errors.ts';
import { writeDurably } from '../src/base/files.ts';
import { drawExamples } from '../src/evaluation/fit-covers.ts';
import { type Boxed, cropsIn, fitNoPerson, halvesByKind } from '../src/evaluation/fit-no-person.ts';
import { readEmptyPictures } from '../src/evaluation/known-photos.ts';
import { createScoredDetector } from '../src/photo/faces/scored-detector.ts';
import { NO_PERSON_FILE, NO_PERSON_FROM } from '../src/photo/no-person.ts';
import { type OutlineScore, outlines, probabilityBy } from '../src/photo/outlines.ts';
import { firstFaces } from '../src/training/data/face-set.ts';
import { runAsProcess, tool, unlessInterrupted } from './command-line.ts';
import { FROM_ONE, flag, number, refuseWords, text } from './options.ts';
import { readData } from './read-data.ts';

const SEED = 1;
const SCORES = [0.5, 0.7, 0.8, NO_PERSON_FROM, 0.95];

export const main = tool(
  {
    usage: ['npm run --silent fit-no-person -- --people DIR --things DIR [--data DIR] [--faces N] [--write]'],
    about: `Fits the score that decides whether what the detector boxed is perhaps no person's face: on the boxes in pictures of people, those in
pictures with nobody in them, and faces of FER2013's Training split. Says how many it tells: fitted to one half of the pictures, judged on the
other. Pictures whose names are the same up to the first digit or hyphen are of one kind and in the same half.`,
    options: {
      people: text('DIR', 'photos of people, every box in which is a face'),
      things: text('DIR', 'pictures of drawings, badges, wheels and the like'),
      data: text('DIR', 'FER2013', 'data'),
      faces: number('N', 'faces of the Training split to fit to', FROM_ONE, 3000),
      write: flag(`keep a score fitted to all in ${relative('.', fileURLToPath(NO_PERSON_FILE))}`),
    },
  },
  async ({ values, words, signal, print, say }) => {
    refuseWords(words);
    if (values.people === undefined || values.things === undefined)
      throw new UserError('bad-usage', 'Name the pictures of people and of things: --people DIR --things DIR.');
    const detector = createScoredDetector();
    const boxedIn = async (folder: string) =>
      await cropsIn(
        (await readEmptyPictures(folder)).map(({ file }) => file),
        detector,
        signal,
      );
    const people = await boxedIn(values.people);
    const things = await boxedIn(values.things);
    await detector.close();
    const { sets } = await readData(values.data, { signal, say }, { splits: ['Training', 'PublicTest'] });
    const faces = drawExamples(firstFaces(sets.Training, values.faces), SEED).flatMap((seen) => Object.values(seen));
    const kept = firstFaces(sets.PublicTest, 1000);
    const halves = { people: halvesByKind(people, SEED), things: halvesByKind(things, SEED) };
    for (const [fitted, judged] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const score = fitNoPerson(halves.people[fitted], halves.things[fitted], faces, SEED);
      for (const from of SCORES)
        print(
          `half ${judged + 1}, from ${from}: ${countOver(halves.people[judged], score, from)} people, ${countOver(halves.things[judged], score, from)} things, ${shareOver(kept, score, from)} of FER2013`,
        );
    }
    await unlessInterrupted(signal);
    if (values.write) {
      const score = fitNoPerson(people, things, faces, SEED);
      await writeDurably(fileURLToPath(NO_PERSON_FILE), `${JSON.stringify(score)}\n`);
    }
    return 0;
  },
);

function countOver(boxed: readonly Boxed[], score: OutlineScore, from: number): string {
  return shareOver(
    boxed.map(({ crop }) => crop),
    score,
    from,
  );
}

/** "3 of 300" */
function shareOver(crops: readonly Uint8Array[], score: OutlineScore, from: number): string {
  const count = crops.filter((crop) => probabilityBy(score, outlines(crop)) >= from).length;
  return `${count} of ${crops.length}`;
}

await runAsProcess(import.meta.url, main);
