import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodeSequence } from '../../../src/photo/decoder/frames.ts';
import { pictureSequence } from '../../../src/photo/decoder/picture-sequence.ts';

/** White, then four colours, then white, each for 100 ms. */
const sequence = pictureSequence(readFileSync(new URL('../../fixtures/blank-first.avif', import.meta.url)))!;
const size = { width: 64, height: 48 };
const plenty = { most: 24, maxSide: 640, maxBytes: 100_000_000 };

it('takes no more frames of an animated AVIF than are wanted, spread over it', async () => {
  const frames = await decodeSequence(sequence, size, { ...plenty, most: 2 });
  expect(frames).toMatchObject({ ...size, numbers: [1, 3], of: 3, milliseconds: [200, 100] });
  expect(frames!.pixels).toHaveLength(2 * 64 * 48 * 3);
  expect(frames!.loop).toBe(0);
  expect((await decodeSequence({ ...sequence, loop: 3 }, size, { ...plenty, most: 2 }))!.loop).toBe(3);
});

it('takes none where there is no time or no memory for two', async () => {
  expect(await decodeSequence(sequence, size, { ...plenty, within: 0 })).toBeUndefined();
  expect(await decodeSequence(sequence, size, { ...plenty, maxBytes: 100_000 })).toBeUndefined();
});

it('finds out by a few frames that those of a long animation, each made of all before it, take too long', async () => {
  const of = 3000;
  const asked: number[] = [];
  const long = {
    ...sequence,
    of,
    milliseconds: Array.from({ length: of }, () => 40),
    decodable: Array.from({ length: of }, (_, frame) => ({ frame, frames: frame + 1 })),
    still: (frame: number) => {
      asked.push(frame);
      return sequence.still(0);
    },
  };
  delete (long as { alpha?: unknown }).alpha;
  expect(await decodeSequence(long, size, { ...plenty, within: 0 })).toBeUndefined();
  expect(asked.length).toBeGreaterThan(0);
  expect(Math.max(...asked)).toBeLessThan(10);
});
