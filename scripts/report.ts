import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { fileTrouble } from '../src/base/files.ts';
import { shellWord } from '../src/base/shell-words.ts';
import { EMOTIONS } from '../src/emotion/labels.ts';
import type { ReportedPhoto } from '../src/evaluation/report/report.ts';
import { DETECTOR_CHOICES, DETECTORS, type DetectorChoice } from '../src/photo/faces/detector.ts';
import { type Call, inRepository, runAsProcess, tool } from './command-line.ts';
import { choice, flag, text } from './options.ts';

/** The options of the command line, with the folder. */
interface Options {
  readonly folder: string;
  readonly labels: string | undefined;
  readonly 'no-labels': boolean;
  readonly output: string;
  readonly model: string;
  readonly detector: DetectorChoice;
  readonly json: boolean;
}

type CallContext = Pick<Call<unknown>, 'signal' | 'print' | 'say'>;

export const main = tool(
  {
    usage: [
      'npm run --silent report -- DIR [--labels FILE | --no-labels] [--output FILE] [--json]',
      'npm run --silent report -- DIR --draft [--labels FILE]',
    ],
    about: `Reads a folder of photos, and the folders in it, as the bot does and writes one HTML page: original and annotated side by
side, every face, totals.
With a labels file it says which readings are right, wrong and false and which faces were missed, and reads the labelled
photos only; without one it shows all pictures of the folder and judges nothing.`,
    options: {
      labels: text(
        'FILE',
        'the labels (default: DIR/labels.json, where there is one):\n' +
          '{"NAME.jpg" or "FOLDER/NAME.jpg": {"width", "height", "faces": [{"x", "y", "width", "height", "emotion", "also"}, ...]}, ...},\n' +
          'boxes in pixels of the photo resized to that width and height; "also" lists emotions that are right, too, and may be left out;\n' +
          `the emotions are ${EMOTIONS.join(', ')}`,
      ),
      'no-labels': flag('show the photos and judge nothing, whatever labels there are'),
      draft: flag('start a labels file instead: a box for every face found, its emotion left to you'),
      model: text('DIR', 'the network', relative('.', inRepository('model'))),
      detector: choice(DETECTOR_CHOICES, 'what finds faces', DETECTORS[0]),
      output: text('FILE', 'the page; its pictures are in it, about 1 MB a photo', join('out', 'report.html')),
      json: flag('print one JSON object instead of sentences; the page is written all the same'),
    },
    footer: 'Ends with 0 if every photo was read, 1 if one was not, 2 for bad usage.',
  },
  ({ words: [folder, ...rest], ...call }) => {
    if (folder === undefined || rest.length > 0) throw new UserError('bad-usage', 'Name one folder of photos.');
    if (call.values['no-labels'] && (call.values.draft || call.given.includes('labels')))
      throw new UserError('bad-usage', '--no-labels goes with neither --labels nor --draft.');
    if (call.values.draft && (call.values.json || call.given.includes('output')))
      throw new UserError('bad-usage', '--draft writes no page: it goes with --labels, --detector and --model only.');
    const options = { ...call.values, folder };
    return call.values.draft ? draft(options, call) : report(options, call);
  },
);

/** Reads the photos, writes the page and prints the totals. @returns the exit status */
async function report(options: Options, { signal, print, say }: CallContext): Promise<number> {
  // Loaded here so that --help and mistakes in usage answer at once.
  const { readLabels } = await import('../src/evaluation/report/labels.ts');
  const { openPageFile } = await import('../src/evaluation/report/page.ts');
  const { makeReport } = await import('../src/evaluation/report/report.ts');
  const { pageOf } = await import('../src/evaluation/report/page.ts');
  const { jsonOf } = await import('../src/evaluation/report/words.ts');
  const { photoSentence, reportSentences } = await import('../src/evaluation/report/words.ts');

  const file = options['no-labels'] ? undefined : (options.labels ?? (await defaultLabels(options.folder)));
  const labels = file === undefined ? undefined : { file, photos: await readLabels(file) };
  const page = await openPageFile(options.output);
  try {
    const onPhoto = (photo: ReportedPhoto) => {
      if ('error' in photo) say(`${photo.name}: ${photo.error.message}`);
      else if (!options.json) print(`${photo.name}: ${photoSentence(photo.faces)}`);
    };
    const answer = await makeReport({ ...options, labels }, onPhoto, signal);
    await page.finish(pageOf(answer));
    const { results, notes } = reportSentences(answer);
    if (options.json) print(JSON.stringify(jsonOf(answer)));
    else for (const sentence of ['', ...results, '', ...notes]) print(sentence);
    say(`The page is ${options.output}.`);
    return answer.photos.some((photo) => 'error' in photo) ? 1 : 0;
  } finally {
    await page.discard();
  }
}

/** Writes a labels file for a person to fill in. @returns the exit status */
async function draft(options: Options, { signal, print, say }: CallContext): Promise<number> {
  const { makeDraft } = await import('../src/evaluation/report/report.ts');
  const labels = options.labels ?? join(options.folder, 'labels.json');
  const onBroken = (name: string, error: UserError) => say(`${name}: ${error.message}`);
  const allRead = await makeDraft({ ...options, labels }, onBroken, signal);
  print(
    `${labels} has a box for every face found, row by row. Write an emotion in place of each "?", remove boxes\n` +
      'that are no faces, and add the faces that were not found. Then: npm run --silent report -- ' +
      `${shellWord(options.folder)}${options.labels === undefined ? '' : ` --labels ${shellWord(labels)}`}`,
  );
  return allRead ? 0 : 1;
}

/** DIR/labels.json where there is one. */
async function defaultLabels(folder: string): Promise<string | undefined> {
  const file = join(folder, 'labels.json');
  // Where the file exists but cannot be read, readLabels explains why.
  const isMissing = await access(file).then(
    () => false,
    (error: unknown) => fileTrouble(error) === 'missing',
  );
  return isMissing ? undefined : file;
}

await runAsProcess(import.meta.url, main);
