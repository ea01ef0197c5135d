import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { Random } from '../../../src/base/random.ts';
import { framesToTry, pictureSequence } from '../../../src/photo/decoder/picture-sequence.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

/** Red, green and blue of a pixel of the upper right quarter. */
async function colourOf(still: Buffer | undefined): Promise<number[]> {
  return [...(await sharp(still).extract({ left: 40, top: 4, width: 1, height: 1 }).removeAlpha().raw().toBuffer())];
}

it('makes a file of its own of each frame', async () => {
  const sequence = pictureSequence(fixture('blank-first.avif'))!;
  expect(sequence).toMatchObject({ of: 3, hasPicture: true });
  expect(sequence.milliseconds).toEqual([100, 100, 100]);
  expect(sequence.decodable).toEqual([0, 1, 2].map((frame) => ({ frame, frames: 1 })));
  const reds = await Promise.all(
    sequence.decodable.map(async ({ frame }) => (await colourOf(sequence.still(frame)))[0]),
  );
  expect(reds.map((red) => (red! > 128 ? 'white' : 'green'))).toEqual(['white', 'green', 'white']);
  expect(sequence.still(3)).toBeUndefined();
});

it('makes one of a frame of an AVIF that is made of others too, and of a HEIC each frame that is not', async () => {
  // Black, then four colours: avifenc black.png four.png black-first.avif
  const avif = pictureSequence(fixture('black-first.avif'))!;
  expect(avif.decodable).toEqual([
    { frame: 0, frames: 1 },
    { frame: 1, frames: 2 },
  ]);
  expect(Math.max(...(await colourOf(avif.still(0))))).toBeLessThan(20);
  expect((await colourOf(avif.still(1)))[1]).toBeGreaterThan(200);
  // The same as HEIC, each frame for itself.
  const heic = fixture('black-first.heics');
  const listed = pictureSequence(heic)!;
  expect(listed).toMatchObject({ of: 2, hasPicture: false });
  expect(listed.decodable.map(({ frame }) => frame)).toEqual([0, 1]);
});

/**
 * Gives the first track of an AVIF an edit list, in boxes of version 0 or 1.
 * @param all length of the track, `once` that of what is repeated; of the movie's clock
 */
function withEditList(whole: Buffer, version: 0 | 1, repeats: boolean, all: bigint, once: bigint): Buffer {
  const number = (value: bigint) => {
    const bytes = Buffer.alloc(version === 1 ? 8 : 4);
    if (version === 1) bytes.writeBigUInt64BE(value);
    else bytes.writeUInt32BE(Number(value));
    return bytes;
  };
  const box = (name: string, ...parts: Buffer[]) => {
    const content = Buffer.concat([Buffer.from(`\0\0\0\0${name}`, 'latin1'), ...parts]);
    content.writeUInt32BE(content.length);
    return content;
  };
  const head = Buffer.from([version, 0, 0, repeats ? 1 : 0, 0, 0, 0, 1]);
  const list = box('edts', box('elst', head, number(once), number(0n), Buffer.from([0, 1, 0, 0])));
  const at = (name: string) => whole.indexOf(name) - 4;
  const header = at('tkhd');
  const middle = header + whole.readUInt32BE(header);
  const times = number(0n);
  const track = box(
    'tkhd',
    Buffer.from([version, 0, 0, 1]),
    times,
    times,
    Buffer.alloc(8),
    number(all),
    Buffer.alloc(60),
  );
  const added = list.length + track.length - (middle - header);
  const file = Buffer.concat([whole.subarray(0, header), track, list, whole.subarray(middle)]);
  for (const name of ['moov', 'trak']) file.writeUInt32BE(whole.readUInt32BE(at(name)) + added, at(name));
  return file;
}

it('says how often it is played, as its edit list does', () => {
  const whole = fixture('blank-first.avif');
  expect(pictureSequence(whole)!.loop).toBe(0);
  const loop = (...list: [version: 0 | 1, repeats: boolean, all: bigint, once: bigint]) => {
    const sequence = pictureSequence(withEditList(whole, ...list))!;
    expect(sequence.milliseconds).toEqual([100, 100, 100]);
    return sequence.loop;
  };
  expect(loop(0, true, 9n, 3n)).toBe(3);
  expect(loop(1, true, 9n, 3n)).toBe(3);
  expect(loop(1, true, 10n, 3n)).toBe(4);
  expect(loop(1, false, 3n, 3n)).toBe(1);
  expect(loop(0, true, 2n ** 32n - 1n, 3n)).toBe(0);
  expect(loop(1, true, 2n ** 64n - 1n, 3n)).toBe(0);
  expect(loop(1, true, 0n, 3n)).toBe(1);
  expect(loop(0, true, 9n, 0n)).toBe(0);
  expect(loop(1, true, 2n ** 60n, 1n)).toBe(65_535);
});

it('finds no frames in a picture, and none in a file that is cut', async () => {
  const still = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .avif()
    .toBuffer();
  expect(pictureSequence(still)).toBeUndefined();
  const whole = fixture('blank-first.avif');
  for (let length = 0; length < whole.length; length += 7) {
    const sequence = pictureSequence(whole.subarray(0, length));
    // The tables stand before the frames.
    for (const { frame } of sequence?.decodable ?? []) sequence!.still(frame);
  }
});

it('treats a damaged file as damaged, whatever its tables say', () => {
  const random = new Random(3);
  for (let round = 0; round < 2000; round++) {
    const whole = fixture(round % 2 === 0 ? 'black-first.avif' : 'black-first.heics');
    const damaged = Buffer.from(whole);
    for (let k = 0; k < 3; k++) damaged[random.below(whole.length)] = random.below(256);
    const sequence = pictureSequence(damaged);
    if (sequence === undefined) continue;
    expect(sequence.of).toBeLessThanOrEqual(100_000);
    for (const { frame } of sequence.decodable.slice(0, 3)) sequence.still(frame);
  }
});

it('tries each frame of few, and of many fewer and fewer, within so many pixels', () => {
  const of = (count: number) => ({
    ...pictureSequence(fixture('blank-first.avif'))!,
    decodable: Array.from({ length: count }, (_, frame) => ({ frame, frames: frame + 1 })),
  });
  const tried = (count: number, mostPixels: number) =>
    [...framesToTry(of(count), 100, mostPixels)].map(({ frame }) => frame);
  expect(tried(6, 1e9)).toEqual([1, 2, 3, 4, 5]);
  expect(tried(6, 100 * (2 + 3 + 4))).toEqual([1, 2, 3]);
  const many = tried(1000, 1e9);
  expect(many.slice(0, 8)).toEqual([1, 2, 3, 4, 5, 7, 9, 12]);
  expect(many).toHaveLength(20);
});
