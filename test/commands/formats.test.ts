import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { createCommands } from '../../commands/index.ts';
import type { Reply, Request } from '../../commands/request.ts';
import { createLogger } from '../../src/base/log.ts';
import type { Classifier } from '../../src/emotion/classifier.ts';
import { toScores } from '../../src/emotion/labels.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { readPhoto } from '../../src/photo/read-photo.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { fakeRequest } from '../fakes/request.ts';
import { fakeRules } from '../fakes/rules.ts';
import { animation } from '../fixtures/animations.ts';

/** Everybody is happy: these tests are about the way from a file to an answer. */
const CLASSIFIER: Classifier = {
  classify: async (crops) =>
    crops.map(() => ({ scores: toScores([1, 1, 1, 14, 1, 1, 1]), emotion: 'happy', confidence: 0.7 })),
  dispose: async () => {},
};

let detector: FaceDetector;
let photo: Buffer;

beforeAll(async () => {
  detector = createFaceDetector({ detector: 'network', threads: 1 });
  const packageFile = createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json');
  const sample = await readFile(join(dirname(packageFile), 'demo', 'sample1.jpg'));
  photo = await sharp(sample).resize(640).png().toBuffer();
});
afterAll(() => detector.close());

/** Posts one file the way every platform does, with the real walk behind it. */
async function post(
  name: string,
  bytes: Uint8Array,
  options: Pick<Request, 'moving'> & { readonly movingMilliseconds?: number } = {},
): Promise<Reply> {
  const { moving, movingMilliseconds = 60_000 } = options;
  const limits = { maxMilliseconds: 100_000, movingMilliseconds };
  const dispatcher = new Dispatcher(
    createCommands({
      readPhoto: (file, signal, _hold, kind) =>
        readPhoto(file, { detector, classifier: CLASSIFIER, limits }, { signal, ...(kind && { moving: kind }) }),
      queue: new FairQueue({ concurrency: 1, maxWaiting: 1 }),
      maxBytes: 10_000_000,
      ...fakeRules(),
    }),
    createLogger({ level: 'silent' }),
  );
  const { request, replies } = fakeRequest({ attachments: [{ id: '1', name, fetch: async () => bytes }] });
  await dispatcher.dispatch({ ...request, ...(moving && { moving }) });
  expect(replies).toHaveLength(1);
  return replies[0]!;
}

test.each(['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const)('a photo as %s is answered', async (format) => {
  const reply = await post(`photo.${format}`, await sharp(photo).toFormat(format).toBuffer());
  expect(reply.card?.heading).toMatch(/^\d+ (person|people)\b/);
  expect(reply.card!.people.length).toBeGreaterThanOrEqual(1);
  const [picture] = reply.pictures!;
  expect(picture!.altText).toContain('happy');
  expect((await sharp(picture!.bytes).metadata()).width).toBe(640);
});

test('an animated GIF is answered by one', async () => {
  const moving = 'gif';
  // The camera moves to the right.
  const frames = [0, 30, 60].map((left) => sharp(photo).extract({ left, top: 0, width: 560, height: 420 }).toBuffer());
  const file = await animation(await Promise.all(frames), 'gif', { delay: 200 });
  const reply = await post('moving.gif', file, { moving });
  expect(reply.card!.heading).toMatch(/^3 people, all happy \(3 frames\)$/);
  expect(reply.card!.people.map(({ text }) => text)).toEqual(Array(3).fill('happy 70 %'));
  const [picture] = reply.pictures!;
  expect(picture).toMatchObject({ name: `moving-emotions.${moving}`, mime: `image/${moving}` });
  expect(await sharp(picture!.bytes).metadata()).toMatchObject({ format: moving, pages: 3, delay: [200, 200, 200] });
});

test('an animated GIF is answered by a still where nothing moves, and where there is no time', async () => {
  const frames = [0, 60].map((left) => sharp(photo).extract({ left, top: 0, width: 560, height: 420 }).toBuffer());
  const file = await animation(await Promise.all(frames), 'gif', { delay: 200 });
  for (const options of [{}, { moving: 'gif', movingMilliseconds: 0 }] as const) {
    const reply = await post('moving.gif', file, options);
    expect(reply.card!.heading).toMatch(/\(frame 1 of 2\)$/);
    expect(reply.pictures![0]!.name).toBe('moving-emotions.jpg');
  }
});

/** The start of a raw photo of Canon's, a TIFF with a mark of its own. */
const RAW = Buffer.concat([Buffer.from('II*\0\x10\0\0\0CR\x02\0', 'latin1'), Buffer.alloc(64)]);
/** A bitmap's header of 54 bytes, and one white pixel. */
const BMP = Buffer.concat([Buffer.from('BM'), Buffer.alloc(52), Buffer.from([255, 255, 255, 0])]);

test.each([
  ['holiday.cr2', RAW, 'raw camera file'],
  ['renamed.jpg', RAW, 'raw camera file'],
  ['drawing.bmp', BMP, 'BMP'],
  ['logo.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'SVG'],
])('%s is answered with a sentence that says what to try instead', async (name, bytes, format) => {
  const reply = await post(name, bytes);
  expect(reply.text).toContain(format);
  expect(reply.text).toMatch(/JPEG/);
  expect(reply).toMatchObject({ removable: true, about: { name } });
  expect(reply.pictures ?? []).toEqual([]);
});

test.each([
  ['empty.jpg', Buffer.alloc(0)],
  ['archive.jpg', Buffer.from('PK\x03\x04 and so on')],
  ['letter.pdf', Buffer.from('%PDF-1.7')],
])('%s is answered politely, without a word of the program’s insides', async (name, bytes) => {
  const reply = await post(name, bytes);
  expect(reply.text).toMatch(/^[A-Z].*\. Please try .*\.$/);
  expect(reply.text).not.toMatch(/log as|error|stack|undefined/i);
});
