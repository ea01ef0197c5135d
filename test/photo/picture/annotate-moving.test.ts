import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { annotateMoving, type MovingMark } from '../../../src/photo/picture/annotate-moving.ts';
import { EMOTION_COLOURS } from '../../../src/photo/picture/colours.ts';
import { reading } from '../../fixtures/readings.ts';

const happy = reading({ happy: 9, neutral: 1 });
const sad = reading({ sad: 9, neutral: 1 });

const FRAMES = 6;
/** Grays that differ from frame to frame. */
const frames = Array.from({ length: FRAMES }, (_, k) => ({
  width: 320,
  height: 200,
  data: new Uint8Array(320 * 200 * 3).fill(100 + 10 * k),
}));
const moving = { frames, milliseconds: [100, 200, 100, 100, 100, 300], loop: 2 };

/** Somebody who walks to the right, sad from the fourth frame on; not seen in the last one. */
const walker: MovingMark = {
  ...happy,
  course: ['happy', 'sad'],
  sightings: new Map(
    Array.from({ length: FRAMES - 1 }, (_, k) => [
      k,
      { ...(k < 3 ? happy : sad), box: { x: 20 + 40 * k, y: 80, width: 60, height: 60 } },
    ]),
  ),
};

/** The first and the last column and row of a frame that have a colour. */
async function extent(file: Buffer, page: number, colour: string): Promise<[number, number, number, number]> {
  const { data, info } = await sharp(file, { page }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const found = new Set<number>();
  const rows = new Set<number>();
  for (let k = 0; k < data.length; k += 3) {
    if (!wanted.every((value, c) => Math.abs(data[k + c]! - value) < 45)) continue;
    found.add((k / 3) % info.width);
    rows.add(Math.floor(k / 3 / info.width));
  }
  return [Math.min(...found), Math.max(...found), Math.min(...rows), Math.max(...rows)];
}

describe('annotateMoving', () => {
  it.each([
    ['gif', 480, 300],
    ['webp', 640, 400],
  ] as const)(
    'draws a %s that plays as the file did, with boxes that follow the faces',
    async (format, width, height) => {
      const picture = await annotateMoving(moving, [walker], format);
      expect(picture).toMatchObject({
        mime: `image/${format}`,
        width,
        height,
        altText: 'Moving picture with 1 face: 1. happy, then sad',
      });
      const file = await sharp(picture.bytes, { animated: true }).metadata();
      expect([file.format, file.width, file.pageHeight, file.pages]).toEqual([format, width, height, FRAMES]);
      expect([file.delay, file.loop]).toEqual([moving.milliseconds, 2]);
      const scale = width / 320;
      // Thin lines lose their colour, so the test looks at the label's plate, which moves with the box.
      const [at] = await extent(picture.bytes, 0, EMOTION_COLOURS.happy);
      const [later] = await extent(picture.bytes, 2, EMOTION_COLOURS.happy);
      expect(Math.abs(later - at - 80 * scale)).toBeLessThan(8);
      expect((await extent(picture.bytes, 4, EMOTION_COLOURS.sad))[0]).toBeGreaterThan(later + 60 * scale);
      const [none] = await extent(picture.bytes, FRAMES - 1, EMOTION_COLOURS.sad);
      expect(none).toBe(Number.POSITIVE_INFINITY);
    },
  );

  it('keeps a label on the same side of its box, whatever else is there', async () => {
    const plateOf = async (file: Buffer, page: number) => await extent(file, page, EMOTION_COLOURS.happy);
    const still = new Map(Array.from({ length: FRAMES }, (_, k) => [k, { ...happy, box: box(120) }]));
    // Somebody else passes right above the label, where a newly placed label would not go.
    const passer: MovingMark = {
      ...sad,
      sightings: new Map([[2, { ...sad, box: { x: 118, y: 20, width: 40, height: 42 } }]]),
    };
    const { bytes } = await annotateMoving(moving, [{ ...happy, sightings: still }, passer], 'webp');
    const [before, during, after] = await Promise.all([1, 2, 3].map((frame) => plateOf(bytes, frame)));
    expect(during).toEqual(before);
    expect(after).toEqual(before);
  });
});

function box(x: number) {
  return { x, y: 80, width: 60, height: 60 };
}
