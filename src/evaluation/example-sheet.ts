import type { OverlayOptions } from 'sharp';
import { percent } from '../base/numbers.ts';
import type { Reading } from '../emotion/classifier.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import type { FaceSet } from '../training/data/face-set.ts';
import { drawSheet, enlargedFace, firstDifferent, MARGIN, SIDE } from '../training/pictures/sheet.ts';
import { textElement } from '../training/pictures/svg-text.ts';
import { likeliestOf } from './evaluate.ts';

/** Examples of each kind in a row. */
const COLUMNS = 6;
const GAP = 12;
const CAPTION = 40;
const CELL = { width: SIDE + GAP, height: SIDE + CAPTION + GAP };
const LABEL_WIDTH = 130;
const TITLE_HEIGHT = 120;
/** Gap between the right and the wrong examples, in pixels. */
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
  /** Probability of the emotion that was read, 0..1. */
  readonly confidence: number;
}

/**
 * For each emotion, the faces read right and those read wrong with the highest confidence, up to six of each, and no picture
 * twice. They show what a network has learned, and where it disagrees with the labels.
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
      const chosen = firstDifferent(
        set,
        kind.map(({ index }) => index),
        COLUMNS,
      );
      return chosen.map((index) => all[index]!);
    }),
  );
}

/** A PNG with a row for each label: right examples on the left, wrong ones on the right, each with what was read. */
export async function exampleSheet(set: FaceSet, examples: readonly Example[]): Promise<Buffer> {
  const places = new Map(examples.map((example) => [example, placeOf(example, examples)]));
  const faces = examples.map(async (example): Promise<OverlayOptions> => {
    return { input: await enlargedFace(set, example.index), ...places.get(example)! };
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
  return await drawSheet({ width: WIDTH, height: HEIGHT }, [...titles, ...captions], await Promise.all(faces));
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
