import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { UserError } from '../../base/errors.ts';
import { namesIn, statIfThere } from '../../base/files.ts';
import { EMOTIONS, type Emotion, FACE_PIXELS, FACE_SIZE } from '../../emotion/labels.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../photo/decode.ts';
import { toGray } from '../../photo/image.ts';
import type { FaceSet } from './face-set.ts';

/** Labelled faces from a folder, and the files in it that are not pictures. */
interface FaceFolders {
  readonly set: FaceSet;
  readonly ignored: readonly string[];
}

/**
 * Reads a folder with one subfolder for each emotion ('angry', 'Disgust', ... in any case). Every picture in those is a
 * whole face crop of any size: it is made gray and resized to 48 x 48, without detection or margin. Other files are ignored.
 * @throws UserError 'no-data' where there is no such folder, no picture in any, or a folder that cannot be read
 */
export async function readFaceFolders(directory: string): Promise<FaceFolders> {
  const crops: Uint8Array[] = [];
  const labels: number[] = [];
  const files: string[] = [];
  const ignored: string[] = [];
  for (const { name, emotion } of await emotionFolders(directory)) {
    for (const file of await namesIn(join(directory, name))) {
      const path = join(name, file);
      const isFile = (await statIfThere(join(directory, path)))?.isFile();
      const crop = isFile ? await readCrop(join(directory, path)) : undefined;
      if (!crop) {
        ignored.push(path);
        continue;
      }
      crops.push(crop);
      labels.push(EMOTIONS.indexOf(emotion));
      files.push(path);
    }
  }
  if (crops.length === 0)
    throw new UserError(
      'no-data',
      `${directory} holds no labelled faces: it needs folders named ${EMOTIONS.join(', ')} with pictures in them.`,
    );
  const pixels = new Uint8Array(crops.length * FACE_PIXELS);
  crops.forEach((crop, k) => {
    pixels.set(crop, k * FACE_PIXELS);
  });
  const count = crops.length;
  const index = Uint32Array.from({ length: count }, (_, k) => k);
  const rows = { files, file: Uint16Array.from(index), line: new Uint32Array(count), index };
  return { set: { count, pixels, labels: Uint8Array.from(labels), rows }, ignored };
}

async function emotionFolders(directory: string): Promise<{ name: string; emotion: Emotion }[]> {
  return (await namesIn(directory)).sort().flatMap((name) => {
    const emotion = EMOTIONS.find((known) => known === name.toLowerCase());
    return emotion ? [{ name, emotion }] : [];
  });
}

/** A picture file as a 48 x 48 gray crop; undefined where it is no readable picture. */
async function readCrop(path: string): Promise<Uint8Array | undefined> {
  try {
    const { image } = await decodePhoto(await readFile(path), DEFAULT_LIMITS);
    const { data, width, height } = toGray(image);
    const resized = sharp(data, { raw: { width, height, channels: 1 } }).resize(FACE_SIZE, FACE_SIZE, { fit: 'fill' });
    return new Uint8Array(await resized.toColourspace('b-w').raw().toBuffer());
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
