import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { createHaarProposer, HAAR_ALONE } from '../../../../src/photo/faces/haar/haar.ts';
import { NativeOpenCvGone, startNativeOpenCv } from '../../../../src/photo/faces/haar/native.ts';
import type { GrayTask } from '../../../../src/photo/faces/haar/pass.ts';
import { FACES, sampleBytes, toRgb } from '../../../fixtures/photos.ts';
import { temporaryFolder } from '../../../helpers/tiny-fer2013.ts';

const found = await startNativeOpenCv();
const missing = 'missing' in found ? found.missing : undefined;
if (!('missing' in found)) found.end();
if (missing !== undefined)
  console.warn(`Skipped, OpenCV’s native binding: ${missing}. npm run setup:native builds it.`);

const GRAY: GrayTask = {
  gray: { width: 40, height: 30, data: new Uint8Array(40 * 30) },
  pass: { cascade: 'haarcascade_frontalface_alt2.xml', angle: 0, scaleFactor: 1.1, minNeighbours: 2 },
  minFace: 30,
  eyes: false,
};

/** A binary with the binding's interface, in JavaScript. @param detect body of its cascades */
async function binaryOf(detect: string): Promise<{ binary: string }> {
  const binary = join(await temporaryFolder(), 'binding.cjs');
  await writeFile(
    binary,
    `class Mat { constructor(data, rows, cols) { this.rows = rows; this.cols = cols; } release() {} }
     class Size { constructor(width, height) { this.width = width; this.height = height; } }
     class CascadeClassifier { detectMultiScale(mat, scaleFactor, minNeighbours, flags, minSize) { ${detect} } }
     module.exports = { version: { major: 4, minor: 6, revision: 0 }, setNumThreads() {}, Mat, Size, CascadeClassifier };`,
  );
  return { binary };
}

async function started(detect: string) {
  const binary = await binaryOf(detect);
  const native = await startNativeOpenCv(() => binary);
  if ('missing' in native) throw new Error(native.missing);
  return native;
}

describe('startNativeOpenCv', () => {
  it('runs passes in a process without the environment of this one', async () => {
    const native = await started(
      'return { objects: [{ x: mat.cols, y: mat.rows, width: minSize.width }], numDetections: [Object.keys(process.env).length] };',
    );
    const [proposal] = await native.run(GRAY);
    expect(native.version).toBe('4.6.0');
    expect(proposal).toMatchObject({ side: 30, centreX: 40 + 15, centreY: 30 + 15, eyes: [] });
    expect(process.env.PATH).toBeDefined();
    expect(proposal!.neighbours).toBe(0);
    native.end();
    await expect(native.run(GRAY)).rejects.toBeInstanceOf(NativeOpenCvGone);
  });

  it('says what OpenCV said, and goes on', async () => {
    const native = await started(
      "if (mat.rows === 1) throw new Error('no such row'); return { objects: [], numDetections: [] };",
    );
    const thin = { ...GRAY, gray: { width: 3, height: 1, data: new Uint8Array(3) } };
    await expect(native.run(thin)).rejects.toThrow('OpenCV: no such row');
    expect(await native.run(GRAY)).toEqual([]);
    native.end();
  });

  it('outlives a library that breaks down', async () => {
    const native = await started("process.kill(process.pid, 'SIGSEGV'); for (;;) ;");
    await expect(native.run(GRAY)).rejects.toThrow(/ended: SIGSEGV/);
    await expect(native.run(GRAY)).rejects.toBeInstanceOf(NativeOpenCvGone);
  });

  it('says why there is none', async () => {
    const folder = await temporaryFolder();
    const broken = join(folder, 'broken.node');
    await writeFile(broken, 'no library');
    expect(await startNativeOpenCv(() => ({ binary: broken }))).toEqual({
      missing: expect.stringMatching(/^@u4\/opencv4nodejs does not load: .*broken\.node: (file too short|invalid ELF)/),
    });
    expect(await startNativeOpenCv(() => ({ missing: 'it is elsewhere' }))).toEqual({ missing: 'it is elsewhere' });
    // No process can be started with such an argument.
    expect(await startNativeOpenCv(() => ({ binary: '\0' }))).toEqual({
      missing: expect.stringContaining('does not load'),
    });
  });
});

/** The photo at half its size, and the faces in it. */
async function halfOf(number: number) {
  const image = await toRgb(await sharp(sampleBytes(number)).resize(640).png().toBuffer());
  return {
    image,
    faces: FACES[number]!.map(([x, y, side]) => ({
      centreX: (x + side / 2) / 2,
      centreY: (y + side / 2) / 2,
      side: side / 2,
    })),
  };
}

/** Processes that run OpenCV for this one. */
async function processes(): Promise<string[]> {
  const threads = await readdir('/proc/self/task').catch(() => []);
  const lists = threads.map((thread) => readFile(`/proc/self/task/${thread}/children`, 'utf8').catch(() => ''));
  const children = (await Promise.all(lists)).join(' ');
  const lines = children
    .split(/\s+/)
    .filter(Boolean)
    .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).filter((line) => line.includes('native-process'));
}

describe.each(missing === undefined ? (['wasm', 'auto'] as const) : (['wasm'] as const))(
  'the cascades, OPENCV=%s',
  (openCv) => {
    const proposer = createHaarProposer(
      { ...HAAR_ALONE, passes: HAAR_ALONE.passes.slice(0, 1) },
      { threads: 1, openCv },
    );
    afterAll(() => proposer.close());

    it('see faces where they are, with their eyes', async () => {
      const { image, faces } = await halfOf(6);
      const proposals = await proposer.propose(image);
      const seen = faces.filter(({ centreX, centreY, side }) =>
        proposals.some(
          (one) => Math.hypot(one.centreX - centreX, one.centreY - centreY) < side / 3 && one.eyes.length > 0,
        ),
      );
      expect(seen.length).toBeGreaterThanOrEqual(3);
      expect(await processes()).toHaveLength(openCv === 'auto' ? 1 : 0);
    });

    it.each([
      [1, 1],
      [700, 3],
    ])('see nothing in a picture of %i x %i', async (width, height) => {
      expect(await proposer.propose({ width, height, data: new Uint8Array(width * height * 3) })).toEqual([]);
    });
  },
);

describe.skipIf(missing !== undefined)('OpenCV’s native binding', () => {
  it.each([1, 3, 4, 6])(
    'says the same as WebAssembly of sample %i: boxes, hits, eyes, of each pass',
    async (number) => {
      const image = await toRgb(sampleBytes(number));
      const proposers = (['wasm', 'auto'] as const).map((openCv) =>
        createHaarProposer(HAAR_ALONE, { threads: 1, openCv }),
      );
      try {
        const [wasm, native] = await Promise.all(proposers.map((proposer) => proposer.propose(image)));
        expect(native).toEqual(wasm);
        expect(wasm!.length).toBeGreaterThan(3);
      } finally {
        await Promise.all(proposers.map((proposer) => proposer.close()));
      }
    },
  );

  it('still works after it was aborted in the middle, and leaves no process', async () => {
    const native = createHaarProposer(HAAR_ALONE, { threads: 1, openCv: 'auto' });
    const image = await toRgb(sampleBytes(6));
    try {
      await expect(native.propose(image, AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'TimeoutError' });
      expect((await native.propose(image)).length).toBeGreaterThan(3);
    } finally {
      await native.close();
    }
    await expect.poll(processes, { timeout: 5000 }).toEqual([]);
  });
});
