import { basename } from 'node:path';
import { Random } from '../base/random.ts';
import type { FaceDetector } from '../photo/faces/detector.ts';
import { type OutlineScore, outlines } from '../photo/outlines.ts';
import { cropFaces } from '../photo/picture-thread.ts';
import { CLOSE, fitOutlines, moved, type OutlineExample } from './fit-outlines.ts';
import { decodeFile } from './known-photos.ts';

/** What a detector boxed in a picture: a person's face or something else. */
export interface Boxed {
  /** The picture's kind: its name up to the first digit or hyphen. Pictures of one thing or person are of one kind. */
  readonly kind: string;
  readonly crop: Uint8Array;
}

/** The crops of all that a detector takes for faces. @throws UserError as decodePhoto does */
export async function cropsIn(files: readonly string[], detector: FaceDetector, signal: AbortSignal): Promise<Boxed[]> {
  const found: Boxed[] = [];
  for (const file of files) {
    const image = await decodeFile(file);
    const crops = await cropFaces(image, await detector.detect(image, { signal }));
    found.push(...crops.map(({ pixels }) => ({ kind: kindOf(file), crop: pixels })));
  }
  return found;
}

function kindOf(file: string): string {
  return /^[^\d-]*/.exec(basename(file))![0];
}

/** Splits what was boxed into two halves, at random. No kind is in both. */
export function halvesByKind(boxed: readonly Boxed[], seed: number): [Boxed[], Boxed[]] {
  const kinds = [...new Set(boxed.map(({ kind }) => kind))].sort();
  const first = new Set(kinds.filter((_, k) => new Random(seed, k).chance(0.5)));
  return [boxed.filter(({ kind }) => first.has(kind)), boxed.filter(({ kind }) => !first.has(kind))];
}

/** How many shifted, turned and scaled copies of each crop are examples too. Things have more, since there are few of them. */
const COPIES = { thing: 20, person: 8 };
/** How these are framed: a detector does not always see how far a head leans. */
const FRAMING = { ...CLOSE, lean: 0.5 };

/**
 * Fits the score that tells things from people. The same crops and seed give the same score.
 * @param faces outlines of more faces, bare and covered, which are people too
 */
export function fitNoPerson(
  people: readonly Boxed[],
  things: readonly Boxed[],
  faces: readonly Float32Array[],
  seed: number,
): OutlineScore {
  const random = new Random(seed);
  const examples = (boxed: readonly Boxed[], copies: number, wanted: boolean): OutlineExample[] =>
    boxed.flatMap(({ crop }) =>
      [crop, ...Array.from({ length: copies }, () => moved(crop, random, FRAMING))].map((seen) => ({
        numbers: outlines(seen),
        wanted,
      })),
    );
  return fitOutlines(
    [
      ...faces.map((numbers) => ({ numbers, wanted: false })),
      ...examples(people, COPIES.person, false),
      ...examples(things, COPIES.thing, true),
    ],
    seed,
  );
}
