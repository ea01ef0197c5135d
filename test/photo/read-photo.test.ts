import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { copyToGiveBack, giveBack } from '../../src/base/large-bytes.ts';
import type { Classifier, Reading } from '../../src/emotion/classifier.ts';
import { FACE_PIXELS } from '../../src/emotion/labels.ts';
import type { FaceBox } from '../../src/photo/faces/box.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { readPhoto, warmUp } from '../../src/photo/read-photo.ts';
import { animation, plainFrame } from '../fixtures/animations.ts';
import { FACES, fourColours, hugePng, SVG, sampleBytes, ZIP } from '../fixtures/photos.ts';
import { fakeClassifier, reading } from '../fixtures/readings.ts';

const happy = reading({ happy: 9, neutral: 1 });
const unsure = reading({ sad: 4, neutral: 3, fear: 3 });
const detector = createFaceDetector();
afterAll(() => detector.close());
/** A time limit that no machine exceeds, however busy it is. */
const limits = { maxMilliseconds: 55_000 };

/**
 * Settles a promise only after the test: a walk that never ends would keep its pixels, for which the costly pictures of other files
 * wait.
 */
function endAfterwards<T>(value: T): (resolve: (value: T) => void) => void {
  return (resolve) => onTestFinished(() => resolve(value));
}

/** A detector that finds these faces in whatever it is shown. */
function finds(...faces: Partial<FaceBox>[]): FaceDetector {
  return {
    detect: async () => faces.map((face) => ({ x: 0, y: 0, width: 10, height: 10, angle: 0, score: 1, ...face })),
    close: async () => {},
  };
}

describe('the bytes of a file', () => {
  it('are not looked at any more once they are decoded, or cannot be', async () => {
    const onDecoded = vi.fn();
    const file = await sharp(sampleBytes(6)).resize(300).jpeg().toBuffer();
    const detect = vi.fn(async () => {
      expect(onDecoded).toHaveBeenCalledOnce();
      return [];
    });
    const tools = { detector: { ...finds(), detect }, classifier: fakeClassifier([]), limits };
    // Frees the bytes as the bot does: they cannot be read afterwards.
    const own = copyToGiveBack(file);
    onDecoded.mockImplementation(() => giveBack(own));
    expect((await readPhoto(own, tools, { onDecoded })).width).toBe(300);
    expect([detect.mock.calls.length, own.length]).toEqual([1, 0]);
    await expect(readPhoto(file.subarray(0, 2000), tools, { onDecoded })).rejects.toMatchObject({
      code: 'cut-picture',
    });
    expect(onDecoded).toHaveBeenCalledTimes(2);
  });
});

describe('readPhoto on real photos', () => {
  it('walks from bytes to an annotated picture', async () => {
    const classifier = fakeClassifier([happy, unsure]);
    const photo = await readPhoto(sampleBytes(4), { detector, classifier, limits });
    expect([photo.width, photo.height]).toEqual([1920, 1448]);
    expect(photo.faces.map(({ emotion }) => emotion)).toEqual(['happy', 'unsure', 'happy', 'unsure']);
    const centres = photo.faces.map(({ box }) => box.x + box.width / 2);
    expect(centres).toEqual([...centres].sort((a, b) => a - b));
    for (const { box } of photo.faces) {
      expect(Object.values(box).every(Number.isInteger)).toBe(true);
      expect(box.width).toBeGreaterThan(150);
    }
    expect(classifier.crops.map(({ length }) => length)).toEqual(Array(4).fill(FACE_PIXELS));
    expect(photo.picture!.altText).toMatch(/^Photo with 4 faces: 1\. happy 90 %; 2\. unsure: sad/);
    const { width, height, format, exif } = await sharp(photo.picture!.bytes).metadata();
    expect([width, height, format, exif]).toEqual([photo.picture!.width, photo.picture!.height, 'jpeg', undefined]);
    expect(photo.milliseconds).toBeGreaterThan(0);
  });

  it('finds the same faces where the camera was turned', async () => {
    const upright = await sharp(sampleBytes(6)).resize(960).jpeg().toBuffer();
    const { height } = await sharp(upright).metadata();
    // Stored lying on its side, with the tag that sets it upright again.
    const turned = await sharp(upright).rotate(270).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const photo = await readPhoto(
      turned,
      { detector, classifier: fakeClassifier([happy]), limits },
      { annotate: false },
    );
    expect([photo.width, photo.height]).toEqual([960, height]);
    expect(photo.faces).toHaveLength(4);
    expect(photo.picture).toBeUndefined();
  });

  it('answers a photo with no face', async () => {
    const file = await fourColours(640, 480).png().toBuffer();
    const photo = await readPhoto(file, { detector, classifier: fakeClassifier([happy]), limits });
    expect(photo.faces).toEqual([]);
    expect(photo.picture!.altText).toBe('Photo in which no face was found');
  });
});

describe('readPhoto', () => {
  const file = fourColours(200, 100).png().toBuffer();
  const classifier = fakeClassifier([happy]);

  it('clips boxes at the edges and rounds them', async () => {
    const faces = finds(
      { x: -5.4, y: -7, width: 30.2, height: 40 },
      { x: 180.6, y: 80.5, width: 50, height: 50 },
      { x: 90, y: 99.8, width: 8, height: 30 },
      { x: 199.8, y: 40, width: 30, height: 8 },
    );
    const photo = await readPhoto(await file, { detector: faces, classifier }, { annotate: false });
    expect(photo.faces.map(({ box }) => box)).toEqual([
      { x: 0, y: 0, width: 25, height: 33 },
      { x: 199, y: 40, width: 1, height: 8 },
      { x: 90, y: 99, width: 8, height: 1 },
      { x: 181, y: 81, width: 19, height: 19 },
    ]);
  });

  it('ends for its caller and by itself where the network hangs', async () => {
    const hanging: Classifier = {
      ...classifier,
      classify: (_, signal) =>
        new Promise((_done, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    };
    let ended: Promise<void> | undefined;
    const reading = readPhoto(
      await file,
      { detector: finds({}), classifier: hanging, limits: { maxMilliseconds: 500 } },
      { onStart: (end) => (ended = end) },
    );
    await expect(reading).rejects.toMatchObject({ code: 'too-slow' });
    await ended;
  });

  it('reads no face that is too small, whatever the network says of it', async () => {
    const faces = finds({ x: 0, width: 31, height: 31 }, { x: 140, width: 32, height: 32 });
    const photo = await readPhoto(await file, { detector: faces, classifier }, { annotate: false });
    expect(photo.faces[0]).toMatchObject({ emotion: 'unsure', unreadable: 'small', scores: happy.scores });
    expect(photo.faces[1]).toMatchObject(happy);
    expect(photo.faces[1]!.unreadable).toBeUndefined();
  });

  it('reads no face whose mouth is covered', async () => {
    // The first two people of sample 3, the second one with a mask.
    const [[x, y, width], [left, top, side]] = FACES[3] as [[number, number, number], [number, number, number]];
    const mask = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">
      <path d="M${side * 0.05} ${side * 0.56}h${side * 0.9}v${side * 0.35}h-${side * 0.9}z" fill="#7fb2d6"/></svg>`;
    const masked = await sharp(await sharp(sampleBytes(3)).resize(1280, 1280, { fit: 'inside' }).toBuffer())
      .composite([{ input: Buffer.from(mask), left, top }])
      .jpeg()
      .toBuffer();
    const faces = finds({ x, y, width, height: width }, { x: left, y: top, width: side, height: side });
    const photo = await readPhoto(masked, { detector: faces, classifier });
    expect(photo.faces.map(({ emotion, unreadable }) => [emotion, unreadable])).toEqual([
      ['happy', undefined],
      ['unsure', 'covered'],
    ]);
    expect(photo.picture!.altText).toBe('Photo with 2 faces: 1. happy 90 %; 2. unsure: mouth or eyes covered');
  });

  it('reads no drawing', async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200" fill="#dde"/>
      <circle cx="150" cy="100" r="52" fill="#ffd93b" stroke="#333" stroke-width="4"/><circle cx="132" cy="88" r="7"/>
      <circle cx="168" cy="88" r="7"/><path d="M122 110Q150 142 178 110" fill="none" stroke="#000" stroke-width="6"/></svg>`;
    const drawing = await sharp(Buffer.from(svg)).jpeg().toBuffer();
    const faces = finds({ x: 100, y: 50, width: 100, height: 100 });
    const photo = await readPhoto(drawing, { detector: faces, classifier });
    expect(photo.faces[0]).toMatchObject({ emotion: 'unsure', unreadable: 'no-person', scores: happy.scores });
    // However small it is, it is not counted as a person.
    const small = await sharp(drawing).resize(90).jpeg().toBuffer();
    const seen = await readPhoto(small, { detector: finds({ x: 30, y: 15, width: 30, height: 30 }), classifier });
    expect(seen.faces[0]).toMatchObject({ emotion: 'unsure', unreadable: 'no-person' });
    expect(photo.picture!.altText).toBe("Photo with 1 face, perhaps not a person's: 1. unsure: perhaps not a person");
  });

  it('says of a face that the edge of the picture cuts that it is cut, not that a hand or a mask is before it', async () => {
    // The second person of sample 3, whose mouth lies below the picture, and beside it a part of somebody.
    const [, [left, top, side]] = FACES[3] as [[number, number, number], [number, number, number]];
    const whole = await sharp(sampleBytes(3)).resize(1280, 1280, { fit: 'inside' }).toBuffer();
    const cut = await sharp(whole)
      .extract({ left: left - side, top, width: 3 * side, height: Math.round(side * 0.6) })
      .jpeg()
      .toBuffer();
    const faces = finds({ x: side, y: 0, width: side, height: side });
    const photo = await readPhoto(cut, { detector: faces, classifier }, { annotate: false });
    expect(photo.faces[0]).toMatchObject({ emotion: 'unsure', unreadable: 'cut', scores: happy.scores });
  });

  it('judges the size by the pixels that are there, not by those of a photo that is worked on shrunk', async () => {
    const large = await sharp({ create: { width: 4096, height: 3000, channels: 3, background: 'gray' } })
      .jpeg()
      .toBuffer();
    const tools = { detector: finds({ x: 100, y: 200, width: 25, height: 25 }), classifier };
    const [face] = (await readPhoto(large, tools, { annotate: false })).faces;
    expect(face).toMatchObject({ box: { width: 50 }, unreadable: 'small' });
  });

  it('says where there may be more people than it read', async () => {
    /** @param small so many of them are too small to be read */
    const read = async (count: number, small: number) => {
      const faces = Array.from({ length: count }, (_, k) => {
        const width = k < small ? 20 : 40;
        return { x: k % 160, width, height: width, score: k / 1000 };
      });
      return await readPhoto(await file, { detector: finds(...faces), classifier }, { annotate: false });
    };
    expect(await read(30, 0)).toMatchObject({ more: false });
    expect(await read(30, 30)).toMatchObject({ more: true });
    // From ten people on, a tenth of them.
    expect(await read(9, 9)).toMatchObject({ more: false });
    expect(await read(10, 1)).toMatchObject({ more: true });
    expect(await read(20, 1)).toMatchObject({ more: false });
    const crowd = await read(230, 0);
    expect(crowd.more).toBe(true);
    expect(crowd.faces).toHaveLength(200);
  });

  it('gives boxes in pixels of the photo, whatever size it is worked on', async () => {
    const large = await sharp({ create: { width: 4096, height: 3000, channels: 3, background: 'gray' } })
      .jpeg()
      .toBuffer();
    const photo = await readPhoto(large, { detector: finds({ x: 100, y: 200, width: 50, height: 60 }), classifier });
    expect(photo.faces[0]!.box).toEqual({ x: 200, y: 400, width: 100, height: 120 });
    expect([photo.picture!.width, photo.picture!.height]).toEqual([1600, 1172]);
  });

  it.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['an empty file', () => new Uint8Array(0), 'empty-file'],
    ['a text', () => Buffer.from('I am no picture.'), 'not-a-picture'],
    ['a zip renamed .jpg', () => ZIP, 'not-a-picture'],
    ['an SVG', () => SVG, 'unsupported-picture'],
    ['a cut JPEG', () => sampleBytes(3).subarray(0, 90_000), 'cut-picture'],
    ['a 225-megapixel PNG', hugePng, 'too-many-pixels'],
    ['a file beyond the bound', () => new Uint8Array(33 * 2 ** 20), 'too-large'],
  ])('refuses %s in one sentence or two', async (_, bytes, code) => {
    const refused = readPhoto(await bytes(), { detector: finds({}), classifier });
    await expect(refused).rejects.toMatchObject({ name: 'UserError', code, message: /^[A-Z].*[Pp]lease.*\.$/ });
  });

  describe('of an animation whose people are to be followed', () => {
    const grays = [40, 80, 120, 160, 200];
    const file = Promise.all(grays.map((gray) => plainFrame(200, 100, gray))).then((frames) =>
      animation(frames, 'gif'),
    );
    /** One face that moves to the right with the gray of the frame, as far as the frame was shrunk or not. */
    const seesOne: FaceDetector = {
      detect: async (image) => [{ x: image.data[0]! / 4, y: 20, width: 40, height: 40, angle: 0, score: 1 }],
      close: async () => {},
    };
    const walk = async (tools: { detector?: FaceDetector; limits?: object } = {}, moving?: 'gif' | 'webp') =>
      await readPhoto(
        await file,
        {
          detector: tools.detector ?? seesOne,
          classifier: fakeClassifier([happy]),
          limits: { ...limits, ...tools.limits },
        },
        { ...(moving && { moving }) },
      );

    it('reads all frames of a short one, and draws them', async () => {
      const photo = await walk({}, 'webp');
      expect(photo).toMatchObject({ width: 200, height: 100, frames: { read: 5, of: 5 } });
      expect(photo.frame).toBeUndefined();
      expect(photo.faces).toHaveLength(1);
      expect(photo.faces[0]).toMatchObject({ emotion: 'happy', box: { x: 30, y: 20, width: 40, height: 40 } });
      expect(photo.picture!.mime).toBe('image/webp');
      expect((await sharp(photo.picture!.bytes).metadata()).pages).toBe(5);
    });

    it('says what a person shows one after the other', async () => {
      const surprise = reading({ surprise: 9, neutral: 1 });
      // In the order in which frames are looked at: the first, the last, the middle, then those between.
      const classifier = fakeClassifier([happy, surprise, happy, happy, surprise]);
      const photo = await readPhoto(
        await file,
        { detector: seesOne, classifier, limits },
        { moving: 'gif', annotate: false },
      );
      expect(photo.faces[0]!.course).toEqual(['happy', 'surprise']);
      expect(photo.picture).toBeUndefined();
    });

    it('says of a person what they show for longest, however few frames that is', async () => {
      const surprise = reading({ surprise: 9, neutral: 1 });
      const frames = await Promise.all(grays.map((gray) => plainFrame(200, 100, gray)));
      const stands = await animation(frames, 'gif', { delay: [100, 100, 100, 100, 4000] });
      // The last frame is looked at as the second one.
      const classifier = fakeClassifier([happy, surprise, happy, happy, happy]);
      const tools = { detector: seesOne, classifier, limits };
      const photo = await readPhoto(stands, tools, { moving: 'gif', annotate: false });
      expect(photo.faces[0]).toMatchObject({ emotion: 'surprise', course: ['happy', 'surprise'] });
      expect(photo.faces[0]!.box.x).toBeGreaterThan(45);
    });

    it('reads one frame where there is no time for more, and where nobody asked', async () => {
      const slow: FaceDetector = {
        ...seesOne,
        detect: async (image) => {
          await sleep(150);
          return await seesOne.detect(image);
        },
      };
      const still = await walk({ detector: slow, limits: { movingMilliseconds: 100 } }, 'gif');
      expect(still).toMatchObject({ frame: { number: 1, of: 5 }, picture: { mime: 'image/jpeg' } });
      expect(still.frames).toBeUndefined();
      expect((await walk()).frame).toEqual({ number: 1, of: 5 });
    });

    it('says so where nobody is in any frame', async () => {
      const photo = await walk({ detector: finds() }, 'gif');
      expect(photo).toMatchObject({ faces: [], frames: { read: 5, of: 5 }, picture: { mime: 'image/jpeg' } });
    });
  });

  it('says which frame of an animation it read', async () => {
    const frames = [
      await sharp(await file)
        .linear(0, 0)
        .png()
        .toBuffer(),
      await file,
    ];
    const moving = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const photo = await readPhoto(moving, { detector: finds(), classifier }, { annotate: false });
    expect(photo.frame).toEqual({ number: 2, of: 2 });
  });

  it('takes its bounds from the caller', async () => {
    const small = { detector: finds({}), classifier, limits: { maxPixels: 100 * 100 } };
    await expect(readPhoto(await file, small)).rejects.toMatchObject({ code: 'too-many-pixels' });
  });

  it('warms up by a picture of nothing', async () => {
    const asked: string[] = [];
    const warmed: FaceDetector = {
      detect: async ({ width, height }) => {
        asked.push(`${width} x ${height}`);
        return [];
      },
      close: async () => {},
    };
    const read: number[] = [];
    const counting = {
      ...classifier,
      classify: async (crops: readonly Uint8Array[]) => {
        read.push(crops.length);
        return await classifier.classify(crops);
      },
    };
    await warmUp({ detector: warmed, classifier: counting });
    expect(asked).toEqual(['64 x 48']);
    expect(read).toEqual([1]);
  });

  it('crops on another thread: work that waits for the main thread comes first', async () => {
    // Turns of the loop while a face as large as the picture is cropped, which takes many times as long as one turn.
    let turns = 0;
    let counting: NodeJS.Immediate;
    const count = () => {
      turns++;
      counting = setImmediate(count);
    };
    const picture = sharp({ create: { width: 1600, height: 1600, channels: 3, background: 'tan' } })
      .png()
      .toBuffer();
    const large: FaceDetector = {
      detect: async (image) => {
        counting = setImmediate(count);
        return [{ x: 0, y: 0, width: image.width, height: image.height, angle: 0, score: 1 }];
      },
      close: async () => {},
    };
    const watching = {
      ...classifier,
      classify: async (crops: readonly Uint8Array[]) => {
        clearImmediate(counting);
        expect(turns).toBeGreaterThan(1);
        return await classifier.classify(crops);
      },
    };
    expect((await readPhoto(await picture, { detector: large, classifier: watching })).faces).toHaveLength(1);
  });

  it('does not begin the next step once it was aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('the message was deleted');
    const classify = vi.fn(classifier.classify);
    const detect = vi.fn(async () => [{ x: 0, y: 0, width: 10, height: 10, angle: 0, score: 1 }]);
    const steps = { detector: { detect, close: async () => {} }, classifier: { ...classifier, classify } };
    const early = readPhoto(await file, steps, { signal: controller.signal });
    controller.abort(reason);
    await expect(early).rejects.toBe(reason);
    const late = new AbortController();
    detect.mockImplementationOnce(async () => {
      late.abort(reason);
      return [];
    });
    await expect(readPhoto(await file, steps, { signal: late.signal })).rejects.toBe(reason);
    await sleep(300);
    expect(detect).toHaveBeenCalledTimes(1);
    expect(classify).not.toHaveBeenCalled();
  });

  it('ends when time is over, and tells the detector', async () => {
    let told: AbortSignal | undefined;
    const stuck: FaceDetector = {
      detect: async (_, options) => {
        told = options!.signal;
        return await new Promise(endAfterwards([]));
      },
      close: async () => {},
    };
    const reading = readPhoto(await file, { detector: stuck, classifier, limits: { maxMilliseconds: 200 } });
    await expect(reading).rejects.toMatchObject({ code: 'too-slow' });
    expect(told!.aborted).toBe(true);
  });

  it('ends when it is aborted, even if a step ignores the signal', async () => {
    const deaf = { ...classifier, classify: async () => await new Promise<Reading[]>(endAfterwards([])) };
    const controller = new AbortController();
    const reason = new Error('the message was deleted');
    const reading = readPhoto(await file, { detector: finds({}), classifier: deaf }, { signal: controller.signal });
    await Promise.all([expect(reading).rejects.toBe(reason), sleep(100).then(() => controller.abort(reason))]);
  });

  it('says when the work has ended, which may be after the caller was told', async () => {
    let finish = () => {};
    const slow = {
      ...classifier,
      classify: async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return [];
      },
    };
    let ended = false;
    const onStart = (end: Promise<void>) => {
      end.then(() => {
        ended = true;
      });
    };
    const tools = { detector: finds({}), classifier: slow, limits: { maxMilliseconds: 300 } };
    await expect(readPhoto(await file, tools, { onStart })).rejects.toMatchObject({ code: 'too-slow' });
    await sleep(50);
    expect(ended).toBe(false);
    await vi.waitFor(() => {
      finish();
      expect(ended).toBe(true);
    });
  });

  it('does nothing if it was aborted before', async () => {
    const reason = new Error('never mind');
    const options = { signal: AbortSignal.abort(reason) };
    await expect(readPhoto(new Uint8Array(0), { detector: finds(), classifier }, options)).rejects.toBe(reason);
  });

  it('lets a bug through as it is', async () => {
    const bug = new TypeError('x is not a function');
    const broken = { ...classifier, classify: () => Promise.reject(bug) };
    await expect(readPhoto(await file, { detector: finds({}), classifier: broken })).rejects.toBe(bug);
  });
});
