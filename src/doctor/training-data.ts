import { UserError } from '../base/errors.ts';
import { type Fer2013, readFer2013 } from '../training/data/fer2013.ts';
import { CHUNKS, HOW_TO_SPLIT, VOTES_FILE } from '../training/data/fer2013-files.ts';
import { checkVotes } from '../training/data/votes.ts';
import { findVotes, readVotes } from '../training/data/votes-file.ts';
import type { Check, Found } from './finding.ts';

/** How many rows FER2013 has. */
const ROWS = 35_887;

/** Checks of the training data. Every row is read, but not its pixels: all of FER2013 takes two seconds. */
export function trainingChecks(directory: string): Check[] {
  let reading: Promise<Fer2013> | undefined;
  const data = () => {
    reading ??= readFer2013(directory, { splits: [] });
    return reading;
  };
  return [
    { part: 'Training data', look: () => trainingData(directory, data), remedy: HOW_TO_SPLIT },
    { part: 'Votes', look: () => votes(directory, data), remedy: '' },
  ];
}

async function trainingData(directory: string, data: () => Promise<Fer2013>): Promise<Found> {
  const check = `npm run dataset -- check --data ${directory}`;
  try {
    const { files, rows, skipped, warnings } = await data();
    const finding = `${files.length} ${files.length === 1 ? 'file' : 'files'} in ${directory}, ${rows} rows`;
    const troubles = warnings.map((sentence) => sentence.replace(/\.$/, ''));
    const [bad] = skipped;
    if (bad !== undefined)
      troubles.push(`${skipped.length} of them cannot be read: ${bad.file}, line ${bad.line} ${bad.reason}`);
    if (rows !== ROWS) troubles.push(`FER2013 has ${ROWS} rows in ${CHUNKS} chunks`);
    if (troubles.length === 0) return { state: 'ok', finding, remedy: `${check} looks at the pictures too.` };
    return { state: 'partly', finding: [finding, ...troubles].join('; '), remedy: `All of it: ${check}` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code !== 'no-data') return { state: 'partly', finding: sentence(error), remedy: `All of it: ${check}` };
    return {
      state: 'off',
      finding: `none in ${directory}`,
      remedy: `Only for training: data/README.md says where FER2013 comes from. ${HOW_TO_SPLIT}`,
    };
  }
}

async function votes(directory: string, data: () => Promise<Fer2013>): Promise<Found> {
  const file = await findVotes(directory);
  const without = 'Without it: npm run train -- --labels fer2013';
  if (file === undefined)
    return {
      state: 'off',
      finding: `no ${VOTES_FILE} in ${directory}`,
      remedy: `Only for training by votes: data/README.md. ${without}`,
    };
  try {
    const all = await readVotes(file);
    const faces = await data().catch(() => undefined);
    if (faces !== undefined) checkVotes(all, faces);
    return { state: 'ok', finding: `${file}, votes on ${all.count} faces` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { state: 'partly', finding: sentence(error), remedy: `data/README.md says where it comes from. ${without}` };
  }
}

function sentence({ message }: UserError): string {
  return message.replace(/\.$/, '');
}
