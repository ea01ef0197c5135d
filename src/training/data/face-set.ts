import { EMOTIONS, FACE_PIXELS } from '../../emotion/labels.ts';

/**
 * Where the rows of a set came from, one entry a row: `file[i]` indexes `files`, `line[i]` is the 1-based line in that
 * file (the header is line 1), `index[i]` the 0-based row of the whole data set in file order, as in Kaggle's fer2013.csv.
 */
interface RowOrigins {
  readonly files: readonly string[];
  readonly file: Uint16Array;
  readonly line: Uint32Array;
  readonly index: Uint32Array;
}

/**
 * Labelled face crops, packed. `pixels` holds `count` crops of 48 * 48 gray bytes, row by row (length count * 2304);
 * `labels` holds an index into EMOTIONS for each. Both may lie in shared memory, so that worker threads read them as they are.
 */
export interface FaceSet {
  readonly count: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  readonly rows: RowOrigins;
}

/** The 2304 pixels of crop `index`: a view, not a copy. */
export function faceAt(set: FaceSet, index: number): Uint8Array {
  return set.pixels.subarray(index * FACE_PIXELS, (index + 1) * FACE_PIXELS);
}

/** How many crops of each emotion there are, in label order. */
export function countLabels({ labels }: Pick<FaceSet, 'labels'>): number[] {
  const counts = EMOTIONS.map(() => 0);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** The origin of crop `index` as file:line, for messages. */
export function whereIs(set: FaceSet, index: number): string {
  return `${set.rows.files[set.rows.file[index]!]}:${set.rows.line[index]}`;
}

/** True if every pixel of crop `index` is 0: FER2013 has twelve of these, and nothing can be learned from them. */
export function isBlack(set: FaceSet, index: number): boolean {
  const end = (index + 1) * FACE_PIXELS;
  for (let p = index * FACE_PIXELS; p < end; p++) if (set.pixels[p] !== 0) return false;
  return true;
}

/** Indexes of all rows of the set for which `keep` returns true. */
export function indexesWhere(set: FaceSet, keep: (index: number) => boolean): Uint32Array {
  const kept: number[] = [];
  for (let i = 0; i < set.count; i++) if (keep(i)) kept.push(i);
  return Uint32Array.from(kept);
}

/** A new set (in shared memory) of the rows at `indexes`, in that order. */
export function selectFaces(set: FaceSet, indexes: ArrayLike<number>): FaceSet {
  const n = indexes.length;
  const pixels = new Uint8Array(new SharedArrayBuffer(n * FACE_PIXELS));
  const labels = new Uint8Array(new SharedArrayBuffer(n));
  const file = new Uint16Array(n);
  const line = new Uint32Array(n);
  const index = new Uint32Array(n);
  for (let k = 0; k < n; k++) {
    const i = indexes[k]!;
    pixels.set(faceAt(set, i), k * FACE_PIXELS);
    labels[k] = set.labels[i]!;
    file[k] = set.rows.file[i]!;
    line[k] = set.rows.line[i]!;
    index[k] = set.rows.index[i]!;
  }
  return { count: n, pixels, labels, rows: { files: set.rows.files, file, line, index } };
}

/** The set without its all-black crops. */
export function withoutBlack(set: FaceSet): FaceSet {
  return selectFaces(
    set,
    indexesWhere(set, (i) => !isBlack(set, i)),
  );
}

/** The first crops of a set that are not black, as views. */
export function firstFaces(set: FaceSet, most: number): Uint8Array[] {
  const usable = withoutBlack(set);
  return Array.from({ length: Math.min(most, usable.count) }, (_, k) => faceAt(usable, k));
}
