import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { namesIn } from '../base/files.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../photo/decode.ts';
import { centreOf, overlap, type Rectangle, type Size, wayBack } from '../photo/faces/box.ts';
import type { RgbImage } from '../photo/image.ts';
import { readPhotoFile } from '../photo/photo-file.ts';
import { readBoxesFile, wrongBoxes } from './boxes-file.ts';

/** A face whose place is known. */
export interface KnownFace extends Rectangle {
  /** Whether it counts as missed if a detector does not find it. Faces narrower than LEAST_WIDTH do not count. */
  readonly counts: boolean;
}

/** A photo file with the faces in it; none for a picture without people. */
export interface KnownPhoto {
  readonly name: string;
  readonly file: string;
  /** Size of the picture that the boxes refer to, in pixels; absent where there are none. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly faces: readonly KnownFace[];
}

/** Narrower faces do not count as missed. In pixels of the picture that the boxes refer to. */
export const LEAST_WIDTH = 36;

const SCHEMA = z.record(
  z.string(),
  z.object({
    width: z.number().positive(),
    height: z.number().positive(),
    faces: z.array(
      z.object({ x: z.number(), y: z.number(), width: z.number().positive(), height: z.number().positive() }),
    ),
  }),
);

/**
 * Photos with their faces.
 * @param folder folder of the photos
 * @param boxesFile JSON: by file name `{width, height, faces: [{x, y, width, height}]}`, the boxes in pixels of the photo shrunk (or
 *   enlarged) to that width and height
 * @throws UserError bad-data where that file cannot be read as such; not-found and not-allowed
 */
export async function readKnownPhotos(folder: string, boxesFile: string): Promise<KnownPhoto[]> {
  const { value } = await readBoxesFile(boxesFile, 'file of face boxes');
  const { data: boxes, error } = SCHEMA.safeParse(value);
  if (error) throw wrongBoxes(boxesFile, error);
  return Object.entries(boxes).map(([name, { width, height, faces }]) => ({
    name,
    file: join(folder, name),
    size: { width, height },
    faces: faces.map((face) => ({ ...face, counts: face.width >= LEAST_WIDTH })),
  }));
}

/**
 * Pictures without people.
 * @throws UserError no-data where the folder holds none (or is none)
 */
export async function readEmptyPictures(folder: string): Promise<KnownPhoto[]> {
  const names = await namesIn(folder);
  const pictures = names.filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
  if (pictures.length === 0) throw new UserError('no-data', `There are no pictures in ${folder}.`);
  return pictures.map((name) => ({ name, file: join(folder, name), faces: [] }));
}

/** Decodes a file as the bot does. @throws UserError that names the file, where it is not there or cannot be read */
export async function decodeFile(file: string): Promise<RgbImage> {
  try {
    return (await decodePhoto(await readPhotoFile(file, DEFAULT_LIMITS.maxBytes), DEFAULT_LIMITS)).image;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

/** A known photo as the bot sees it. */
interface LoadedPhoto {
  readonly image: RgbImage;
  /** In pixels of that image. */
  readonly faces: readonly KnownFace[];
}

/**
 * Decodes a photo as the bot does.
 * @param tilt degrees to turn it by, clockwise; the new corners are gray, and the boxes keep their sizes
 * @throws UserError as decodeFile does
 */
export async function loadKnownPhoto(photo: KnownPhoto, tilt = 0): Promise<LoadedPhoto> {
  const image = await decodeFile(photo.file);
  const scale = photo.size === undefined ? 1 : image.width / photo.size.width;
  const faces = photo.faces.map(({ x, y, width, height, counts }) => ({
    x: x * scale,
    y: y * scale,
    width: width * scale,
    height: height * scale,
    counts,
  }));
  return tilt === 0 ? { image, faces } : await turned({ image, faces }, tilt);
}

async function turned({ image, faces }: LoadedPhoto, degrees: number): Promise<LoadedPhoto> {
  const { data, info } = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .rotate(degrees, { background: '#808080' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const middle = ({ width, height }: Size) => centreOf({ x: 0, y: 0, width, height });
  // sharp turns clockwise: points are mapped back counter-clockwise.
  const turn = wayBack({ angle: degrees, from: middle(image), to: middle(info) });
  const turnedFaces = faces.map((face) => {
    const { x, y } = centreOf(face);
    const centre = turn(x, y);
    return { ...face, x: centre.x - face.width / 2, y: centre.y - face.height / 2 };
  });
  return { image: { width: info.width, height: info.height, data }, faces: turnedFaces };
}

/** A detector's result on one photo. */
export interface Judgement {
  /** Known faces that count and were found. */
  readonly found: readonly KnownFace[];
  /** Known faces that count and were not found. */
  readonly missed: readonly KnownFace[];
  /** Boxes that do not show a known face. */
  readonly false: readonly Rectangle[];
}

/**
 * A box shows a face if they overlap (intersection over union) by more than this, or if its centre lies in the face and they are alike in
 * size.
 */
const FOUND_OVERLAP = 0.3;
/** Alike in size: neither is this many times as wide as the other. */
const ALIKE = 2;
/** A box is false if it overlaps no face by more than this, and its centre lies in none. */
const FALSE_OVERLAP = 0.2;

function centreIn(box: Rectangle, face: Rectangle): boolean {
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  return x >= face.x && x <= face.x + face.width && y >= face.y && y <= face.y + face.height;
}

/** Whether a box shows a face, by FOUND_OVERLAP and ALIKE. */
export function shows(box: Rectangle, face: Rectangle): boolean {
  if (overlap(box, face).union > FOUND_OVERLAP) return true;
  return centreIn(box, face) && box.width < ALIKE * face.width && face.width < ALIKE * box.width;
}

/** Whether a box shows a known face ('face'), nobody ('false'), or a part of a face or of its surroundings (undefined). */
export function labelOf(box: Rectangle, faces: readonly Rectangle[]): 'face' | 'false' | undefined {
  if (faces.some((face) => shows(box, face))) return 'face';
  const touches = faces.some((face) => overlap(box, face).union > FALSE_OVERLAP || centreIn(box, face));
  return touches ? undefined : 'false';
}

/**
 * Matches boxes with faces. Pairs that overlap most are matched first, and each box shows at most one face.
 * @returns for each face the index of its box, or undefined where none shows it
 */
export function matchBoxes(boxes: readonly Rectangle[], faces: readonly Rectangle[]): (number | undefined)[] {
  const pairs = faces.flatMap((face, f) =>
    boxes.flatMap((box, b) => (shows(box, face) ? [{ f, b, shared: overlap(box, face).union }] : [])),
  );
  const matches: (number | undefined)[] = faces.map(() => undefined);
  for (const { f, b } of pairs.sort((one, other) => other.shared - one.shared))
    if (matches[f] === undefined && !matches.includes(b)) matches[f] = b;
  return matches;
}

/** Compares the boxes found in a photo with its known faces. Each box finds at most one face. */
export function judge(boxes: readonly Rectangle[], faces: readonly KnownFace[]): Judgement {
  const unused = new Set(boxes);
  const found: KnownFace[] = [];
  const missed: KnownFace[] = [];
  for (const face of faces.filter(({ counts }) => counts)) {
    const box = [...unused].find((candidate) => shows(candidate, face));
    if (box) unused.delete(box);
    (box ? found : missed).push(face);
  }
  return { found, missed, false: [...unused].filter((box) => labelOf(box, faces) === 'false') };
}

/** Counts over several photos. */
export interface Tally {
  found: number;
  missed: number;
  false: number;
}

export function tally(judgements: readonly Judgement[]): Tally {
  return addUp(judgements.map(({ found, missed, false: wrong }) => [found.length, missed.length, wrong.length]));
}

/** @param counts found, missed and false of each */
export function addUp(counts: readonly (readonly [number, number, number])[]): Tally {
  const sum = (which: 0 | 1 | 2) => counts.reduce((total, count) => total + count[which], 0);
  return { found: sum(0), missed: sum(1), false: sum(2) };
}
