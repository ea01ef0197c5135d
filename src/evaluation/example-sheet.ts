import sharp, { type OverlayOptions } from 'sharp';
import { percent } from '../base/numbers.ts';
import type { Reading } from '../emotion/classifier.ts';
import { EMOTIONS, FACE_SIZE } from '../emotion/labels.ts';
import { sameFace } from '../training/data/duplicates.ts';
import { type FaceSet, faceAt } from '../training/data/face-set.ts';
import { enlargedFace, textElement } from '../training/pictures/svg-text.ts';
import { likeliestOf } from './evaluate.ts';

/** Examples of each kind in a row. */
const COLUMNS = 6;
/** Each crop pixel becomes 2 x 2 on the sheet. */
const ZOOM = 2;
const SIDE = FACE_SIZE * ZOOM;
const GAP = 12;
const CAPTION = 40;
const CELL = { width: SIDE + GAP, height: SIDE + CAPTION + GAP };
const MARGIN = 34;
const LABEL_WIDTH = 130;
const TITLE_HEIGHT = 120;
/** Between the right and the wrong ones. */
const MIDDLE = 30;
const WIDTH = MARGIN + LABEL_WIDTH + 2 * COLUMNS * CELL.width + MIDDLE + MARGIN;
const HEIGHT = TITLE_HEIGHT + EMOTIONS.length * CELL.height + MARGIN;

/** A face on the sheet. */
export interface Example {
  /** Its index in the set. */
  readonly index: number;
  /** Indexes into EMOTIONS. */
  readonly label: number;
  readonly read: number;
  /** Probability of what was read, 0..1. */
  readonly confidence: number;
}

/**
 * Of each emotion's faces, those read right and those read wrong with the most confidence, up to six of each; no picture
 * twice. What a network is surest of shows what it has learned, and where it and the labels part.
 * @param readings one a face of the set
 */
export function examplesOf(set: FaceSet, readings: readonly Reading[]): Example[] {
  const all = readings.map((reading, index): Example => {
    const { confidence } = reading;
    return { index, label: set.labels[index]!, read: likeliestOf(reading), confidence };
  });
  return EMOTIONS.flatMap((_, label) =>
    [true, false].flatMap((right) => {
      const kind = all.filter((one) => one.label === label && (one.read === label) === right);
      kind.sort((a, b) => b.confidence - a.confidence || a.index - b.index);
      const chosen: Example[] = [];
      for (const one of kind) {
        if (chosen.length === COLUMNS) break;
        if (!chosen.some(({ index }) => sameFace(faceAt(set, index), faceAt(set, one.index)))) chosen.push(one);
      }
      return chosen;
    }),
  );
}

/** A PNG of these examples, a row for each label: right ones left, wrong ones right, with what was read of each. */
export async function exampleSheet(set: FaceSet, examples: readonly Example[]): Promise<Buffer> {
  const places = new Map(examples.map((example) => [example, placeOf(example, examples)]));
  const faces = examples.map(async (example): Promise<OverlayOptions> => {
    return { input: await enlargedFace(set, example.index, ZOOM), ...places.get(example)! };
  });
  const captions = examples.map((example) => {
    const { left, top } = places.get(example)!;
    const read = `${EMOTIONS[example.read]} ${percent(example.confidence)}`;
    const row = `row ${set.rows.index[example.index]}`;
    const under = (text: string, size: number, line: number) => textElement(text, size, left, top + SIDE + line);
    return under(read, 15, 17) + under(row, 12, 34);
  });
  const titles = [
    textElement('Surest readings', 32, MARGIN, 50),
    textElement('right', 24, MARGIN + LABEL_WIDTH, 95),
    textElement('wrong', 24, MARGIN + LABEL_WIDTH + COLUMNS * CELL.width + MIDDLE, 95),
    ...EMOTIONS.map((emotion, k) => textElement(emotion, 22, MARGIN, TITLE_HEIGHT + k * CELL.height + SIDE / 2)),
  ];
  const lettering = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">${titles.join('')}${captions.join('')}</svg>`;
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: 'white' } })
    .composite([{ input: Buffer.from(lettering), left: 0, top: 0 }, ...(await Promise.all(faces))])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

function placeOf(example: Example, examples: readonly Example[]): { left: number; top: number } {
  const right = example.read === example.label;
  const alike = examples.filter(({ label, read }) => label === example.label && (read === label) === right);
  const column = alike.indexOf(example) + (right ? 0 : COLUMNS);
  return {
    left: MARGIN + LABEL_WIDTH + column * CELL.width + (right ? 0 : MIDDLE),
    top: TITLE_HEIGHT + example.label * CELL.height,
  };
}
