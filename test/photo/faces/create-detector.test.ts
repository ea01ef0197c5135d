import { MessagePort } from 'node:worker_threads';
import sharp, { type OverlayOptions, type Region, type Sharp } from 'sharp';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type FaceBox, overlap } from '../../../src/photo/faces/box.ts';
import { createFaceDetector } from '../../../src/photo/faces/create-detector.ts';
import { searchScale } from '../../../src/photo/faces/search-picture.ts';
import type { RgbImage } from '../../../src/photo/image.ts';
import { FACES, fourColours, sampleBytes, toRgb } from '../../fixtures/photos.ts';

const detector = createFaceDetector();
afterAll(() => detector.close());

function found(boxes: readonly FaceBox[], [x, y, side]: [number, number, number]): FaceBox | undefined {
  return boxes.find((box) => overlap(box, { x, y, width: side, height: side }).union > 0.4);
}

/** Where a face of a photo is in a copy of it. */
function scaled([x, y, side]: [number, number, number], scale: number): [number, number, number] {
  return [x * scale, y * scale, side * scale];
}

/** Everybody in the sample photos. */
const PEOPLE = Object.entries(FACES).flatMap(([number, faces]) =>
  faces.map((face) => ({ number: Number(number), face })),
);

const decoded = new Map<number, Promise<RgbImage>>();

/** Part of a sample photo, for sharp. */
async function cutOut(number: number, part: Region): Promise<Sharp> {
  const photo = decoded.get(number) ?? toRgb(sampleBytes(number));
  decoded.set(number, photo);
  const { data, width, height } = await photo;
  return sharp(data, { raw: { width, height, channels: 3 } }).extract(part);
}

/** Pictures on a ground. */
async function laidOn(
  width: number,
  height: number,
  background: string,
  pictures: OverlayOptions[],
): Promise<RgbImage> {
  const ground = sharp({ create: { width, height, channels: 3, background } });
  const data = await ground.composite(pictures).removeAlpha().raw().toBuffer();
  return { width, height, data };
}

/** A photo of 2048 x 1536 with 28 people whose faces are 40 pixels wide. */
async function crowd(): Promise<{ image: RgbImage; faces: [number, number, number][] }> {
  const heads = await Promise.all(
    PEOPLE.map(async ({ number, face: [x, y, side] }) => {
      const extract = {
        left: Math.max(0, Math.round(x - side / 2)),
        top: Math.max(0, Math.round(y - side / 2)),
        width: side * 2,
        height: side * 2,
      };
      const input = await (await cutOut(number, extract)).resize(80, 80).png().toBuffer();
      return { input, x: ((x - extract.left) * 40) / side, y: ((y - extract.top) * 40) / side };
    }),
  );
  const places = Array.from({ length: 28 }, (_, k) => ({
    ...heads[k % heads.length]!,
    left: 60 + (k % 7) * 280,
    top: 100 + Math.floor(k / 7) * 360,
  }));
  const pictures = places.map(({ input, left, top }) => ({ input, left, top }));
  const faces = places.map(({ left, top, x, y }): [number, number, number] => [left + x, top + y, 40]);
  return { image: await laidOn(2048, 1536, '#6e645a', pictures), faces };
}

/** A sheet of 80 portraits of 44 pixels, edge to edge, each cut from brow to chin. */
async function tightSheet(): Promise<{ image: RgbImage; faces: [number, number, number][] }> {
  const heads = await Promise.all(
    PEOPLE.map(async ({ number, face: [x, y, side] }) => {
      const face = await cutOut(number, { left: Math.round(x), top: Math.round(y), width: side, height: side });
      return await face.resize(44, 44).blur(0.6).png().toBuffer();
    }),
  );
  const places = Array.from({ length: 80 }, (_, k) => ({
    input: heads[k % heads.length]!,
    left: (k % 10) * 44,
    top: Math.floor(k / 10) * 44,
  }));
  const faces = places.map(({ left, top }): [number, number, number] => [left, top, 44]);
  return { image: await laidOn(440, 352, '#ddd', places), faces };
}

const wall = sharp({ create: { width: 1280, height: 960, channels: 3, background: '#93a1b5' } });

/** Bytes of the arrays in a message to a thread: those that are copied with it, and those that both sides share. */
function bytesOf(message: unknown): { copied: number; shared: number } {
  const bytes = { copied: 0, shared: 0 };
  const visit = (value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      bytes[value.buffer instanceof SharedArrayBuffer ? 'shared' : 'copied'] += value.byteLength;
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  visit(message);
  return bytes;
}

describe('createFaceDetector', () => {
  it('finds the people in each of several photos that are asked about at once', async () => {
    const numbers = [1, 3, 4, 6] as const;
    // All but the first of half the size: they are searched faster.
    const images = await Promise.all(
      numbers.map(async (number) =>
        toRgb(number === 1 ? sampleBytes(1) : await sharp(sampleBytes(number)).resize(640).png().toBuffer()),
      ),
    );
    const answers = await Promise.all(images.map((image) => detector.detect(image)));
    for (const [k, number] of numbers.entries()) {
      const scale = images[k]!.width / 1280;
      const missed = FACES[number]!.filter((face) => !found(answers[k]!, scaled(face, scale)));
      // Nothing else: the crest on a sleeve in sample 1 looks like a face to a cascade, and is none at the second look.
      expect([missed, answers[k]!.length], `sample ${number}`).toEqual([[], FACES[number]!.length]);
    }
  });

  it('finds faces that lean by up to 30 degrees and says to which side', async () => {
    const angles = [-30, -20, 20, 30] as const;
    const face = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
    const cell = 640;
    const heads = angles.map(async (angle, k) => {
      const turned = await sharp(face).rotate(angle, { background: '#888888' }).resize(cell, cell).png().toBuffer();
      return { input: turned, left: (k % 2) * cell, top: Math.floor(k / 2) * cell };
    });
    const picture = sharp({ create: { width: 2 * cell, height: 2 * cell, channels: 3, background: '#888888' } });
    const together = await picture
      .composite(await Promise.all(heads))
      .png()
      .toBuffer();
    const boxes = await detector.detect(await toRgb(together));
    for (const [k, angle] of angles.entries()) {
      const here = boxes.filter(
        ({ x, y, width, height }) =>
          Math.floor((x + width / 2) / cell) === k % 2 && Math.floor((y + height / 2) / cell) === Math.floor(k / 2),
      );
      const [surest] = here.sort((one, other) => other.score - one.score);
      expect(surest!.width, `${angle}`).toBeGreaterThan(150);
      expect(Math.abs(surest!.angle - angle), `${angle}`).toBeLessThanOrEqual(20);
    }
  });

  it('finds small faces in a thumbnail', async () => {
    const thumbnail = await toRgb(await sharp(sampleBytes(6)).resize(200).png().toBuffer());
    const boxes = await detector.detect(thumbnail);
    const faces = FACES[6]!.map((face) => scaled(face, 200 / 1280));
    expect(faces.filter((face) => found(boxes, face)).length).toBeGreaterThanOrEqual(3);
    expect(boxes.every(({ width }) => width < 60)).toBe(true);
  });

  it.each([90, 180, 270])('finds the people in a photo that lies turned by %i degrees, and says so', async (turn) => {
    // A small copy: it is searched faster.
    const small = await sharp(sampleBytes(6)).resize(480).png().toBuffer();
    const { width, height } = await toRgb(small);
    const turned = await toRgb(await sharp(small).rotate(turn).png().toBuffer());
    const boxes = await detector.detect(turned);
    expect(boxes).toHaveLength(FACES[6]!.length);
    const back = (box: FaceBox): FaceBox => {
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const [left, top] = { 90: [y, height - x], 180: [width - x, height - y], 270: [width - y, x] }[turn] as number[];
      return { ...box, x: left! - box.width / 2, y: top! - box.height / 2 };
    };
    for (const face of FACES[6]!) {
      const { angle } = found(boxes.map(back), scaled(face, 480 / 1280))!;
      expect(Math.abs(angle - turn)).toBeLessThan(35);
    }
  });

  it('finds the faces of a crowd, one by one', async () => {
    const { image, faces } = await crowd();
    const boxes = await detector.detect(image);
    expect(faces.filter((face) => found(boxes, face)).length).toBeGreaterThanOrEqual(0.9 * faces.length);
    expect(boxes.length).toBeLessThanOrEqual(faces.length);
    expect(Math.max(...boxes.map(({ width }) => width))).toBeLessThan(60);
  });

  it('finds 90 % of the faces of a tight sheet, whose picture is small', async () => {
    const { image, faces } = await tightSheet();
    const boxes = await detector.detect(image);
    expect(faces.filter((face) => found(boxes, face)).length).toBeGreaterThanOrEqual(0.9 * faces.length);
    expect(boxes.length).toBeLessThanOrEqual(1.03 * faces.length);
  });

  it.each([
    ['one colour', sharp({ create: { width: 640, height: 480, channels: 3, background: '#93a1b5' } })],
    ['four colours', fourColours(640, 480)],
    ['a single pixel', sharp({ create: { width: 1, height: 1, channels: 3, background: 'white' } })],
    ['a line', sharp({ create: { width: 3000, height: 1, channels: 3, background: 'white' } })],
  ])('finds nobody in %s', async (_, picture) => {
    expect(await detector.detect(await toRgb(await picture.png().toBuffer()))).toEqual([]);
  });

  it.each(['network', 'haar'] as const)(
    '%s: copies no pixel on the way to its threads, and leaves the main thread free while they work',
    async (choice) => {
      // The cascades alone look many times at anything that may be a face: they get a picture of nothing.
      const image = choice === 'network' ? await toRgb(sampleBytes(2)) : await toRgb(await wall.png().toBuffer());
      const post = vi.spyOn(MessagePort.prototype, 'postMessage');
      const one = choice === 'network' ? detector : createFaceDetector({ detector: choice });
      let ticks = 0;
      const timer = setInterval(() => ticks++, 10);
      try {
        // Large enough for many ticks: the network needs a tenth of a second. On this thread, it would block them all.
        for (let times = choice === 'network' ? 2 : 1; times > 0; times--) await one.detect(image);
        expect(ticks).toBeGreaterThan(10);
        const sent = post.mock.calls.map(([message]) => bytesOf(message));
        expect(Math.max(...sent.map(({ shared }) => shared))).toBeGreaterThan(1_000_000);
        expect(Math.max(...sent.map(({ copied }) => copied))).toBeLessThan(10_000);
      } finally {
        clearInterval(timer);
        post.mockRestore();
        if (one !== detector) await one.close();
      }
    },
  );

  it('stops when it is aborted', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const image = await toRgb(sampleBytes(5));
    // Several, so that there is work left by then: one may take less.
    const detections = Array.from({ length: 8 }, () => detector.detect(image, { signal: controller.signal }));
    const ended = Promise.allSettled(detections);
    setTimeout(() => controller.abort(reason), 50);
    await expect(detections.at(-1)).rejects.toBe(reason);
    await ended;
    // The threads that were ended are replaced.
    expect(await detector.detect(await toRgb(await fourColours(64, 64).png().toBuffer()))).toEqual([]);
  });
});

describe('searchScale', () => {
  it.each([
    [1280, 960, 1],
    [2560, 960, 0.5],
    [1000, 2000, 0.48],
    [960, 720, 4 / 3],
    [200, 150, 2],
  ])('%i x %i is searched at %f', (width, height, scale) => {
    expect(searchScale(width, height)).toBeCloseTo(scale, 5);
  });
});
