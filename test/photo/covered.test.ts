import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawExamples, fitCovers } from '../../src/evaluation/fit-covers.ts';
import { scoreOutlines } from '../../src/photo/covered.ts';
import { cropFace } from '../../src/photo/crop.ts';
import { flawOf } from '../../src/photo/flaw.ts';
import { type RgbImage, toGray } from '../../src/photo/image.ts';
import { OUTLINES, outlines } from '../../src/photo/outlines.ts';
import { FACES, sampleBytes, toRgb } from '../fixtures/photos.ts';

/** The photos are drawn on at half their size, at which a face is still larger than its crop. */
const SCALE = 0.5;
const PEOPLE = Object.entries(FACES).flatMap(([number, faces]) =>
  faces.map((face) => {
    const [x, y, width] = face.map((length) => SCALE * length) as typeof face;
    return { number: Number(number), box: { x, y, width, height: width, angle: 0 } };
  }),
);
const PHOTOS = [...new Set(PEOPLE.map(({ number }) => number))];

let decoded: Promise<readonly RgbImage[]> | undefined;
/** The photos, decoded once for all tests. */
function photos(): Promise<readonly RgbImage[]> {
  decoded ??= Promise.all(
    PHOTOS.map(async (number) => {
      const { width, height, data } = await toRgb(sampleBytes(number));
      const small = sharp(data, { raw: { width, height, channels: 3 } }).resize(SCALE * width);
      return await toRgb(await small.png({ compressionLevel: 0 }).toBuffer());
    }),
  );
  return decoded;
}

const mask = (colour: string, fold: string) =>
  `<path d="M-46 8Q0-10 46 8L42 34Q22 56 0 58Q-22 56-42 34Z" fill="${colour}"/>
   <path d="M-40 20Q0 14 40 20M-38 30Q0 26 38 30" stroke="${fold}" fill="none" stroke-width="2"/>
   <path d="M-46 8L-60-6M46 8L60-6" stroke="${colour}" stroke-width="3"/>`;
const COVERS: [string, string][] = [
  ['a blue mask', mask('#7fb2d6', '#6a9cc0')],
  ['a black mask', mask('#1d1d20', '#333333')],
  ['a white mask', mask('#eeeeea', '#d0d0d0')],
  [
    'square sunglasses',
    '<path d="M-46-24h40v26h-40zM46-24h-40v26h40z" fill="#101014"/><path d="M-48-23h96v5h-96z" fill="#101014"/>',
  ],
  [
    'round sunglasses',
    `<circle cx="-22" cy="-12" r="17" fill="#3a2a20"/><circle cx="22" cy="-12" r="17" fill="#3a2a20"/>
     <path d="M-8-16h16M-39-14h-12M39-14h12" stroke="#222222" stroke-width="3"/>`,
  ],
];

/** Four fingers side by side, before mouth and chin. @param turn degrees from straight up */
const hand = (turn: number) =>
  `<g transform="translate(2 28) rotate(${turn})" fill="#c99a80" stroke="#8a5f4a" stroke-width="2">
   ${[-26, -13, 0, 13].map((x, k) => `<rect x="${x}" y="${[-18, -24, -23, -16][k]}" width="12" height="90" rx="6"/>`).join('')}</g>`;

/** The crops of all people in the samples, with something drawn over each face. @param drawing around 0, the face 100 wide */
async function crops(drawing: string): Promise<Uint8Array[]> {
  const images = await photos();
  const cropped = await Promise.all(
    images.map(async (image, k) => {
      const boxes = PEOPLE.filter(({ number }) => number === PHOTOS[k]).map(({ box }) => box);
      const drawn = boxes.map(
        ({ x, y, width }) =>
          `<g transform="translate(${x + width / 2} ${y + width / 2}) scale(${width / 100})">${drawing}</g>`,
      );
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${image.width}" height="${image.height}">${drawn.join('')}</svg>`;
      const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
        .composite([{ input: Buffer.from(svg) }])
        .removeAlpha()
        .raw()
        .toBuffer();
      const gray = toGray({ ...image, data });
      return boxes.map((box) => cropFace(gray, box));
    }),
  );
  return cropped.flat();
}

const isCovered = (crop: Uint8Array) => flawOf(crop) === 'covered';

describe('a cover', () => {
  it('lets bare faces be read', async () => {
    expect((await crops('')).filter(flawOf)).toHaveLength(0);
  });

  it.each(COVERS)('sees %s', async (_, drawing) => {
    expect((await crops(drawing)).filter(isCovered).length).toBeGreaterThanOrEqual(PEOPLE.length - 1);
  });

  it('calls no crop covered in which nothing can be seen', () => {
    for (const gray of [0, 128, 255]) expect(flawOf(new Uint8Array(48 ** 2).fill(gray))).toBeUndefined();
    const haze = Uint8Array.from({ length: 48 ** 2 }, (_, k) => 120 + (k % 7));
    expect(flawOf(haze)).toBeUndefined();
  });
});

describe('a hand before the mouth', () => {
  it.each([-50, 0, 40])('that points %i degrees from straight up is seen on most faces', async (turn) => {
    expect((await crops(hand(turn))).filter(isCovered).length).toBeGreaterThanOrEqual(0.6 * PEOPLE.length);
  });
});

describe('outlines', () => {
  const stripes = (gray: (x: number, y: number) => number) =>
    Uint8Array.from({ length: 48 * 48 }, (_, k) => gray(k % 48, Math.floor(k / 48)));

  it('tells which way outlines run', () => {
    const upright = outlines(stripes((x) => (x % 8 < 4 ? 0 : 200)));
    const level = outlines(stripes((_, y) => (y % 8 < 4 ? 0 : 200)));
    const sum = (numbers: Float32Array, direction: number) =>
      numbers.filter((_, k) => k % 8 === direction).reduce((all, value) => all + value, 0);
    expect(sum(upright, 0)).toBeGreaterThan(10);
    expect(sum(upright, 4)).toBe(0);
    expect(sum(level, 4)).toBeGreaterThan(10);
    expect(sum(level, 0)).toBeCloseTo(0);
  });

  it('finds none in a flat crop, and as many in a pale one as in one of strong contrast', () => {
    expect(outlines(new Uint8Array(48 * 48).fill(90)).every((value) => value === 0)).toBe(true);
    const strong = outlines(stripes((x) => (x % 8 < 4 ? 0 : 250)));
    const pale = outlines(stripes((x) => (x % 8 < 4 ? 60 : 160)));
    expect(pale[0]! / strong[0]!).toBeGreaterThan(0.9);
  });
});

describe('fitCovers', () => {
  it('learns from faces what is drawn over others, the same way each time', async () => {
    const faces = await crops('');
    const examples = drawExamples(
      faces.slice(0, 10).flatMap((face) => Array<Uint8Array>(3).fill(face)),
      1,
    );
    const scores = fitCovers(examples, 1);
    expect(scores.mouth.coefficients).toHaveLength(OUTLINES);
    expect(fitCovers(examples, 1)).toEqual(scores);
    const others = drawExamples(faces.slice(10), 2);
    const of = (as: 'nothing' | 'mouth' | 'eyes') =>
      others.filter((seen) => scoreOutlines(seen[as], scores) >= 0.5).length;
    expect(of('nothing')).toBeLessThanOrEqual(1);
    // A third of the mouths are covered by a hand, which ten faces are too few to learn.
    expect(of('mouth') + of('eyes')).toBeGreaterThanOrEqual(1.5 * others.length);
  });
});
