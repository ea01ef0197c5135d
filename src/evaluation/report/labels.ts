import { rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { nearest } from '../../base/did-you-mean.ts';
import { codeOf, UserError } from '../../base/errors.ts';
import { explainWrite } from '../../base/files.ts';
import { EMOTIONS, type Emotion } from '../../emotion/labels.ts';
import type { Rectangle } from '../../photo/faces/box.ts';
import type { PhotoReading } from '../../photo/read-photo.ts';
import { readBoxesFile, wrongBoxes } from '../boxes-file.ts';

/** A face in a photo with the emotion that a person labelled it with. */
export interface LabelledFace extends Rectangle {
  readonly emotion: Emotion;
  /** Other emotions that count as right, where the face is ambiguous; most faces have none. */
  readonly also: readonly Emotion[];
}

/** Every face in one photo. */
export interface PhotoLabels {
  /** Size of the picture that the boxes refer to, in pixels: the photo's own, or any other of the same shape. */
  readonly width: number;
  readonly height: number;
  /** Boxes in pixels of that size; none for a photo without people. */
  readonly faces: readonly LabelledFace[];
}

/** Labels by the photo's path within the folder, such as 'a.jpg' or 'party/a.jpg'. */
export type Labels = ReadonlyMap<string, PhotoLabels>;

const emotionSchema = z.enum(EMOTIONS, {
  error: ({ input }) => {
    const meant = nearest(String(input), EMOTIONS);
    return `${JSON.stringify(input)} is not an emotion${meant === undefined ? ', and --help lists them' : `; perhaps ${meant} is meant`}`;
  },
});
const side = z.number().positive();
const faceSchema = z.strictObject({
  x: z.number().nonnegative(),
  y: z.number().nonnegative(),
  width: side,
  height: side,
  emotion: emotionSchema,
  also: z.array(emotionSchema).default([]),
});
const photoSchema = z
  .strictObject({ width: side, height: side, faces: z.array(faceSchema) })
  .superRefine(({ width, height, faces }, context) => {
    for (const [k, face] of faces.entries())
      if (face.x + face.width > width || face.y + face.height > height)
        context.addIssue({
          code: 'custom',
          path: ['faces', k],
          message: `the box reaches beyond the ${width} x ${height} pixels`,
        });
  });
const nameSchema = z.string().refine((name) => name.split('/').every((part) => !['', '.', '..'].includes(part)), {
  error: 'the name must be that of a file in the folder or in a folder within it, such as party/1.jpg',
});
const labelsSchema = z.record(nameSchema, photoSchema);

/**
 * Reads a labels file: JSON, by photo `{"width", "height", "faces": [{"x", "y", "width", "height", "emotion", "also"?}]}`. Without the
 * emotions it is what `npm run evaluate -- --boxes` reads.
 * @throws UserError no-data for a draft that is not filled in; bad-data with the photo, the face and what is wrong with it; not-found and
 *   not-allowed
 */
export async function readLabels(file: string): Promise<Labels> {
  const { text, value } = await readBoxesFile(file, 'labels file');
  const parsed = labelsSchema.safeParse(value);
  if (parsed.success) return new Map(Object.entries(parsed.data));
  const toDo = parsed.error.issues.filter(({ path }) => path.at(-1) === 'emotion').length;
  const open = [...text.matchAll(DRAFTED)].length;
  if (open > 0 && toDo === parsed.error.issues.length) {
    throw new UserError(
      'no-data',
      `${file} is not filled in yet: ${open} ${open === 1 ? 'face still has' : 'faces still have'} a "${TO_BE_LABELLED}". Write one of ` +
        `${EMOTIONS.join(', ')} in its place and run this again, or look at the photos without labels: --no-labels.`,
    );
  }
  throw wrongBoxes(file, parsed.error);
}

/** Placeholder in a draft where a person must write an emotion. readLabels refuses it, so that none is forgotten. */
const TO_BE_LABELLED = '?';
const DRAFTED = /"emotion"\s*:\s*"\?"/g;

/** By photo name: its size, in pixels, and the boxes found in it. */
type Draft = ReadonlyMap<string, Pick<PhotoReading, 'width' | 'height' | 'faces'>>;

/**
 * Starts a labels file with a box for every face that was found, row by row. It leaves the readings out, since they would
 * influence the person who labels. That person adds missed faces and removes false boxes.
 * @throws UserError not-allowed where there is a file already, or none may be made
 */
export async function writeDraft(file: string, photos: Draft): Promise<void> {
  const entries = [...photos].map(([name, { width, height, faces }]) => {
    const lines = faces.map(({ box }) => {
      const { x, y, width: wide, height: high } = box;
      return `\n      ${JSON.stringify({ x, y, width: wide, height: high, emotion: TO_BE_LABELLED })}`;
    });
    const list = lines.length === 0 ? '[]' : `[${lines.join(',')}\n    ]`;
    return `  ${JSON.stringify(name)}: {\n    "width": ${width},\n    "height": ${height},\n    "faces": ${list}\n  }`;
  });
  try {
    await writeFile(file, `{\n${entries.join(',\n')}\n}\n`, { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw alreadyThere(file);
    // Half a file would be taken for a person's labels.
    await rm(file, { force: true }).catch(() => {});
    throw explainWrite(file, error);
  }
}

/** The error that there is a labels file already: no draft replaces a person's labels. */
export function alreadyThere(file: string): UserError {
  return new UserError('not-allowed', `${file} exists already and is not replaced. Name another file with --labels.`);
}
