import sharp from 'sharp';
import { clamp } from '../base/numbers.ts';
import { Random } from '../base/random.ts';
import { FACE_SIZE } from '../emotion/labels.ts';
import { centreOf, type Rectangle, turnedSize, wayBack } from '../photo/faces/box.ts';
import type { RgbImage } from '../photo/image.ts';

/** A face to paste into a scene. */
export interface SceneFace {
  /** 48 * 48 gray bytes. */
  readonly crop: Uint8Array;
  /** Side that it is enlarged to, in pixels. */
  readonly size: number;
  /** Degrees that it is turned by, clockwise. */
  readonly tilt: number;
}

/** A face and its place in a scene. */
interface PlacedFace<Face extends SceneFace = SceneFace> {
  readonly face: Face;
  /** The face's square before it was turned about its centre, in pixels of the scene. */
  readonly box: Rectangle;
}

export const SCENE_WIDTH = 1280;
export const SCENE_HEIGHT = 960;

/** Most faces in one scene. */
const MOST_FACES = 12;
/** How many places are tried for a face in a scene. */
const TRIES = 200;
/** Only this many of the latest scenes may get another face. */
const OPEN_SCENES = 8;

/** Width of the band around a face, as a part of its side, in which its repeated border pixels fade into the background. */
const FADE = 0.1;

/** JPEG qualities are drawn from 70 to 95. */
const QUALITIES = { low: 70, high: 96 } as const;

/** Separates the draws of this file from each other. */
const DRAWS = { places: 1, background: 2, quality: 3 } as const;

/** Columns and rows of random colour that are enlarged to a background: plain, gradient, blobs, texture, noise. */
const BACKGROUND_GRIDS = [
  [1, 1],
  [2, 2],
  [16, 12],
  [160, 120],
  [SCENE_WIDTH, SCENE_HEIGHT],
] as const;

/** Width and height of the upright rectangle that a turned face and its fade need, in pixels. */
function extent({ size, tilt }: SceneFace): number {
  const side = size * (1 + 2 * FADE);
  return turnedSize({ width: side, height: side }, tilt).width;
}

/**
 * Lays faces out in scenes, each in the first scene with room for it. Places are random; faces neither touch each other nor leave the
 * picture.
 * @param seed whole number; the same faces and seed give the same scenes
 * @throws RangeError where a face is larger than a scene
 */
export function layOut<Face extends SceneFace>(faces: readonly Face[], seed: number): PlacedFace<Face>[][] {
  const scenes: PlacedFace<Face>[][] = [];
  for (const [number, face] of faces.entries()) {
    const random = new Random(DRAWS.places, seed, number);
    const open = scenes.slice(-OPEN_SCENES).filter((scene) => scene.length < MOST_FACES);
    if (!open.some((scene) => place(face, scene, random))) {
      const scene: PlacedFace<Face>[] = [];
      if (!place(face, scene, random)) throw new RangeError(`a face of ${face.size} pixels does not fit into a scene`);
      scenes.push(scene);
    }
  }
  return scenes;
}

/** Adds a face to a scene, if it finds a free place for it. */
function place<Face extends SceneFace>(face: Face, scene: PlacedFace<Face>[], random: Random): boolean {
  const own = extent(face);
  if (own > SCENE_HEIGHT) return false;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const x = random.between(own / 2, SCENE_WIDTH - own / 2);
    const y = random.between(own / 2, SCENE_HEIGHT - own / 2);
    const free = scene.every(({ face: other, box }) => {
      const apart = (own + extent(other)) / 2;
      return Math.abs(box.x + box.width / 2 - x) >= apart || Math.abs(box.y + box.height / 2 - y) >= apart;
    });
    if (!free) continue;
    const { size } = face;
    scene.push({ face, box: { x: x - size / 2, y: y - size / 2, width: size, height: size } });
    return true;
  }
  return false;
}

/**
 * A scene as a JPEG file of 1280 x 960 pixels: a coloured background with the faces on it.
 * @param number tells the scenes of one seed apart
 */
export async function drawScene(scene: readonly PlacedFace[], seed: number, number: number): Promise<Buffer> {
  const image = await background(new Random(DRAWS.background, seed, number));
  for (const placed of scene) paste(placed, image);
  const random = new Random(DRAWS.quality, seed, number);
  const quality = QUALITIES.low + random.below(QUALITIES.high - QUALITIES.low);
  return await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

async function background(random: Random): Promise<RgbImage> {
  const [columns, rows] = BACKGROUND_GRIDS[random.below(BACKGROUND_GRIDS.length)]!;
  const base = [random.between(40, 215), random.between(40, 215), random.between(40, 215)];
  const contrast = random.between(15, 60);
  const grid = new Uint8Array(columns * rows * 3);
  for (let cell = 0; cell < grid.length; cell += 3) {
    // Light and dark of one colour, with a little of any other.
    const light = random.between(-contrast, contrast);
    for (let c = 0; c < 3; c++)
      grid[cell + c] = clamp(base[c]! + light + random.between(-contrast, contrast) / 3, 0, 255);
  }
  const data = await sharp(grid, { raw: { width: columns, height: rows, channels: 3 } })
    .resize(SCENE_WIDTH, SCENE_HEIGHT, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  return { width: SCENE_WIDTH, height: SCENE_HEIGHT, data };
}

/** Draws a face over the picture, enlarged and turned in one resampling. */
function paste({ face: { crop, size, tilt }, box }: PlacedFace, { width, height, data }: RgbImage): void {
  const centre = centreOf(box);
  const reach = extent({ crop, size, tilt }) / 2;
  const step = FACE_SIZE / size;
  // Relative to the crop's centre, with the turn undone.
  const back = wayBack({ angle: -tilt, from: centre, to: { x: 0, y: 0 } });
  for (let y = Math.max(0, Math.floor(centre.y - reach)); y < Math.min(height, centre.y + reach); y++) {
    for (let x = Math.max(0, Math.floor(centre.x - reach)); x < Math.min(width, centre.x + reach); x++) {
      const place = back(x + 0.5, y + 0.5);
      const [u, v] = [place.x * step, place.y * step];
      const beyond = Math.max(Math.abs(u), Math.abs(v)) / FACE_SIZE - 0.5;
      if (beyond >= FADE) continue;
      const share = beyond <= 0 ? 1 : 1 - beyond / FADE;
      const gray = bicubic(crop, u + FACE_SIZE / 2 - 0.5, v + FACE_SIZE / 2 - 0.5);
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) data[at + c] = Math.round(share * gray + (1 - share) * data[at + c]!);
    }
  }
}

/**
 * The crop's gray at a point (whole numbers are pixel centres) by Keys' cubic convolution with a = -1/2 (1981), within 0..255;
 * beyond the edge the border repeats.
 */
function bicubic(crop: Uint8Array, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const across = cubicWeights(x - left);
  const down = cubicWeights(y - top);
  let sum = 0;
  for (let j = 0; j < 4; j++) {
    const row = clampToCrop(top + j - 1) * FACE_SIZE;
    for (let i = 0; i < 4; i++) sum += down[j]! * across[i]! * crop[row + clampToCrop(left + i - 1)]!;
  }
  return clamp(sum, 0, 255);
}

/** Weights of the four samples around a point that lies `t` (0..1) after the second of them. */
function cubicWeights(t: number): readonly number[] {
  return [
    t * (-0.5 + t * (1 - 0.5 * t)),
    1 + t * t * (1.5 * t - 2.5),
    t * (0.5 + t * (2 - 1.5 * t)),
    t * t * (0.5 * t - 0.5),
  ];
}

function clampToCrop(index: number): number {
  return clamp(index, 0, FACE_SIZE - 1);
}
