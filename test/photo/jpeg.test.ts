import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it, test } from 'vitest';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { lacksScans } from '../../src/photo/jpeg.ts';
import { sampleBytes } from '../fixtures/photos.ts';

const decode = (file: Uint8Array) => decodePhoto(file, DEFAULT_LIMITS);
const END = Buffer.from([0xff, 0xd9]);

/** Where each scan of a JPEG begins. */
function scansOf(file: Buffer): number[] {
  const starts: number[] = [];
  for (let at = file.indexOf('\xff\xda', 'latin1'); at >= 0; at = file.indexOf('\xff\xda', at + 1, 'latin1'))
    starts.push(at);
  return starts;
}

/** Which components a scan has, from which coefficient to which, and how many of their bits it leaves to later ones. */
type Scan = readonly [components: readonly number[], from: number, to: number, bits: number];

/** The markers of a JPEG of three colours, each scan a few bytes long. */
function jpegOf(frame: number, scans: readonly Scan[]): Buffer {
  const components = [1, 2, 3].flatMap((id) => [id, 0x11, 0]);
  const header = [0xff, 0xd8, 0xff, frame, 0, 17, 8, 0, 16, 0, 16, 3, ...components];
  const data = scans.flatMap(([ids, from, to, bits]) => {
    const length = 6 + 2 * ids.length;
    return [0xff, 0xda, 0, length, ids.length, ...ids.flatMap((id) => [id, 0]), from, to, bits, 1, 2, 0xff, 0, 3];
  });
  return Buffer.from([...header, ...data, ...END]);
}

describe('a progressive JPEG', () => {
  it('is refused where whole scans are missing, with an end mark and without', async () => {
    const whole = await sharp(sampleBytes(5)).resize(250).jpeg({ progressive: true }).toBuffer();
    const starts = scansOf(whole);
    expect(starts.length).toBeGreaterThan(5);
    for (const start of starts.slice(1)) {
      const cut = whole.subarray(0, start);
      for (const file of [cut, Buffer.concat([cut, END])])
        await expect(decode(file)).rejects.toMatchObject({ code: 'cut-picture' });
    }
  });

  it('is read with another picture behind it', async () => {
    const whole = await sharp(sampleBytes(5)).resize(250).jpeg({ progressive: true }).toBuffer();
    const preview = Buffer.concat([whole.subarray(0, scansOf(whole)[1]), END]);
    expect((await decode(Buffer.concat([whole, preview]))).width).toBe(250);
  });
});

// Made with libjpeg-turbo's cjpeg: 64 x 48 pixels of waves with noise.
describe.each([
  ['in one scan', 'arithmetic.jpg'],
  ['in a scan a colour', 'arithmetic-scans.jpg'],
  ['progressively', 'arithmetic-progressive.jpg'],
])('a JPEG that is coded arithmetically, %s', (_, name) => {
  const whole = readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  const scan = whole.subarray(0, -END.length);

  it('is read, with zeros behind its scan as well, which an encoder may leave out', async () => {
    const { image } = await decode(whole);
    expect(image).toMatchObject({ width: 64, height: 48 });
    for (const end of [END, Buffer.alloc(0), Buffer.alloc(200), Buffer.from([...Buffer.alloc(200), ...END])]) {
      const other = await decode(Buffer.concat([scan, end]));
      expect(Buffer.compare(other.image.data, image.data)).toBe(0);
    }
  });

  it('is refused where its end is missing or zero', async () => {
    for (const less of [20, Math.round(whole.length / 10)]) {
      const cut = scan.subarray(0, -less);
      for (const end of [[], END, Buffer.alloc(less), [...Buffer.alloc(less), ...END]])
        await expect(decode(Buffer.from([...cut, ...end]))).rejects.toMatchObject({ code: 'cut-picture' });
    }
  });
});

const [SEQUENTIAL, PROGRESSIVE] = [0xc0, 0xc2];
const ALL = [1, 2, 3];

test.each<[string, number, readonly Scan[], boolean]>([
  ['all colours in one scan', SEQUENTIAL, [[ALL, 0, 63, 0]], false],
  ['a scan a colour', SEQUENTIAL, ALL.map((id): Scan => [[id], 0, 63, 0]), false],
  [
    'no scan of the last colour',
    SEQUENTIAL,
    [
      [[1], 0, 63, 0],
      [[2], 0, 63, 0],
    ],
    true,
  ],
  ['only the means', PROGRESSIVE, [[ALL, 0, 0, 0]], true],
  [
    'no detail of the other colours, as an encoder may do',
    PROGRESSIVE,
    [
      [ALL, 0, 0, 0],
      [[1], 1, 63, 0],
    ],
    false,
  ],
  [
    'a bit of the means to come',
    PROGRESSIVE,
    [
      [ALL, 0, 0, 1],
      [[1], 1, 63, 0],
    ],
    true,
  ],
  [
    'that bit as well',
    PROGRESSIVE,
    [
      [ALL, 0, 0, 1],
      [[1], 1, 63, 0],
      [ALL, 0, 0, 0x10],
    ],
    false,
  ],
  [
    'a bit of detail to come',
    PROGRESSIVE,
    [
      [ALL, 0, 0, 0],
      [[1], 1, 63, 0],
      [[2], 1, 63, 1],
    ],
    true,
  ],
  [
    'fine detail to come',
    PROGRESSIVE,
    [
      [ALL, 0, 0, 0],
      [[1], 1, 5, 0],
    ],
    true,
  ],
])('a JPEG with %s', (_, frame, scans, lacks) => {
  expect(lacksScans(jpegOf(frame, scans))).toBe(lacks);
});
