import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { explainFile } from '../src/base/files.ts';
import { DETECTORS, type DetectorChoice } from '../src/photo/faces/detector.ts';
import type { PhotoReading, PhotoTools } from '../src/photo/read-photo.ts';
import { type Call, choice, flag, inRepository, runAsProcess, text, tool } from './command-line.ts';

export const main = tool(
  {
    usage: ['npm run --silent emotions -- PHOTO... [--out DIR] [--json]'],
    about: `Finds the faces in photos and says which of seven emotions each expression looks like: a line per person, numbered
row by row, each from left to right (after the photo's name where there are several).`,
    options: {
      out: text('DIR', 'write each photo with its numbered boxes to DIR, as NAME-emotions.jpg'),
      json: flag('print one JSON object per photo instead, or its error'),
      model: text('DIR', 'the network', inRepository('model')),
      detector: choice(DETECTORS, 'what finds faces', DETECTORS[0]),
    },
    footer: 'Ends with 0 if every photo was read, 1 if one was not, 2 for bad usage.',
  },
  (call) => {
    if (call.words.length === 0) throw new UserError('bad-usage', 'Name at least one photo.');
    return readAll(call);
  },
);

interface Options {
  readonly out: string | undefined;
  readonly json: boolean;
  readonly model: string;
  readonly detector: DetectorChoice;
}

/** Reads the photos one after the other, so that answers come in the order asked; one that fails does not stop the rest. */
async function readAll({ values, words: photos, signal, print, say }: Call<Options>): Promise<number> {
  // Loaded here so that --help and mistakes in usage answer at once.
  const folder = values.out === undefined ? undefined : await openOutputFolder(values.out, photos);
  const { createFaceDetector } = await import('../src/photo/faces/create-detector.ts');
  const { loadClassifier } = await import('../src/emotion/classifier.ts');
  const { describeReading } = await import('../src/photo/picture/describe.ts');
  const classifier = await loadClassifier(values.model);
  const detector = createFaceDetector({ detector: values.detector });
  let allRead = true;
  try {
    for (const photo of photos) {
      const reading = await readOne(photo, { detector, classifier }, folder !== undefined, signal);
      if (reading instanceof UserError) allRead = false;
      if (values.json) print(JSON.stringify(toJson(photo, reading)));
      else if (reading instanceof UserError) say(`${photo}: ${reading.message}`);
      else if (reading.faces.length === 0) say(`${photo}: no face found.`);
      else {
        const name = photos.length > 1 ? `${photo}: ` : '';
        for (const [k, face] of reading.faces.entries()) {
          print(`${name}${k + 1}. ${describeReading(face)}`);
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
  const { width, height, faces, more, frame, milliseconds } = reading;
  return {
    photo,
    width,
    height,
    faces: faces.map(({ box, emotion, unreadable, confidence, scores }) => ({
      box,
      emotion,
      ...(unreadable && { unreadable }),
      confidence,
      scores,
    })),
    ...(more && { more }),
    ...(frame && { frame }),
    milliseconds,
  };
}

/** A folder that annotated pictures go into, each under a name of its own. */
interface OutputFolder {
  /**
   * Writes one picture, named after its photo: holiday.png becomes holiday-emotions.jpg, and where another photo of this run
   * has that name or one of the photos themselves lies there, holiday-emotions-2.jpg and so on.
   * @param photo path of the photo as it was given
   * @returns the path written
   */
  write(photo: string, picture: Uint8Array): Promise<string>;
}

/**
 * Makes the folder where there is none.
 * @param photos paths of all photos that are read: none of them is ever written to, whatever link leads there
 * @throws UserError bad-usage when the path is not a folder, not-allowed when it may not be made
 */
export async function openOutputFolder(path: string, photos: readonly string[]): Promise<OutputFolder> {
  await makeFolder(path);
  const originals = new Set(await Promise.all(photos.map(identity)));
  // Some file systems hold A.jpg and a.jpg for one name.
  const taken = new Set<string>();
  return {
    async write(photo, picture) {
      const stem = `${parse(photo).name}-emotions`;
      for (let count = 1; ; count++) {
        const name = count === 1 ? `${stem}.jpg` : `${stem}-${count}.jpg`;
        const file = join(path, name);
        const there = await identity(file);
        if (taken.has(name.toLowerCase()) || (there !== undefined && originals.has(there))) continue;
        taken.add(name.toLowerCase());
        try {
          await writeFile(file, picture);
        } catch (error) {
          throw explained(error, file);
        }
        return file;
      }
    },
  };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw explained(error, path);
  }
}

/** A mistake in the folder that was asked for, in words; anything else stays what it is. */
function explained(error: unknown, path: string): unknown {
  const noFolder = ['bad-usage', `${path} is not a folder that pictures can go to.`] as const;
  return explainFile(error, {
    exists: noFolder,
    missing: noFolder,
    folder: noFolder,
    denied: ['not-allowed', `${path} may not be written to.`],
  });
}

/** Which file a path leads to, the same for every link to it; undefined when there is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    // No such file, or one that cannot be looked at: reading or writing it will say so.
    return undefined;
  }
}

await runAsProcess(import.meta.url, main);
