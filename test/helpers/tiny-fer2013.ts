import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from '../../src/emotion/labels.ts';
import type { FaceSet } from '../../src/training/data/face-set.ts';
import type { Split } from '../../src/training/data/fer2013.ts';

/**
 * A drawn "face" that a small network can tell apart from those of the other six labels within a few steps: an oval with
 * eyes and a mouth, whose height, width and brightness belong to the label, on noise that differs from sample to sample.
 * Mirroring it or turning it a little leaves the label readable.
 * @returns 2304 gray bytes
 */
export function drawTinyFace(label: number, sample: number): Uint8Array {
  const key = `${label} ${sample}`;
  const drawn = faces.get(key) ?? draw(label, sample);
  faces.set(key, drawn);
  return drawn.slice();
}

/** Many tests draw the same few faces. */
const faces = new Map<string, Uint8Array>();

function draw(label: number, sample: number): Uint8Array {
  const random = new Random(label, sample, 77);
  const face = new Uint8Array(FACE_PIXELS);
  const mouth = { y: 30 + 2 * (label % 4), width: 4 + 2 * label, light: label % 2 === 0 ? 20 : 235 };
  const eye = { y: 16, radius: 1.5 + 0.6 * (label % 5) };
  for (let y = 0; y < FACE_SIZE; y++) {
    for (let x = 0; x < FACE_SIZE; x++) {
      let gray = ((x - 23.5) / 19) ** 2 + ((y - 23.5) / 23) ** 2 < 1 ? 150 : 60;
      if (Math.hypot(x - 14, y - eye.y) < eye.radius || Math.hypot(x - 33, y - eye.y) < eye.radius) gray = 10;
      if (Math.abs(y - mouth.y) < 3 && Math.abs(x - 23.5) < mouth.width) gray = mouth.light;
      face[y * FACE_SIZE + x] = Math.round(Math.min(255, Math.max(0, gray + random.between(-18, 18))));
    }
  }
  return face;
}

/** One row of a data set that a test makes. */
export interface TinyRow {
  readonly label: number;
  readonly split: Split;
  readonly face: Uint8Array;
}

/** `perEmotion` different faces of each emotion for each split named, the labels taking turns. */
export function tinyRows(perEmotion: number, splits: readonly Split[] = ['Training']): TinyRow[] {
  return splits.flatMap((split, s) =>
    Array.from({ length: perEmotion * EMOTIONS.length }, (_, i) => {
      const label = i % EMOTIONS.length;
      return { label, split, face: drawTinyFace(label, s * 10_000 + i) };
    }),
  );
}

/** A row as a line of fer2013.csv, without the line break. */
export function csvLine({ label, split, face }: TinyRow): string {
  return `${label},${face.join(' ')},${split}`;
}

/** A whole CSV of the rows, in fer2013.csv's column order. */
export function csvText(rows: readonly TinyRow[]): string {
  return `${['emotion,pixels,Usage', ...rows.map(csvLine)].join('\n')}\n`;
}

/** Rows as a set in memory, as the reader would give it (its rows come from lines 2, 3, … of one file). */
export function tinySet(rows: readonly TinyRow[]): FaceSet {
  const pixels = new Uint8Array(new SharedArrayBuffer(rows.length * FACE_PIXELS));
  rows.forEach(({ face }, i) => {
    pixels.set(face, i * FACE_PIXELS);
  });
  return {
    count: rows.length,
    pixels,
    labels: Uint8Array.from(rows, ({ label }) => label),
    rows: {
      files: ['tiny.csv'],
      file: new Uint16Array(rows.length),
      line: Uint32Array.from(rows, (_, i) => i + 2),
      index: Uint32Array.from(rows, (_, i) => i),
    },
  };
}

/** A new folder that is removed when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'emotion-bot-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes rows into `folder` as chunks fer2013_01 and so on (15 of them, gzipped, unless told), as split-dataset does. */
export async function writeTinyFer2013(
  folder: string,
  rows: readonly TinyRow[],
  { chunks = 15, gzip = true }: { chunks?: number; gzip?: boolean } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let c = 0; c < chunks; c++) {
    const from = Math.floor((c * rows.length) / chunks);
    const to = Math.floor(((c + 1) * rows.length) / chunks);
    const text = csvText(rows.slice(from, to));
    const name = join(folder, `fer2013_${String(c + 1).padStart(2, '0')}.csv`);
    if (gzip) await writeFile(`${name}.gz`, gzipped(text));
    else await writeFile(name, text);
  }
}

/** Many tests write the same few chunks. */
const chunksMade = new Map<string, Buffer>();

function gzipped(text: string): Buffer {
  const bytes = chunksMade.get(text) ?? gzipSync(text, { level: 1 });
  chunksMade.set(text, bytes);
  return bytes;
}

/** Makes a path that nobody can stat: a link to itself. */
export async function unreadable(path: string): Promise<string> {
  await symlink(path, path);
  return path;
}
