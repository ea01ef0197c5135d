import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { textWidth } from '../../../src/base/lettering.ts';
import { OFFICIAL_COUNTS } from '../../../src/training/data/fer2013-row.ts';
import {
  classDistribution,
  confusionMatrix,
  confusionSubtitle,
  learningCurves,
} from '../../../src/training/pictures/charts.ts';
import { outlineText, textPath } from '../../../src/training/pictures/svg-text.ts';

const TRAINING = 0x0072b2;
const VALIDATION = 0xd55e00;
const WHITE = 0xffffff;

interface Picture {
  width: number;
  height: number;
  /** The colour of a pixel as 0xRRGGBB. */
  at(x: number, y: number): number;
}

async function open(png: Buffer): Promise<Picture> {
  expect((await sharp(png).metadata()).format).toBe('png');
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => {
    const p = (y * info.width + x) * 3;
    return (data[p]! << 16) | (data[p + 1]! << 8) | data[p + 2]!;
  };
  return { width: info.width, height: info.height, at };
}

/** How many pixels of the picture satisfy `test`. */
function countPixels({ width, height, at }: Picture, test: (colour: number, x: number, y: number) => boolean): number {
  let n = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (test(at(x, y), x, y)) n++;
  return n;
}

/** True if a white frame of 10 pixels goes round: nothing is cut off at the edge. */
const hasMargin = (picture: Picture) =>
  countPixels(
    picture,
    (colour, x, y) => (x < 10 || y < 10 || x >= picture.width - 10 || y >= picture.height - 10) && colour !== WHITE,
  ) === 0;

const epochs = Array.from({ length: 12 }, (_, i) => ({
  loss: 1 + 1 / (i + 1),
  accuracy: 0.7 - 0.4 / (i + 1),
  valLoss: 1.1 + 1 / (i + 1),
  valAccuracy: 0.65 - 0.4 / (i + 1),
}));

describe('learningCurves', () => {
  it('draws both sets in both panels, with a margin all round', async () => {
    const picture = await open(await learningCurves(epochs, 'tiny'));
    expect(hasMargin(picture)).toBe(true);
    const middle = picture.width / 2;
    // Below the legend and the title, which use the colours too.
    const below = 0.25 * picture.height;
    for (const colour of [TRAINING, VALIDATION]) {
      const left = countPixels(picture, (c, x, y) => x < middle && y > below && c === colour);
      const right = countPixels(picture, (c, x, y) => x > middle && y > below && c === colour);
      expect(left).toBeGreaterThan(500);
      expect(right).toBeGreaterThan(500);
    }
  });

  it('draws loss on the left and accuracy on the right, each set in its colour', async () => {
    // Of the losses training's is the higher one all along, of the accuracies validation's.
    const apart = epochs.map((epoch) => ({ ...epoch, valLoss: 0.2, accuracy: 0.1, valAccuracy: 0.9 }));
    const picture = await open(await learningCurves(apart, 'tiny'));
    const height = (colour: number, right: boolean) => {
      const found: number[] = [];
      countPixels(picture, (c, x, y) => {
        const inPanel = y > 0.25 * picture.height && x > picture.width / 2 === right;
        if (inPanel && c === colour) found.push(picture.height - y);
        return false;
      });
      return found.reduce((sum, y) => sum + y, 0) / found.length;
    };
    expect(height(TRAINING, false)).toBeGreaterThan(height(VALIDATION, false) + 100);
    expect(height(VALIDATION, true)).toBeGreaterThan(height(TRAINING, true) + 100);
  });

  it('draws a single epoch, and very many', async () => {
    const one = await open(await learningCurves(epochs.slice(0, 1), 'tiny'));
    expect(countPixels(one, (c, _, y) => y > 0.25 * one.height && c === TRAINING)).toBeGreaterThan(50);
    const many = await open(await learningCurves(Array(300).fill(epochs[3]), 'an-architecture-with-a-long-name'));
    expect(hasMargin(many)).toBe(true);
  });

  it('refuses no epoch', () => {
    expect(() => learningCurves([], 'tiny')).toThrow(RangeError);
  });
});

describe('confusionMatrix', () => {
  const diagonal = OFFICIAL_COUNTS.PrivateTest.map((n, i) =>
    OFFICIAL_COUNTS.PrivateTest.map((_, j) => (i === j ? n : 0)),
  );

  it('shades a cell by its share of the row: seven full cells for a perfect matrix', async () => {
    const dark = 0x0b4f8a;
    const perfect = await open(await confusionMatrix(diagonal, 'tiny on PrivateTest'));
    expect(hasMargin(perfect)).toBe(true);
    // Seven cells of 78 x 62 units at 4 pixels a unit, less strokes and letters. Classes of 55 and 879 images alike.
    const cells = countPixels(perfect, (c) => c === dark) / (78 * 62 * 4);
    expect(cells).toBeGreaterThan(5.8);
    expect(cells).toBeLessThan(7);
    const even = await open(
      await confusionMatrix(
        diagonal.map((row) => row.map(() => 10)),
        'tiny',
      ),
    );
    expect(countPixels(even, (c) => c === dark) / (78 * 62 * 4)).toBeLessThan(0.1);
  });

  it('has the true emotions in rows and the predicted ones in columns', async () => {
    const dark = 0x0b4f8a;
    // Every angry face is taken for a neutral one: the cell on the top right.
    const matrix = diagonal.map((row, truth) => row.map((_, predicted) => (truth === 0 && predicted === 6 ? 40 : 0)));
    const picture = await open(await confusionMatrix(matrix, 'tiny'));
    const [right, top] = [picture.width / 2, picture.height / 2];
    const cell = 78 * 62 * 4;
    expect(countPixels(picture, (c, x, y) => c === dark && x > right && y < top) / cell).toBeGreaterThan(0.8);
    expect(countPixels(picture, (c, x, y) => c === dark && x < right && y > top) / cell).toBeLessThan(0.1);
  });

  it('says what it counts', () => {
    const of = (count: number) => diagonal.map((row, i) => row.map((_, j) => (i === 0 && j === 0 ? count : 0)));
    expect(confusionSubtitle(of(5), 'reading')).toBe('Accuracy 100.0 %, macro recall 100.0 %, 5 readings');
    expect(confusionSubtitle(of(1), 'reading')).toMatch(/, 1 reading$/);
    expect(confusionSubtitle(diagonal, 'image')).toMatch(/, 3,589 images$/);
  });

  it('draws an emotion with no image, and none at all', async () => {
    const empty = await open(
      await confusionMatrix(
        diagonal.map((row) => row.map(() => 0)),
        'nothing',
      ),
    );
    expect(hasMargin(empty)).toBe(true);
  });
});

describe('classDistribution', () => {
  it('draws bars as long as the counts, scaled to each split', async () => {
    const picture = await open(await classDistribution(OFFICIAL_COUNTS));
    expect(hasMargin(picture)).toBe(true);
    // The longest bar of each panel is happy's, 1 / 1.45 of the panel's 270 units.
    const rows = Array.from({ length: picture.height }, (_, y) => {
      let longest = 0;
      for (let x = 0, run = 0; x < picture.width; x++) {
        run = picture.at(x, y) === TRAINING ? run + 1 : 0;
        longest = Math.max(longest, run);
      }
      return longest;
    });
    expect(Math.abs(Math.max(...rows) - (2 * 270) / 1.45)).toBeLessThan(5);
  });

  it('draws an empty split', async () => {
    const counts = { ...OFFICIAL_COUNTS, PublicTest: Array(7).fill(0) };
    expect(hasMargin(await open(await classDistribution(counts)))).toBe(true);
  });
});

describe('outlineText', () => {
  it('puts the outlines where the text was and leaves no text', () => {
    const svg =
      '<svg><text text-anchor="end" transform="translate(4,5)" font-size="10px" fill="#123" opacity="0">a &amp; b</text></svg>';
    expect(outlineText(svg)).toBe(
      `<svg><path d="${textPath('a & b', 10, 'end')}" transform="translate(4,5)" fill="#123" opacity="0"/></svg>`,
    );
  });

  it('refuses text of several lines rather than drawing none of it', () => {
    expect(() => outlineText('<text><tspan>a</tspan><tspan>b</tspan></text>')).toThrow('several lines');
  });
});

describe('textPath', () => {
  it('anchors at the start, the middle and the end', () => {
    const first = (anchor: 'start' | 'middle' | 'end') => Number(/^M(-?[\d.]+)/.exec(textPath('HHHH', 20, anchor))![1]);
    const width = textWidth('HHHH', 20);
    expect(width).toBeGreaterThan(40);
    expect(first('start') - first('middle')).toBeCloseTo(width / 2, 1);
    expect(first('start') - first('end')).toBeCloseTo(width, 1);
  });

  it('writes numbers that stay apart, also where one rounds to minus zero', () => {
    for (const text of ['8', '0', '287', 'é']) {
      for (const size of [11, 12, 16]) {
        const path = textPath(text, size, 'middle');
        expect(path).toMatch(/^M/);
        // Every command has the numbers it needs, of two decimals each.
        expect(path.replace(/[ML](-?\d+\.\d\d ){1}-?\d+\.\d\d|Q(-?\d+\.\d\d ){3}-?\d+\.\d\d|Z/g, '')).toBe('');
      }
    }
  });
});
