import sharp, { type OverlayOptions } from 'sharp';
import { PURPOSE, Random } from '../../base/random.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { countLabels, type FaceSet, indexesWhere, isBlack } from '../data/face-set.ts';
import type { Fer2013 } from '../data/fer2013.ts';
import { classDistribution } from './charts.ts';
import { drawSheet, enlargedFace, firstDifferent, MARGIN, SIDE } from './sheet.ts';
import { textElement } from './svg-text.ts';

/** Samples of each emotion on the sheet. */
const COLUMNS = 12;
const GAP = 8;
const CELL = SIDE + GAP;
const LABEL_WIDTH = 150;
const TITLE_HEIGHT = 90;

/**
 * A picture of the data set: a row of Training faces for each emotion and, below, how many images each split has of each.
 * @param seed chooses the faces
 * @returns a PNG, about 1,460 pixels wide
 */
export async function datasetSheet(data: Fer2013, seed = 0): Promise<Buffer> {
  const { Training, PublicTest, PrivateTest } = data.sets;
  const rows = EMOTIONS.map((_, label) => chooseFaces(Training, label, seed));
  const distribution = await classDistribution({
    Training: countLabels(Training),
    PublicTest: countLabels(PublicTest),
    PrivateTest: countLabels(PrivateTest),
  });

  const width = MARGIN + LABEL_WIDTH + COLUMNS * CELL - GAP + MARGIN;
  const chart = await sharp(distribution).resize({ width }).png().toBuffer({ resolveWithObject: true });
  const facesHeight = TITLE_HEIGHT + EMOTIONS.length * CELL;
  const faces = await Promise.all(rows.flatMap((row, label) => row.map((index, k) => face(Training, index, label, k))));
  const names = EMOTIONS.map((emotion, k) => textElement(emotion, 24, MARGIN, TITLE_HEIGHT + k * CELL + CELL / 2 + 4));
  return await drawSheet(
    { width, height: facesHeight + chart.info.height },
    [textElement('Samples of the Training split', 36, MARGIN, 60), ...names],
    [...faces, { input: chart.data, left: 0, top: facesHeight }],
  );
}

/** Indexes of up to COLUMNS different faces of one emotion, none of them black, the same for the same seed. */
function chooseFaces(set: FaceSet, label: number, seed: number): number[] {
  const candidates = [...indexesWhere(set, (i) => set.labels[i] === label && !isBlack(set, i))];
  const random = new Random(PURPOSE.sheet, seed, label);
  function* drawn() {
    while (candidates.length > 0) yield* candidates.splice(random.below(candidates.length), 1);
  }
  return firstDifferent(set, drawn(), COLUMNS);
}

/** Face `k` of a row, enlarged, at its place on the sheet. */
async function face(set: FaceSet, index: number, label: number, k: number): Promise<OverlayOptions> {
  const input = await enlargedFace(set, index);
  return { input, left: MARGIN + LABEL_WIDTH + k * CELL, top: TITLE_HEIGHT + label * CELL };
}
