import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { spread } from '../../src/photo/decoder/frames.ts';
import { animation, plainFrame } from '../fixtures/animations.ts';
import { fourColours, pixel } from '../fixtures/photos.ts';

const decode = (file: Buffer, most = 24, maxSide = 640) =>
  decodePhoto(file, DEFAULT_LIMITS, undefined, { most, maxSide });
/** A frame of a GIF at the top left of those before it: its delay, its place, its only pixel. (GIF 89a, 23, 20 and 22.) */
const ONE_PIXEL = Buffer.from([
  ...[0x21, 0xf9, 4, 4, 10, 0, 0, 0],
  ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0],
  ...[2, 2, 0x44, 1, 0],
]);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('decodePhoto of an animation whose frames are wanted', () => {
  it.each(['gif', 'webp'] as const)('gives all frames of a short %s, and how it plays', async (format) => {
    const grays = [30, 90, 150, 210];
    const frames = await Promise.all(grays.map((gray) => plainFrame(60, 40, gray)));
    const {
      width,
      height,
      animation: moving,
      frame,
    } = await decode(await animation(frames, format, { delay: [100, 200, 300, 10], loop: 3 }));
    expect({ width, height, frame }).toEqual({ width: 60, height: 40, frame: undefined });
    expect(moving!.frames.map((image) => Math.abs(pixel(image, 30, 20)[0]! - 128))).toEqual(
      [98, 38, 22, 82].map((value) => expect.closeTo(value, -1)),
    );
    expect(moving!.frames.map((image) => [image.width, image.height])).toEqual(Array(4).fill([60, 40]));
    // 10 ms say nothing.
    expect(moving).toMatchObject({ of: 4, loop: 3, milliseconds: [100, 200, 300, 100] });
  });

  it('gives frames spread over a long one, which last as long together', async () => {
    // Each has a colour of its own, of four steps of red, green and blue.
    const colour = (k: number) => [k & 3, (k >> 2) & 3, k >> 4].map((step) => step * 85);
    const frames = Array.from({ length: 60 }, (_, k) => {
      const [r, g, b] = colour(k) as [number, number, number];
      return sharp({ create: { width: 48, height: 32, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer();
    });
    const { animation: moving } = await decode(await animation(await Promise.all(frames), 'gif', { delay: 50 }), 6);
    expect(moving!.of).toBe(60);
    const seen = moving!.frames.map((image) => pixel(image, 9, 9).map((value) => Math.round(value / 85) * 85));
    expect(seen).toEqual([5, 15, 25, 35, 45, 55].map(colour));
    expect(sum(moving!.milliseconds)).toBe(60 * 50);
  });

  it('shrinks them, and keeps their seams apart', async () => {
    const red = await fourColours(200, 100).png().toBuffer();
    const { width, animation: moving } = await decode(
      await animation([red, await plainFrame(200, 100, 0), red], 'webp'),
      24,
      50,
    );
    expect(width).toBe(200);
    expect([moving!.frames[0]!.width, moving!.frames[0]!.height]).toEqual([50, 25]);
    expect(pixel(moving!.frames[1]!, 25, 12).every((value) => value < 12)).toBe(true);
    expect(pixel(moving!.frames[2]!, 5, 5)[0]).toBeGreaterThan(230);
  });

  it('gives a single frame where other photos wait', async () => {
    const file = await animation(await Promise.all([60, 160].map((gray) => plainFrame(800, 600, gray))), 'webp');
    const impatient = { ...DEFAULT_LIMITS, patienceMilliseconds: 0 };
    const wanted = { most: 24, maxSide: 640 };
    // Each but the last is ended at once, frame by frame and again with one frame alone.
    const decoded = await Promise.allSettled([
      decodePhoto(file, impatient, undefined, wanted),
      decodePhoto(file, { ...impatient, patienceMilliseconds: 60_000 }, undefined, wanted),
      decode(file),
    ]);
    expect(decoded.map((one) => (one.status === 'fulfilled' ? one.value.animation?.of : one.reason.code))).toEqual([
      undefined,
      2,
      2,
    ]);
  });

  it('gives a single frame of one that takes too long, and of what does not move', async () => {
    const first = await fourColours(2000, 2000).gif().toBuffer();
    // Of one pixel each, and yet decoding each of them makes four million.
    const long = Buffer.concat([first.subarray(0, -1), ...Array(120).fill(ONE_PIXEL), first.subarray(-1)]);
    const { animation: moving, frame } = await decode(long);
    expect(moving).toBeUndefined();
    expect(frame).toEqual({ number: 1, of: 121 });
    const still = await decode(await fourColours(40, 40).gif().toBuffer());
    expect(still.animation).toBeUndefined();
  });
});

describe('spread', () => {
  it('takes all of a few, and even distances of time of many', () => {
    expect(spread([10, 10, 10], 3)).toEqual([0, 1, 2]);
    expect(spread(Array(8).fill(100), 4)).toEqual([1, 3, 5, 7]);
    // One that is shown for most of the time is one frame all the same.
    expect(spread([100, 5000, 100, 100, 100], 4)).toEqual([1]);
    expect(spread([1000, 1000, 1000, 3000], 3)).toEqual([1, 3]);
  });
});
