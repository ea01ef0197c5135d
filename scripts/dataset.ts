import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import { explainWrite, writeDurably } from '../src/base/files.ts';
import { checkDataset, formatReport } from '../src/training/data/dataset-check.ts';
import { readFer2013 } from '../src/training/data/fer2013.ts';
import { runTool } from './command-line.ts';

const DATA = fileURLToPath(new URL('../data', import.meta.url));
const SHEET = fileURLToPath(new URL('../out/fer2013-sheet.png', import.meta.url));

const USAGE = `Usage: npm run dataset -- check [--data DIR] [--json]
       npm run dataset -- sheet [--data DIR] [--out FILE.png]

check  counts images per split and emotion against the official numbers, and duplicates, conflicting labels, black
       images, test rows that equal a Training row and bad rows; exits with 1 if something is wrong
sheet  draws samples of every emotion and the class distribution as a picture

  --data DIR  the folder with the FER2013 chunks (default: data/)
  --json      print one JSON object
  --out FILE  where the picture goes (default: out/fer2013-sheet.png)
  --help      show this
`;

await runTool(async (signal) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string', default: DATA },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.length !== 1) throw new UserError('bad-usage', 'Say one of: check, sheet.');
  switch (positionals[0]) {
    case 'check':
      if (values.out !== undefined) throw new UserError('bad-usage', '--out is for sheet: check prints what it finds.');
      return check(values.data, values.json, signal);
    case 'sheet':
      if (values.json) throw new UserError('bad-usage', '--json is for check: sheet draws a picture.');
      return sheet(values.data, values.out ?? SHEET, signal);
    default:
      throw new UserError('bad-usage', `There is no "${positionals[0]}": say check or sheet.`);
  }
});

async function read(directory: string, signal: AbortSignal) {
  const data = await readFer2013(directory, { signal });
  for (const warning of data.warnings) process.stderr.write(`${warning}\n`);
  return data;
}

async function check(directory: string, json: boolean, signal: AbortSignal): Promise<number> {
  const report = checkDataset(await read(directory, signal));
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatReport(report));
  return report.problems.length === 0 ? 0 : 1;
}

async function sheet(directory: string, out: string, signal: AbortSignal): Promise<number> {
  const there = await stat(out).catch(() => undefined);
  if (there && !there.isFile()) throw new UserError('bad-usage', `${out} is there and is no file.`);
  // Loaded here: the charting library takes longer to load than a check takes to run.
  const { datasetSheet } = await import('../src/training/pictures/dataset-sheet.ts');
  const picture = await datasetSheet(await read(directory, signal));
  try {
    await mkdir(dirname(out), { recursive: true });
    await writeDurably(out, picture);
  } catch (error) {
    throw explainWrite(out, error);
  }
  process.stdout.write(`${out}\n`);
  return 0;
}
