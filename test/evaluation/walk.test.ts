import { describe, expect, it } from 'vitest';
import type { Classifier } from '../../src/emotion/classifier.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import { matchBoxes } from '../../src/evaluation/known-photos.ts';
import { layOut } from '../../src/evaluation/scene.ts';
import { planWalk, WALK_SIZES, WALK_TILTS, type WalkFace, walkFigures, walkScenes } from '../../src/evaluation/walk.ts';
import type { FaceBox } from '../../src/photo/faces/box.ts';
import type { FaceDetector } from '../../src/photo/faces/detector.ts';
import { reading } from '../fixtures/readings.ts';

/** Crops of one gray each, which says the label. */
const grayOf = (label: number) => 40 + 25 * label;
const planned = planWalk(
  Array.from({ length: 70 }, (_, k) => ({ crop: new Uint8Array(FACE_PIXELS).fill(grayOf(k % 7)), label: k % 7 })),
);

/** Reads the label from a crop's middle. */
const byGray: Classifier = {
  classify: async (crops) =>
    crops.map((crop) => {
      const label = Math.round((crop[FACE_PIXELS / 2 + 24]! - 40) / 25);
      return reading({ [EMOTIONS[Math.max(0, Math.min(6, label))]!]: 1 });
    }),
  dispose: async () => {},
};

/** Finds the faces of the scenes, one after the other, for which `finds` says true, and something else in each of them. */
function knowing(faces: readonly WalkFace[], seed: number, finds: (face: WalkFace) => boolean): FaceDetector {
  const scenes = layOut(faces, seed);
  return {
    detect: async () => {
      const seen: FaceBox[] = scenes
        .shift()!
        .filter(({ face }) => finds(face))
        .map(({ face, box }) => ({ ...box, angle: face.tilt, score: 1 }));
      return [...seen, { x: 0, y: 0, width: 8, height: 8, angle: 0, score: 1 }];
    },
    close: async () => {},
  };
}

describe('planWalk', () => {
  it('lets each size meet each tilt equally often', () => {
    const times = new Map<string, number>();
    for (const { size, tilt } of planned) times.set(`${size} ${tilt}`, (times.get(`${size} ${tilt}`) ?? 0) + 1);
    expect(times.size).toBe(WALK_SIZES.length * WALK_TILTS.length);
    expect(new Set(times.values())).toEqual(new Set([2]));
  });
});

describe('walkScenes', () => {
  it('reads in the scenes what is in the faces, and tells which were found', async () => {
    const scenes: [number, number][] = [];
    const detector = knowing(planned, 4, ({ size }) => size > 64);
    const tools = { detector, classifier: byGray };
    const walk = await walkScenes(planned, tools, 4, { onScene: (done, of) => scenes.push([done, of]) });
    expect(new Set(walk.faces.map(({ face }) => face))).toEqual(new Set(planned));
    for (const { face, direct, walked } of walk.faces) {
      expect(direct).toBe(face.label);
      expect(walked).toBe(face.size > 64 ? face.label : undefined);
    }
    expect(walk.false).toBe(walk.scenes);
    expect(scenes).toEqual(Array.from({ length: walk.scenes }, (_, k) => [k + 1, walk.scenes]));
  });

  it('stops when it is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const detector = knowing(planned, 4, () => true);
    const onScene = () => controller.abort(reason);
    const walk = walkScenes(planned, { detector, classifier: byGray }, 4, { signal: controller.signal, onScene });
    await expect(walk).rejects.toBe(reason);
  });
});

describe('matchBoxes', () => {
  const square = (x: number, side = 100) => ({ x, y: 0, width: side, height: side });

  it('gives each face the box that shows it best, and no box to two faces', () => {
    expect(matchBoxes([square(40), square(5)], [square(0), square(300)])).toEqual([1, undefined]);
    expect(matchBoxes([square(30)], [square(0), square(50)])).toEqual([undefined, 0]);
    expect(matchBoxes([square(30), square(-20)], [square(0), square(50)])).toEqual([1, 0]);
  });

  it('takes neither a part of a face nor a group for a face', () => {
    expect(matchBoxes([square(40, 20), square(-100, 300)], [square(0)])).toEqual([undefined]);
    expect(matchBoxes([], [square(0)])).toEqual([undefined]);
  });
});

describe('walkFigures', () => {
  const crop = new Uint8Array(FACE_PIXELS);
  const faced = (size: number, tilt: number, direct: number, walked?: number) => ({
    face: { crop, size, tilt, label: 3 },
    direct,
    walked,
  });

  it('compares on the faces that were found', () => {
    const faces = [faced(64, 0, 3), faced(64, 10, 3, 2), faced(96, 0, 3, 3), faced(96, 10, 2, 3), faced(96, -10, 3, 2)];
    const figures = walkFigures({ faces, scenes: 2, false: 1 });
    expect(figures).toMatchObject({ images: 5, found: 4, direct: 0.75, walked: 0.5, scenes: 2, false: 1 });
    expect(figures.bySize).toEqual([
      { size: 64, images: 2, found: 1, direct: 1, walked: 0 },
      { size: 96, images: 3, found: 3, direct: 2 / 3, walked: 2 / 3 },
    ]);
    expect(figures.byTilt.map(({ tilt, images, found }) => [tilt, images, found])).toEqual([
      [-10, 1, 1],
      [0, 2, 1],
      [10, 2, 2],
    ]);
    // Differences -1, 0, 1, -1: mean -1/4, variance 11/12, over four faces.
    expect(figures.error).toBeCloseTo(Math.sqrt(11 / 12 / 4), 12);
  });

  it('has an answer where nothing was found', () => {
    const figures = walkFigures({ faces: [faced(64, 0, 3)], scenes: 1, false: 0 });
    expect(figures).toMatchObject({ images: 1, found: 0, direct: 0, walked: 0, error: 0 });
  });
});
