import { unlessAborted } from '../src/base/aborts.ts';
import { UserError } from '../src/base/errors.ts';
import { DETECTOR_CHOICES, DETECTORS, type DetectorChoice } from '../src/photo/faces/detector.ts';
import type { PhotoReading, PhotoTools } from '../src/photo/read-photo.ts';
import { type Call, inRepository, runAsProcess, tool } from './command-line.ts';
import type { Format } from './emotions/formats.ts';
import type { OutputFolder } from './emotions/output-folder.ts';
import type { PhotoSource } from './emotions/photos.ts';
import { type Progress, progressOn } from './emotions/progress.ts';
import { choice, flag, text } from './options.ts';

export const main = tool(
  {
    usage: [
      'npm run --silent emotions -- PHOTO... [--out DIR] [--json | --csv]',
      'npm run --silent emotions -- --watch DIR [--out DIR] [--json | --csv]',
    ],
    about: `Finds the faces in photos and says which of seven emotions each expression looks like: a line per person, numbered
row by row, each from left to right (after the photo's name where there are several). PHOTO is a file, a folder (its pictures and those of the folders
in it), a pattern in quotes such as 'holiday/*.jpg', or - for standard input.`,
    options: {
      out: text('DIR', 'write each photo with its numbered boxes to DIR, as NAME-emotions.jpg; animations as .webp'),
      json: flag('print one JSON object per photo instead, or its error'),
      csv: flag(
        'print comma-separated values instead: a row a person, a photo with nobody or with an error in one row',
      ),
      watch: text('DIR', 'read every photo that is put into DIR from now on, until Ctrl-C'),
      model: text('DIR', 'the network', inRepository('model')),
      detector: choice(DETECTOR_CHOICES, 'what finds faces', DETECTORS[0]),
    },
    footer: 'Ends with 0 if every photo was read, 1 if one was not, 2 for bad usage.',
  },
  async (call) => {
    const { values, words } = call;
    if (values.json && values.csv) throw new UserError('bad-usage', 'Give --json or --csv, not both.');
    if (values.watch !== undefined) {
      if (words.length > 0)
        throw new UserError('bad-usage', '--watch reads what is new in its folder: name no photos.');
      return await watchFolder(call, values.watch);
    }
    if (words.length === 0) throw new UserError('bad-usage', 'Name at least one photo or folder.');
    return await readAll(call);
  },
);

interface Options {
  readonly out: string | undefined;
  readonly json: boolean;
  readonly csv: boolean;
  readonly model: string;
  readonly detector: DetectorChoice;
}

type EmotionsCall = Call<Options>;

// The code that reads photos is imported only where it is needed, so that --help and mistakes in usage answer at once.

/** An empty standard input. */
const NOTHING = (async function* () {})();

/** Reads the photos one after the other, so that results come in the given order. A photo that fails does not stop the others. */
async function readAll(call: EmotionsCall): Promise<number> {
  const { photosOf } = await import('./emotions/photos.ts');
  const { words, values, terminal } = call;
  const photos = await photosOf(words, values.out, terminal.stdin ?? NOTHING);
  const progress = progressOn(terminal.stderr, photos.length);
  const reader = await openReader(call, photos, progress, photos.length > 1);
  try {
    for (const photo of photos) await reader.read(photo);
  } finally {
    progress.clear();
    await reader.close();
  }
  return reader.allRead() ? 0 : 1;
}

/** Reads photos as they are put into a folder. Only Ctrl-C ends it, so that counts as success. */
async function watchFolder(call: EmotionsCall, folder: string): Promise<number> {
  const { newPhotos } = await import('./emotions/watch.ts');
  const { values, signal, say, terminal } = call;
  const reader = await openReader(call, [], progressOn(terminal.stderr, 0), true);
  try {
    const onReady = () => say(`Reading what is put into ${folder} from now on. Ctrl-C ends it.`);
    for await (const photo of newPhotos(folder, values.out, signal, onReady)) await reader.read(photo);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await reader.close();
  }
  return reader.allRead() ? 0 : 1;
}

/** Reads photos and prints the result of each. */
interface Reader {
  read(photo: PhotoSource): Promise<void>;
  /** Whether no photo has failed so far. */
  allRead(): boolean;
  close(): Promise<void>;
}

/** Loads what reads photos. @param named whether each line has the photo's name */
async function openReader(
  { values, signal, print, say }: EmotionsCall,
  photos: readonly PhotoSource[],
  progress: Progress,
  named: boolean,
): Promise<Reader> {
  const folder = values.out === undefined ? undefined : await outputFolder(values.out, photos);
  const format = await formatOf(values, named);
  const { createFaceDetector } = await import('../src/photo/faces/create-detector.ts');
  const { loadClassifier } = await import('../src/emotion/classifier.ts');
  const { whichFrames } = await import('../src/photo/picture/describe.ts');
  const classifier = await loadClassifier(values.model);
  const detector = createFaceDetector({ detector: values.detector });
  let allRead = true;
  if (format.head !== undefined) print(format.head);
  return {
    async read(photo) {
      progress.next(photo.name);
      const reading = await readOne(photo, { detector, classifier }, folder !== undefined, signal);
      const failed = reading instanceof UserError;
      if (failed) allRead = false;
      const drawn = failed ? undefined : reading.picture;
      const ending = drawn?.mime === 'image/webp' ? 'webp' : 'jpg';
      const picture = folder && drawn ? await folder.write(photo, drawn.bytes, ending) : undefined;
      progress.clear();
      for (const line of format.lines({ photo: photo.name, reading, picture })) print(line);
      if (format.tellsAll) return;
      if (failed) return say(`${photo.name}: ${reading.message}`);
      const frames = whichFrames(reading);
      if (frames !== '') say(`${photo.name} is an animation: ${frames} read.`);
      if (reading.faces.length === 0) say(`${photo.name}: no face found.`);
    },
    allRead: () => allRead,
    close: async () => {
      await Promise.all([detector.close(), classifier.dispose()]);
    },
  };
}

async function outputFolder(path: string, photos: readonly PhotoSource[]): Promise<OutputFolder> {
  const { openOutputFolder } = await import('./emotions/output-folder.ts');
  return await openOutputFolder(path, photos);
}

async function formatOf({ json, csv }: Options, named: boolean): Promise<Format> {
  const { AS_CSV, AS_JSON, asLines } = await import('./emotions/formats.ts');
  return json ? AS_JSON : csv ? AS_CSV : asLines(named);
}

/** Reads one photo. @returns its reading, or the error that says why it could not be read */
async function readOne(
  photo: PhotoSource,
  tools: PhotoTools,
  annotate: boolean,
  signal: AbortSignal,
): Promise<PhotoReading | UserError> {
  const { readPhoto } = await import('../src/photo/read-photo.ts');
  const { DEFAULT_LIMITS } = await import('../src/photo/decode.ts');
  try {
    // Standard input may never come to its end.
    const bytes = await unlessAborted(photo.read(DEFAULT_LIMITS.maxBytes), signal);
    return await readPhoto(bytes, tools, { annotate, signal, moving: 'webp' });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

await runAsProcess(import.meta.url, main);
