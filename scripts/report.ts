import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import type { ReportedPhoto } from '../src/evaluation/report/report.ts';
import { runTool } from './command-line.ts';

const USAGE = `Usage: npm run --silent report -- DIR [--labels FILE] [--output FILE] [--json]
       npm run --silent report -- DIR --draft [--labels FILE]

Reads a folder of photos as the bot does and writes one HTML page: original and annotated side by side, every face, totals.
With a labels file it says which readings are right, wrong and false and which faces were missed, and reads the labelled
photos only; without one it shows all pictures of the folder and judges nothing.

  --labels FILE    the labels (default: DIR/labels.json, where there is one):
                   {"NAME.jpg": {"width", "height", "faces": [{"x", "y", "width", "height", "emotion", "also"}, ...]}, ...},
                   boxes in pixels of the photo resized to that width and height; "also" lists emotions that are right,
                   too, and may be left out
  --draft          start a labels file instead: a box for every face found, its emotion left to you
  --model DIR      the network (default: model/)
  --detector NAME  what finds faces: fusion (default), haar, network
  --output FILE    the page (default: out/report.html); its pictures are in it, about 1 MB a photo
  --json           print one JSON object instead of sentences; the page is written all the same
  --help           show this

Ends with 0 if every photo was read, 1 if one was not, 2 for bad usage.
`;

const SHIPPED = relative('.', fileURLToPath(new URL('../model', import.meta.url)));

/** What was asked for. */
interface Options {
  readonly folder: string;
  readonly labels?: string | undefined;
  readonly output: string;
  readonly model: string;
  readonly detector: string;
  readonly json: boolean;
}

await runTool(async (signal) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      labels: { type: 'string' },
      draft: { type: 'boolean', default: false },
      model: { type: 'string', default: SHIPPED },
      detector: { type: 'string', default: 'fusion' },
      output: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) throw new UserError('bad-usage', 'Name one folder of photos.');
  if (values.draft && (values.json || values.output !== undefined))
    throw new UserError('bad-usage', '--draft writes no page: it goes with --labels, --detector and --model only.');
  const options = { ...values, folder, output: values.output ?? join('out', 'report.html') };
  return values.draft ? await draft(options, signal) : await report(options, signal);
});

/** Reads the photos, writes the page and prints what it comes to. @returns the exit status */
async function report(options: Options, signal: AbortSignal): Promise<number> {
  // Loaded here so that --help and mistakes in usage answer at once.
  const { readLabels } = await import('../src/evaluation/report/labels.ts');
  const { openPageFile } = await import('../src/evaluation/report/page-file.ts');
  const { makeReport } = await import('../src/evaluation/report/report.ts');
  const { pageOf } = await import('../src/evaluation/report/page.ts');
  const { jsonOf } = await import('../src/evaluation/report/words.ts');
  const { photoSentence, reportSentences } = await import('../src/evaluation/report/words.ts');
  const print = (line: string) => process.stdout.write(`${line}\n`);

  const file = options.labels ?? (await defaultLabels(options.folder));
  const labels = file === undefined ? undefined : { file, photos: await readLabels(file) };
  const page = await openPageFile(options.output);
  try {
    const onPhoto = (photo: ReportedPhoto) => {
      if ('error' in photo) process.stderr.write(`${photo.name}: ${photo.error.message}\n`);
      else if (!options.json) print(`${photo.name}: ${photoSentence(photo.faces)}`);
    };
    const answer = await makeReport({ ...options, labels }, onPhoto, signal);
    await page.finish(pageOf(answer));
    const { results, notes } = reportSentences(answer);
    if (options.json) print(JSON.stringify(jsonOf(answer)));
    else for (const sentence of ['', ...results, '', ...notes]) print(sentence);
    process.stderr.write(`The page is ${options.output}.\n`);
    return answer.photos.some((photo) => 'error' in photo) ? 1 : 0;
  } finally {
    await page.discard();
  }
}

/** Writes a labels file to be filled in by a person. @returns the exit status */
async function draft(options: Options, signal: AbortSignal): Promise<number> {
  const { makeDraft } = await import('../src/evaluation/report/make-draft.ts');
  const labels = options.labels ?? join(options.folder, 'labels.json');
  const onBroken = (name: string, error: UserError) => void process.stderr.write(`${name}: ${error.message}\n`);
  const allRead = await makeDraft({ ...options, labels }, onBroken, signal);
  process.stdout.write(
    `${labels} has a box for every face found, from left to right. Write an emotion in place of each "?", remove boxes\n` +
      'that are no faces, and add the faces that were not found.\n',
  );
  return allRead ? 0 : 1;
}

/** DIR/labels.json where there is one. */
async function defaultLabels(folder: string): Promise<string | undefined> {
  const file = join(folder, 'labels.json');
  try {
    await access(file);
    return file;
  } catch {
    // None there: nothing is judged. One that may not be read is another matter, which readLabels explains.
    return undefined;
  }
}
