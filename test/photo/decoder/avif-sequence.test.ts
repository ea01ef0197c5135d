import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { Random } from '../../../src/base/random.ts';
import { avifSequence } from '../../../src/photo/decoder/avif-sequence.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

it('makes a file of its own of each frame that stands for itself', async () => {
  const sequence = avifSequence(fixture('blank-first.avif'))!;
  expect([sequence.of, sequence.whole]).toEqual([3, [0, 1, 2]]);
  const reds = await Promise.all(
    sequence.whole.map(async (frame) => {
      const pixels = await sharp(sequence.still(frame))
        .extract({ left: 40, top: 4, width: 1, height: 1 })
        .raw()
        .toBuffer();
      return pixels[0]! > 128 ? 'white' : 'green';
    }),
  );
  expect(reds).toEqual(['white', 'green', 'white']);
  expect(sequence.still(3)).toBeUndefined();
});

it('finds no frames in a picture, and none in a file that is cut', async () => {
  const still = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .avif()
    .toBuffer();
  expect(avifSequence(still)).toBeUndefined();
  const whole = fixture('blank-first.avif');
  for (let length = 0; length < whole.length; length += 7) {
    const sequence = avifSequence(whole.subarray(0, length));
    // The tables stand before the frames.
    for (const frame of sequence?.whole ?? []) sequence!.still(frame);
  }
});

it('takes a damaged file for what it is, whatever its tables say', () => {
  const whole = fixture('blank-first.avif');
  const random = new Random(3);
  for (let round = 0; round < 2000; round++) {
    const damaged = Buffer.from(whole);
    for (let k = 0; k < 3; k++) damaged[random.below(whole.length)] = random.below(256);
    const sequence = avifSequence(damaged);
    if (sequence === undefined) continue;
    expect(sequence.of).toBeLessThanOrEqual(100_000);
    for (const frame of sequence.whole.slice(0, 3)) sequence.still(frame);
  }
});
