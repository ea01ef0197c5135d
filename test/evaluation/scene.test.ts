import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { FACE_PIXELS, FACE_SIZE } from '../../src/emotion/labels.ts';
import { drawScene, layOut, SCENE_HEIGHT, SCENE_WIDTH, type SceneFace } from '../../src/evaluation/scene.ts';
import { WALK_SIZES, WALK_TILTS } from '../../src/evaluation/walk.ts';
import { cropFace, cropSquare } from '../../src/photo/crop.ts';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';
import { toGray } from '../../src/photo/image.ts';

/** A smooth crop without any symmetry. */
const lopsided = Uint8Array.from({ length: FACE_PIXELS }, (_, k) => {
  const [x, y] = [k % FACE_SIZE, Math.floor(k / FACE_SIZE)];
  return 120 + 70 * Math.sin(x / 6) + 50 * Math.cos(y / 9 + x / 20);
});

const faces: SceneFace[] = WALK_TILTS.flatMap((tilt) => WALK_SIZES.map((size) => ({ crop: lopsided, size, tilt })));

/** The corners of a face's square as it lies in the scene. */
function corners({ face: { size, tilt }, box }: ReturnType<typeof layOut>[number][number]) {
  const radians = (tilt * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return [-1, 1].flatMap((i) =>
    [-1, 1].map((j) => ({
      x: box.x + size / 2 + ((i * cos - j * sin) * size) / 2,
      y: box.y + size / 2 + ((i * sin + j * cos) * size) / 2,
    })),
  );
}

describe('layOut', () => {
  it('puts up to twelve faces into a scene', () => {
    const small = Array.from({ length: 30 }, () => ({ crop: lopsided, size: 64, tilt: 0 }));
    expect(layOut(small, 5).map(({ length }) => length)).toEqual([12, 12, 6]);
  });

  it('gives every face a place inside the picture, apart from the others', () => {
    const scenes = layOut(faces, 5);
    expect(new Set(scenes.flat().map(({ face }) => face))).toEqual(new Set(faces));
    expect(scenes.flat()).toHaveLength(faces.length);
    expect(Math.max(...scenes.map(({ length }) => length))).toBeLessThanOrEqual(12);
    for (const scene of scenes) {
      const bounds = scene.map((placed) => {
        const [x, y] = [corners(placed).map((corner) => corner.x), corners(placed).map((corner) => corner.y)];
        return { left: Math.min(...x), right: Math.max(...x), top: Math.min(...y), bottom: Math.max(...y) };
      });
      for (const [k, one] of bounds.entries()) {
        expect(one.left >= 0 && one.right <= SCENE_WIDTH && one.top >= 0 && one.bottom <= SCENE_HEIGHT).toBe(true);
        for (const other of bounds.slice(k + 1)) {
          const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
          const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
          expect(across <= 0 || down <= 0).toBe(true);
        }
      }
    }
  });

  it('depends on the seed alone', () => {
    expect(layOut(faces, 5)).toEqual(layOut(faces, 5));
    expect(layOut(faces, 6)).not.toEqual(layOut(faces, 5));
  });

  it('refuses a face that is larger than a scene', () => {
    expect(() => layOut([{ crop: lopsided, size: 900, tilt: 0 }], 1)).toThrow(/900 pixels/);
  });
});

describe('drawScene', () => {
  it('makes the same JPEG of the same numbers', async () => {
    const [scene] = layOut(faces.slice(0, 3), 1);
    const file = await drawScene(scene!, 1, 0);
    expect(await sharp(file).metadata()).toMatchObject({ format: 'jpeg', width: 1280, height: 960 });
    expect(Buffer.compare(file, await drawScene(scene!, 1, 0))).toBe(0);
    expect(Buffer.compare(file, await drawScene(scene!, 1, 1))).not.toBe(0);
    expect(Buffer.compare(file, await drawScene(scene!, 2, 0))).not.toBe(0);
  });

  it('shows faces where layOut put them, at their size and tilt, so that cropping there gives them back', async () => {
    for (const [number, scene] of layOut(faces, 3).entries()) {
      const { image } = await decodePhoto(await drawScene(scene, 3, number), DEFAULT_LIMITS);
      const gray = toGray(image);
      for (const { face, box } of scene) {
        const { centre, side: margin } = cropSquare({ x: -0.5, y: -0.5, width: 1, height: 1, angle: face.tilt });
        const side = face.size / margin;
        const [x, y] = [box.x - centre.x * side, box.y - centre.y * side].map((at) => at + (face.size - side) / 2);
        const found = { x: x!, y: y!, width: side, height: side, angle: face.tilt };
        const crop = cropFace(gray, found);
        const difference = crop.reduce((sum, value, k) => sum + Math.abs(value - lopsided[k]!), 0) / FACE_PIXELS;
        expect(difference).toBeLessThan(3);
      }
    }
  });
});
