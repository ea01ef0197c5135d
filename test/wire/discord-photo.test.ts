import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Classifier, loadClassifier } from '../../src/emotion/classifier.ts';
import { createEngine } from '../../src/emotion/engines/create-engine.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import type { Rectangle } from '../../src/photo/faces/box.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { annotate, outputSize } from '../../src/photo/picture/annotate.ts';
import { EMOTION_COLOURS } from '../../src/photo/picture/colours.ts';
import { type FaceReading, type PhotoReading, type PhotoTools, readPhoto } from '../../src/photo/read-photo.ts';
import { fakeFace, fakeUnsureFace, plainPicture } from '../fakes/photo.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { cleanUp } from './running-bot.ts';

afterEach(cleanUp);

/**
 * How much of a box's outline a picture shows in a colour, 0..1: a point counts if the colour is within three pixels of it,
 * since boxes are some pixels wide and JPEG blurs them.
 */
async function outlineShown(picture: Uint8Array, box: Rectangle, colour: string): Promise<number> {
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const isThere = (x: number, y: number) => {
    if (x < 0 || y < 0 || x >= info.width || y >= info.height) return false;
    const at = (y * info.width + x) * 3;
    return wanted.every((value, channel) => Math.abs(value - data[at + channel]!) < 48);
  };
  const isNear = (x: number, y: number) => {
    for (let dy = -3; dy <= 3; dy++) {
      for (let dx = -3; dx <= 3; dx++) if (isThere(Math.round(x) + dx, Math.round(y) + dy)) return true;
    }
    return false;
  };
  const parts = Array.from({ length: 21 }, (_, k) => (k + 2) / 24);
  const points = parts.flatMap((part) => [
    [box.x + part * box.width, box.y],
    [box.x + part * box.width, box.y + box.height],
    [box.x, box.y + part * box.height],
    [box.x + box.width, box.y + part * box.height],
  ]);
  return points.filter(([x, y]) => isNear(x!, y!)).length / points.length;
}

function scaled({ x, y, width, height }: Rectangle, by: number): Rectangle {
  return { x: x * by, y: y * by, width: width * by, height: height * by };
}

test('the picture that goes out shows every box where its face is, in its emotion’s colour', async () => {
  const faces: FaceReading[] = [
    { ...fakeFace('happy', 0.93), box: { x: 80, y: 200, width: 160, height: 160 } },
    { ...fakeFace('sad', 0.8), box: { x: 500, y: 260, width: 120, height: 140 } },
    { ...fakeUnsureFace('fear', 'surprise'), box: { x: 820, y: 180, width: 100, height: 100 } },
  ];
  const { discord } = await startOnDiscord({
    readPhoto: async (bytes) => {
      const { image, width, height } = await decodePhoto(bytes, DEFAULT_LIMITS);
      return { faces, picture: await annotate(image, { width, height }, faces) };
    },
  });
  discord.post({ files: [discord.file(await plainPicture(1000, 600))] });
  const [answer] = await answers(discord, 1);
  const picture = answer!.files[0]!.bytes!;
  expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 1000, height: 600 });
  for (const { box, emotion } of faces) {
    // The outline of a face that is unsure is dashed.
    const least = emotion === 'unsure' ? 0.6 : 0.9;
    expect(await outlineShown(picture, box, EMOTION_COLOURS[emotion]), emotion).toBeGreaterThan(least);
    const beside = { ...box, x: box.x - 30, y: box.y + 25 };
    expect(await outlineShown(picture, beside, EMOTION_COLOURS[emotion]), `beside ${emotion}`).toBeLessThan(0.3);
  }
});

describe('a real photo', () => {
  let tools: PhotoTools & { readonly detector: FaceDetector; readonly classifier: Classifier };
  let photo: Buffer;
  beforeAll(async () => {
    const model = join(import.meta.dirname, '..', '..', 'model');
    tools = {
      detector: createFaceDetector({ threads: 1 }),
      classifier: await loadClassifier(model, { engine: await createEngine('onnx', { threads: 1 }), threads: 1 }),
      // However busy the machine that runs the tests is.
      limits: { maxMilliseconds: 100_000 },
    };
    const faceApi = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));
    photo = await sharp(await readFile(join(faceApi, 'demo', 'sample1.jpg')))
      .resize(800)
      .withExif({ IFD0: { Copyright: 'somebody' } })
      .jpeg()
      .toBuffer();
  }, 120_000);
  afterAll(async () => {
    await Promise.all([tools.detector.close(), tools.classifier.dispose()]);
  });

  test('posted on Discord comes back read, with its people boxed and no metadata', async () => {
    expect((await sharp(photo).metadata()).exif).toBeDefined();
    let reading: PhotoReading | undefined;
    const { discord } = await startOnDiscord({
      readPhoto: async (bytes, signal) => {
        reading = await readPhoto(bytes, tools, { signal });
        return reading;
      },
    });
    const post = discord.post({ files: [discord.file(photo, 'sample1.jpg', { contentType: 'image/jpeg' })] });
    await vi.waitUntil(() => discord.said().length > 0, { timeout: 110_000 });
    const [answer] = discord.said();
    const { faces, width: photoWidth } = reading!;
    expect(faces.length).toBeGreaterThan(0);
    expect(answer!.reference).toMatchObject({ message_id: post.id });
    expect(answer!.content.match(/^\d+\. (\w+ \d+ %|unsure: .*)$/gm)).toHaveLength(faces.length);
    const [file] = answer!.files;
    expect(file).toMatchObject({
      filename: 'sample1-emotions.jpg',
      description: expect.stringMatching(/^Photo with \d/),
    });
    const { width, height, format, exif, icc } = await sharp(file!.bytes).metadata();
    expect({ width, height, format, exif, icc }).toEqual({ ...outputSize(reading!, faces.length), format: 'jpeg' });
    const scale = width! / photoWidth;
    for (const face of faces) {
      // Labels and other boxes may lie over a part of it.
      const shown = await outlineShown(file!.bytes!, scaled(face.box, scale), EMOTION_COLOURS[face.emotion]);
      expect(shown, face.emotion).toBeGreaterThan(0.5);
    }
  }, 120_000);
});
