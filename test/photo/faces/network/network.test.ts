import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as tf from '@tensorflow/tfjs';
import { InferenceSession } from 'onnxruntime-node';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { overlap } from '../../../../src/photo/faces/box.ts';
import { LEAST_SIGHTING, type NetworkBox, sightingOf, toBoxes } from '../../../../src/photo/faces/network/boxes.ts';
import { readDetectorWeights } from '../../../../src/photo/faces/network/graph.ts';
import {
  type Look,
  NETWORK_PASSES,
  type NetworkPass,
  type NetworkTask,
} from '../../../../src/photo/faces/network/network.ts';
import runNetwork from '../../../../src/photo/faces/network/network-worker.ts';
import { toPlanes, viewOf, viewOfPlace } from '../../../../src/photo/faces/network/view.ts';
import type { RgbImage } from '../../../../src/photo/image.ts';
import { fourColours, pixel, sampleBytes } from '../../../fixtures/photos.ts';

const require = createRequire(import.meta.url);

/** A pass that shows the network what face-api shows it. */
const plain = (side: number): NetworkPass => ({ side, angle: 0, margin: 0 });

async function runPasses(task: Omit<NetworkTask, 'looks'>) {
  return (await runNetwork({ ...task, looks: [] })).proposals;
}

async function sample(number: number, width: number): Promise<RgbImage> {
  const { data, info } = await sharp(sampleBytes(number)).resize(width).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** The parts of face-api that are used here. */
interface FaceApi {
  nets: {
    tinyFaceDetector: {
      loadFromWeightMap(weights: tf.NamedTensorMap): Promise<void>;
      locateFaces(
        input: tf.Tensor3D,
        options: unknown,
      ): Promise<{ score: number; box: { x: number; y: number; width: number; height: number } }[]>;
    };
  };
  TinyFaceDetectorOptions: new (options: { inputSize: number; scoreThreshold: number }) => unknown;
}

/** face-api itself on TensorFlow.js' plain JavaScript: its build for the WebAssembly backend, without that backend. */
async function loadFaceApi(): Promise<FaceApi> {
  const source = readFileSync(require.resolve('@vladmandic/face-api/dist/face-api.node-wasm.js'), 'utf8');
  const module = { exports: {} };
  const requireForIt = (name: string) => {
    if (name === '@tensorflow/tfjs-backend-wasm') return {};
    return name === '@tensorflow/tfjs' ? require('@tensorflow/tfjs') : require(name);
  };
  new Function('require', 'module', 'exports', source)(requireForIt, module, module.exports);
  const api = module.exports as FaceApi;
  const peerTf = require('@tensorflow/tfjs') as typeof tf;
  await peerTf.setBackend('cpu');
  const folder = '@vladmandic/face-api/model/tiny_face_detector_model';
  const [group] = JSON.parse(readFileSync(require.resolve(`${folder}-weights_manifest.json`), 'utf8'));
  const bytes = Uint8Array.from(readFileSync(require.resolve(`${folder}.bin`)));
  await api.nets.tinyFaceDetector.loadFromWeightMap(peerTf.io.decodeWeights(bytes.buffer, group.weights));
  return api;
}

it('a thread that could not load the network tries again with its next picture', async () => {
  // Loaded once more, as on a thread of its own.
  const fresh = '../../../../src/photo/faces/network/network-worker.ts?fresh';
  const { default: runFresh } = (await import(fresh)) as { readonly default: typeof runNetwork };
  vi.spyOn(InferenceSession, 'create').mockRejectedValueOnce(new Error('std::bad_alloc'));
  const task: NetworkTask = { image: await sample(4, 120), passes: [plain(160)], least: 0.05, looks: [] };
  await expect(runFresh(task)).rejects.toThrow('std::bad_alloc');
  expect((await runFresh(task)).proposals.length).toBeGreaterThan(0);
});

describe('the network', () => {
  let api: FaceApi;
  beforeAll(async () => {
    api = await loadFaceApi();
  });

  // Small, since face-api computes in plain JavaScript here; the network is the same at every size.
  it.each([
    ['wide', 1, 500, 224],
    ['in a size that is no whole number of steps', 3, 311, 192],
    ['enlarged', 4, 120, 160],
  ])('gives the boxes that face-api gives: %s', async (_, number, width, side) => {
    const image = await sample(number, width);
    const { tensor3d } = require('@tensorflow/tfjs') as typeof tf;
    const input = tensor3d(Int32Array.from(image.data), [image.height, image.width, 3], 'int32');
    const options = new api.TinyFaceDetectorOptions({ inputSize: side, scoreThreshold: 0.05 });
    const expected = await api.nets.tinyFaceDetector.locateFaces(input, options);
    input.dispose();
    const found = await runPasses({ image, passes: [plain(side)], least: 0.05 });
    expect(expected.length).toBeGreaterThan(0);
    expect(found.length).toBe(expected.length);
    found.forEach((face, k) => {
      const { box, score } = expected[k]!;
      expect(face.centreX).toBeCloseTo(box.x + box.width / 2, 1);
      expect(face.centreY).toBeCloseTo(box.y + box.height / 2, 1);
      expect(face.width).toBeCloseTo(box.width, 1);
      expect(face.height).toBeCloseTo(box.height, 1);
      expect(face.score).toBeCloseTo(score, 4);
    });
  });

  it('sees heads that lean in the pass that sets them upright', async () => {
    const head = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
    const { data, info } = await sharp(head)
      .rotate(35, { background: '#888888' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, data };
    const passes = [35, -35].map((angle) => ({ side: 416, angle, margin: 0 }));
    const found = await runPasses({ image, passes, least: 0.05 });
    const best = (angle: number) =>
      Math.max(0, ...found.filter(({ pass }) => pass.angle === angle).map(({ score }) => score));
    expect(best(35)).toBeGreaterThan(0.8);
    expect(best(-35)).toBeLessThan(best(35));
    const [surest] = found.filter(({ score }) => score === best(35));
    expect(Math.hypot(surest!.centreX - info.width / 2, surest!.centreY - info.height / 2)).toBeLessThan(100);
  });

  it('finds half a face at the edge by its mirror image in the margin, and no face in the margin', async () => {
    const whole = await sample(3, 1280);
    // The face of the first person, cut through the nose.
    const { data, info } = await sharp(whole.data, { raw: { width: whole.width, height: whole.height, channels: 3 } })
      .extract({ left: 450, top: 70, width: 640, height: 480 })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, data };
    const halves = async (pass: NetworkPass) =>
      (await runPasses({ image, passes: [pass], least: 0.3 })).filter(({ centreX }) => centreX < 64);
    expect(await halves(plain(416))).toEqual([]);
    expect(await halves({ side: 512, angle: 0, margin: 0.1 })).toHaveLength(1);
    const all = await runPasses({ image, passes: [...NETWORK_PASSES], least: 0.05 });
    for (const { centreX, centreY } of all) {
      expect(centreX).toBeGreaterThanOrEqual(0);
      expect(centreX).toBeLessThanOrEqual(image.width);
      expect(centreY).toBeGreaterThanOrEqual(0);
      expect(centreY).toBeLessThanOrEqual(image.height);
    }
  });

  it('looks at pictures of a single pixel and of one line', async () => {
    for (const [width, height] of [
      [1, 1],
      [3000, 1],
      [1, 700],
    ] as const) {
      const image = { width, height, data: new Uint8Array(width * height * 3).fill(200) };
      expect(await runPasses({ image, passes: [...NETWORK_PASSES], least: 0.5 })).toEqual([]);
    }
  });
});

describe('a look at one place', () => {
  /** The boxed face of sample 6, in pixels of the picture 1280 wide. */
  const face = { centreX: 242, centreY: 425, side: 160 };
  const look = (place: Look['place'], more: Partial<Look> = {}): Look => ({
    place,
    angle: 0,
    pixels: 160,
    mirrored: false,
    ...more,
  });
  const sightings = async (image: RgbImage, ...looks: Look[]) =>
    (await runNetwork({ image, passes: [], least: 0.05, looks })).sightings;

  it('sees a face where there is one, says where, and sees it mirrored as well', async () => {
    const image = await sample(6, 1280);
    const beside = { ...face, centreX: face.centreX + 30, centreY: face.centreY - 15, side: 140 };
    for (const mirrored of [false, true]) {
      const [seen, askedBeside] = await sightings(image, look(face, { mirrored }), look(beside, { mirrored }));
      expect(seen!.score).toBeGreaterThan(0.8);
      expect(askedBeside!.score).toBeGreaterThan(0.5);
      expect(Math.abs(askedBeside!.square!.centreX - face.centreX)).toBeLessThan(20);
      expect(Math.abs(askedBeside!.square!.centreY - face.centreY)).toBeLessThan(20);
      expect(askedBeside!.square!.side).toBeGreaterThan(130);
    }
  });

  it('sees nothing on a wall or on a place that lies outside', async () => {
    const image = await sample(6, 1280);
    const wall = { width: 400, height: 300, data: new Uint8Array(400 * 300 * 3).fill(120) };
    const [blank] = await sightings(wall, look({ centreX: 200, centreY: 150, side: 120 }));
    const [outside] = await sightings(image, look({ centreX: -4000, centreY: -4000, side: 100 }));
    expect([blank, outside]).toEqual([{ score: LEAST_SIGHTING }, { score: LEAST_SIGHTING }]);
  });

  it('turns the place back, so that a leaning head is seen upright', async () => {
    const head = await sharp(sampleBytes(6)).extract({ left: 120, top: 380, width: 500, height: 500 }).png().toBuffer();
    const { data, info } = await sharp(head).rotate(60, { background: '#888888' }).raw().toBuffer({
      resolveWithObject: true,
    });
    const image = { width: info.width, height: info.height, data };
    const place = { centreX: info.width / 2, centreY: info.height / 2, side: 250 };
    const [turned, upsideDown] = await sightings(image, look(place, { angle: 60 }), look(place, { angle: -120 }));
    expect(turned!.score).toBeGreaterThan(0.7);
    expect(upsideDown!.score).toBeLessThan(turned!.score);
  });

  it('counts only what lies at the place, the surest of it, and leads it back to the picture', () => {
    const asked = look({ centreX: 500, centreY: 300, side: 100 }, { angle: 90, mirrored: true });
    const view = viewOfPlace(asked);
    // In a view of 200 x 200; the network's box is higher than the face's square, and its centre lower.
    const at = (x: number, y: number, score: number): NetworkBox => ({ x, y, width: 90, height: 100 / 0.92, score });
    const low = (0.13 * 100) / 0.92;
    const centred = at(100 - 45 + 10, 100 - 50 / 0.92 + low, 0.6);
    const found = sightingOf([at(0, 0, 0.9), centred, at(50, 50, 0.3)], asked, view);
    expect(found.score).toBe(0.6);
    // Ten pixels to the right in the mirror are ten to the left; turned by 90 degrees, that is up.
    expect(found.square!.centreX).toBeCloseTo(500);
    expect(found.square!.centreY).toBeCloseTo(290);
    expect(found.square!.side).toBeCloseTo(100);
    expect(sightingOf([], asked, view)).toEqual({ score: LEAST_SIGHTING });
  });
});

describe('toPlanes', () => {
  const image = async (width: number, height: number) => ({
    width,
    height,
    data: new Uint8Array(await fourColours(width, height).removeAlpha().raw().toBuffer()),
  });
  /** The pixel of the planes at a place of the square. */
  const at = (planes: Float32Array, side: number, x: number, y: number) =>
    [0, 1, 2].map((plane) => Math.round(planes[plane * side * side + y * side + x]!));

  it('takes pixels as they are where the size is the same, and ends in black', async () => {
    const picture = await image(64, 32);
    const planes = toPlanes(picture, viewOf(picture, plain(64)));
    for (const [x, y] of [
      [0, 0],
      [63, 0],
      [5, 31],
      [40, 20],
    ] as const)
      expect(at(planes, 64, x, y)).toEqual(pixel(picture, x, y));
    expect(at(planes, 64, 5, 33)).toEqual([0, 0, 0]);
  });

  it('turns the picture back: the top left corner comes to the left of the top', async () => {
    const picture = await image(60, 60);
    const view = viewOf(picture, { side: 64, angle: 90, margin: 0 });
    // Heads that lean by 90 degrees have their tops on the right: red, green above blue, gray become green, gray above red, blue.
    const planes = toPlanes(picture, view);
    expect(at(planes, 64, 10, 10)).toEqual([0, 255, 0]);
    expect(at(planes, 64, 50, 10)).toEqual([128, 128, 128]);
    expect(at(planes, 64, 10, 50)).toEqual([255, 0, 0]);
    expect(at(planes, 64, 50, 50)).toEqual([0, 0, 255]);
    const corner = view.back(0, 0);
    expect(corner.x).toBeCloseTo(60);
    expect(corner.y).toBeCloseTo(0);
  });

  it('shows the pixels of a tile as they are, and beyond the picture black', () => {
    const picture = { width: 50, height: 40, data: Uint8Array.from({ length: 50 * 40 * 3 }, (_, k) => (7 * k) % 251) };
    const planes = toPlanes(picture, viewOf(picture, { side: 32, angle: 0, margin: 0, corner: { x: 20, y: 12 } }));
    for (let y = 0; y < 32; y++)
      for (let x = 0; x < 32; x++)
        expect(at(planes, 32, x, y)).toEqual(x < 30 && y < 28 ? pixel(picture, x + 20, y + 12) : [0, 0, 0]);
  });

  it('shows the mirror image of the edges in the margin', () => {
    const columns = Uint8Array.from({ length: 40 * 40 * 3 }, (_, k) => (Math.floor(k / 3) % 40) * 5);
    const picture = { width: 40, height: 40, data: columns };
    // A margin of 12 pixels: 64 pixels in a square of 64, so nothing is resampled.
    const planes = toPlanes(picture, viewOf(picture, { side: 64, angle: 0, margin: 0.3 }));
    const row = Array.from({ length: 64 }, (_, x) => at(planes, 64, x, 30)[0]! / 5);
    expect(row.slice(0, 14)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 1]);
    expect(row.slice(50)).toEqual([38, 39, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28]);
  });

  it('is no higher than whole cells must be, with the picture in the middle of what its margin fills', async () => {
    const picture = await image(200, 100);
    const view = viewOf(picture, { side: 224, angle: 0, margin: 0.06 });
    // 224 x 124 pixels with the margin of 12: four cells of 32.
    expect([view.columns, view.rows]).toEqual([224, 128]);
    const planes = toPlanes(picture, view);
    const colours = (x: number, y: number) =>
      [0, 1, 2].map((plane) => Math.round(planes[plane * 224 * 128 + y * 224 + x]!));
    for (const [x, y, colour] of [
      [5, 1, [255, 0, 0]],
      [218, 1, [0, 255, 0]],
      [5, 126, [0, 0, 255]],
      [218, 126, [128, 128, 128]],
      [100, 62, [255, 0, 0]],
      [100, 66, [0, 0, 255]],
    ] as const)
      expect(colours(x, y)).toEqual(colour);
    const corner = view.back(12 * view.step, 14 * view.step);
    expect([corner.x, corner.y]).toEqual([expect.closeTo(0, 1), expect.closeTo(0, 1)]);
  });

  const none: { angle?: number; mirrored?: boolean } & Partial<Look['place']> = {};
  it.each([
    ['enlarged', none],
    ['shrunk and turned', { angle: 27, side: 90 }],
    ['mirrored, beyond the corner', { mirrored: true, centreX: 6, centreY: 4 }],
    ['turned, mirrored, beyond the edge', { mirrored: true, angle: -140, centreX: 75, centreY: 40 }],
    ['above the picture, where there is black', { centreY: -30 }],
    ['turned, above the picture, where there is black', { angle: 20, centreY: -30 }],
  ])(
    'shows a place as the mean of the four pixels around each sample: %s',
    (_, { mirrored = false, angle = 0, ...more }) => {
      const picture = {
        width: 80,
        height: 60,
        data: Uint8Array.from({ length: 80 * 60 * 3 }, (_, k) => (k * k) % 251),
      };
      const place = { centreX: 40, centreY: 30, side: 14, ...more };
      const view = viewOfPlace({ place, angle, pixels: 32, mirrored });
      // What lay there before is no part of it.
      const planes = toPlanes(picture, view, new Float32Array(3 * 32 * 32).fill(99));
      const mirror = (at: number, length: number) => {
        if (at < -view.margin || at >= length + view.margin) return -1;
        return at < 0 ? -1 - at : at >= length ? 2 * length - 1 - at : at;
      };
      const shown = (x: number, y: number, plane: number): number => {
        const [column, row] = [mirror(x, picture.width), mirror(y, picture.height)];
        const isThere = column >= 0 && row >= 0 && column < picture.width && row < picture.height;
        return isThere ? picture.data[(row * picture.width + column) * 3 + plane]! : 0;
      };
      for (let at = 0; at < 32 * 32; at++) {
        const { x, y } = view.back(0.5 + (at % 32) * view.step, 0.5 + Math.floor(at / 32) * view.step);
        const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
        const [right, down] = [x - 0.5 - left, y - 0.5 - top];
        for (const plane of [0, 1, 2]) {
          const upper = (1 - right) * shown(left, top, plane) + right * shown(left + 1, top, plane);
          const lower = (1 - right) * shown(left, top + 1, plane) + right * shown(left + 1, top + 1, plane);
          expect(planes[plane * 1024 + at]).toBeCloseTo((1 - down) * upper + down * lower, 2);
        }
      }
    },
  );
});

describe('toBoxes', () => {
  const view = viewOf({ width: 64, height: 64 }, plain(64));
  /** Cells of which all say no, but for some: [anchor, cell, x, y, width, height, objectness]. */
  const cells = (...faces: [number, number, number, number, number, number, number][]) => {
    const data = new Float32Array(25 * 4).fill(-9);
    for (const [anchor, cell, ...numbers] of faces)
      numbers.forEach((value, which) => {
        data[(anchor * 5 + which) * 4 + cell] = value;
      });
    return data;
  };

  it('reads a box off its cell and anchor', () => {
    const [box, ...rest] = toBoxes(cells([0, 3, 0, 0, 0, 0, 2]), view, 0.5);
    expect(rest).toEqual([]);
    expect(box!.x + box!.width / 2).toBeCloseTo(48);
    expect(box!.y + box!.height / 2).toBeCloseTo(48);
    expect(box!.width).toBeCloseTo(1.603231 * 32, 3);
    expect(box!.height).toBeCloseTo(2.094468 * 32, 3);
    expect(box!.score).toBeCloseTo(0.8808, 4);
  });

  it('keeps the surest of boxes that overlap, and none below the least score', () => {
    const data = cells(
      [0, 0, 0, 0, 0, 0, 1],
      [0, 1, -3, 0, 0, 0, 3],
      [0, 3, 0, 0, -1, -1, 0.5],
      [0, 2, 0, 0, -1, -1, -2],
    );
    const boxes = toBoxes(data, view, 0.5);
    expect(boxes.map(({ score }) => Number(score.toFixed(3)))).toEqual([0.953, 0.622]);
    expect(overlap(boxes[0]!, boxes[1]!).union).toBeLessThanOrEqual(0.4);
  });
});

it('readDetectorWeights reads all of the numbers', async () => {
  const weights = await readDetectorWeights();
  const numbers = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(numbers).toBe(193_321);
  expect(weights.get('conv0/filters')!.shape).toEqual([3, 3, 3, 16]);
  expect([...weights.values()].every(({ data }) => data.every(Number.isFinite))).toBe(true);
});
