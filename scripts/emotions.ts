import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import type { PhotoReading, PhotoTools } from '../src/photo/read-photo.ts';
import { runTool } from './command-line.ts';

const USAGE = `Usage: npm run --silent emotions -- PHOTO... [--out DIR] [--json]

Finds the faces in photos and says which of seven emotions each expression looks like: a line per person, numbered from
left to right (after the photo's name where there are several).

  --out DIR    write each photo with its numbered boxes to DIR, as NAME-emotions.jpg
  --json       print one JSON object per photo instead, or its error
  --model DIR  the network (default: model/)
  --detector NAME  what finds faces: fusion (default), haar, network
  --help       show this

Ends with 0 if every photo was read, 1 if one was not, 2 for bad usage.
`;

await runTool(async (signal) => {
  const { values, positionals: photos } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
      model: { type: 'string', default: fileURLToPath(new URL('../model', import.meta.url)) },
      detector: { type: 'string', default: 'fusion' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (photos.length === 0) throw new UserError('bad-usage', 'Name at least one photo.');
  return await readAll(photos, values, signal);
});

interface Options {
  readonly out?: string | undefined;
  readonly json: boolean;
  readonly model: string;
  readonly detector: string;
}

/** Reads the photos one after the other, so that answers come in the order asked; one that fails does not stop the rest. */
async function readAll(photos: readonly string[], options: Options, signal: AbortSignal): Promise<number> {
  // Loaded here so that --help and mistakes in usage answer at once.
  const { openOutputFolder } = await import('./output-folder.ts');
  const folder = options.out === undefined ? undefined : await openOutputFolder(options.out, photos);
  const { createFaceDetector } = await import('../src/photo/faces/create-detector.ts');
  const { DETECTORS } = await import('../src/photo/faces/detector.ts');
  const choice = DETECTORS.find((known) => known === options.detector);
  if (!choice) throw new UserError('bad-usage', `--detector is one of ${DETECTORS.join(', ')}.`);
  const { loadClassifier } = await import('../src/emotion/load-classifier.ts');
  const { describeReading } = await import('../src/photo/picture/describe.ts');
  const classifier = await loadClassifier(options.model);
  const detector = createFaceDetector({ detector: choice });
  let allRead = true;
  try {
    for (const photo of photos) {
      const reading = await readOne(photo, { detector, classifier }, folder !== undefined, signal);
      if (reading instanceof UserError) allRead = false;
      if (options.json) process.stdout.write(`${JSON.stringify(toJson(photo, reading))}\n`);
      else if (reading instanceof UserError) process.stderr.write(`${photo}: ${reading.message}\n`);
      else if (reading.faces.length === 0) process.stderr.write(`${photo}: no face found.\n`);
      else {
        const name = photos.length > 1 ? `${photo}: ` : '';
        for (const [k, face] of reading.faces.entries()) {
          process.stdout.write(`${name}${k + 1} ${describeReading(face)}\n`);
        }
      }
      if (folder && !(reading instanceof UserError)) await folder.write(photo, reading.picture!.bytes);
    }
  } finally {
    await Promise.all([detector.close(), classifier.dispose()]);
  }
  return allRead ? 0 : 1;
}

/** What is in one photo, or the mistake that kept it from being read. */
async function readOne(
  photo: string,
  tools: PhotoTools,
  annotate: boolean,
  signal: AbortSignal,
): Promise<PhotoReading | UserError> {
  const { readPhotoFile } = await import('../src/photo/photo-file.ts');
  const { readPhoto } = await import('../src/photo/read-photo.ts');
  const { DEFAULT_LIMITS } = await import('../src/photo/decode.ts');
  try {
    return await readPhoto(await readPhotoFile(photo, DEFAULT_LIMITS.maxBytes), tools, { annotate, signal });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** The object that --json prints for a photo. */
function toJson(photo: string, reading: PhotoReading | UserError) {
  if (reading instanceof UserError) return { photo, error: { code: reading.code, message: reading.message } };
  const { width, height, faces, milliseconds } = reading;
  return {
    photo,
    width,
    height,
    faces: faces.map(({ box, emotion, confidence, scores }) => ({ box, emotion, confidence, scores })),
    milliseconds,
  };
}
