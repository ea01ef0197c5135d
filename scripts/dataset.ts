import { dirname } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { explainWrite, makeFolder, statIfThere, writeWhole } from '../src/base/files.ts';
import { checkDataset, formatReport } from '../src/training/data/dataset-check.ts';
import type { Fer2013 } from '../src/training/data/fer2013.ts';
import { OFFICIAL_COUNTS } from '../src/training/data/fer2013-row.ts';
import { votesIfAny } from '../src/training/data/votes.ts';
import type { Votes } from '../src/training/data/votes-file.ts';
import { type Call, inRepository, runAsProcess, tool } from './command-line.ts';
import { actionOf, flag, text } from './options.ts';
import { readData } from './read-data.ts';

export const main = tool(
  {
    usage: ['npm run dataset -- check [--data DIR] [--json]', 'npm run dataset -- sheet [--data DIR] [--out FILE]'],
    about: `check  counts images per split and emotion against the official numbers, and duplicates, conflicting labels, black
       images, test rows that equal a Training row, bad rows, and what people voted where FER+'s fer2013new.csv is
       there; exits with 1 if something is wrong
sheet  draws samples of every emotion and the class distribution as a picture`,
    options: {
      data: text('DIR', 'the folder with the FER2013 chunks', inRepository('data')),
      json: flag('check: print one JSON object'),
      out: text('FILE', 'sheet: where the picture goes', inRepository('out/fer2013-sheet.png')),
    },
  },
  async ({ values: { data, json, out }, words, given, ...call }) => {
    switch (actionOf(words, ['check', 'sheet'])) {
      case 'check':
        if (given.includes('out')) throw new UserError('bad-usage', '--out is for sheet: check prints what it finds.');
        return check(data, json, call);
      case 'sheet':
        if (json) throw new UserError('bad-usage', '--json is for check: sheet draws a picture.');
        return sheet(data, out, call);
    }
  },
);

type CallContext = Pick<Call<unknown>, 'signal' | 'print' | 'say'>;

async function check(directory: string, json: boolean, around: CallContext): Promise<number> {
  const data = await readData(directory, around);
  const report = checkDataset(data, OFFICIAL_COUNTS, await votesOn(data, directory, around.signal));
  around.print(json ? JSON.stringify(report) : formatReport(report).trimEnd());
  return report.problems.length === 0 ? 0 : 1;
}

/** The votes beside the chunks, if there are any, or the error that says why they cannot be used. */
async function votesOn(data: Fer2013, directory: string, signal: AbortSignal): Promise<Votes | UserError | undefined> {
  try {
    return await votesIfAny(data, { directory, signal });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

async function sheet(directory: string, out: string, around: CallContext): Promise<number> {
  const there = await statIfThere(out).catch((error: unknown) => {
    throw explainWrite(out, error);
  });
  if (there && !there.isFile()) throw new UserError('bad-usage', `${out} exists and is not a file.`);
  // Imported here, since the charting library takes longer to load than `check` takes to run.
  const { datasetSheet } = await import('../src/training/pictures/dataset-sheet.ts');
  const picture = await datasetSheet(await readData(directory, around));
  try {
    await makeFolder(dirname(out));
    await writeWhole(out, picture);
  } catch (error) {
    throw explainWrite(out, error);
  }
  around.print(out);
  return 0;
}

await runAsProcess(import.meta.url, main);
