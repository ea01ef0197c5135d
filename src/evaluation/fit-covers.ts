import { clamp } from '../base/numbers.ts';
import { Random } from '../base/random.ts';
import { FACE_SIZE } from '../emotion/labels.ts';
import { COVERS, type Cover, type CoverScores } from '../photo/covered.ts';
import { outlines } from '../photo/outlines.ts';
import { CLOSE, type Framing, fitOutlines, moved } from './fit-outlines.ts';

/** The outlines of one face, bare and with each of the covers drawn over it. */
type Seen = Readonly<Record<Cover | 'nothing', Float32Array>>;

/** Outlines of faces, shifted, turned and scaled as detectors frame them: each without a cover, and with each cover drawn over it. */
export function drawExamples(faces: readonly Uint8Array[], seed: number, framing: Framing = CLOSE): Seen[] {
  return faces.map((face, k) => {
    const random = new Random(seed, k);
    const bare = moved(face, random, framing);
    return {
      nothing: outlines(bare),
      mouth: outlines(moved(random.chance(HANDS) ? holdHand(face, random) : coverMouth(face, random), random, framing)),
      eyes: outlines(moved(coverEyes(face, random), random, framing)),
    };
  });
}

/** Fits a score for each cover. The same examples and seed give the same scores. */
export function fitCovers(examples: readonly Seen[], seed: number): CoverScores {
  const rows = examples.flatMap((seen) =>
    (['nothing', ...COVERS] as const).map((cover) => ({ cover, numbers: seen[cover] })),
  );
  const fitOne = (wanted: Cover) =>
    fitOutlines(
      rows.map(({ cover, numbers }) => ({ numbers, wanted: cover === wanted })),
      seed,
    );
  return { mouth: fitOne('mouth'), eyes: fitOne('eyes') };
}

type Shape = (x: number, y: number) => boolean;

/** Paints a shape. A pixel's coverage is the share of four points in it that lie within the shape. */
function paint(crop: Uint8Array, shape: Shape, gray: (x: number, y: number) => number): void {
  for (let y = 0; y < FACE_SIZE; y++) {
    for (let x = 0; x < FACE_SIZE; x++) {
      const held = [0.25, 0.75].flatMap((j) => [0.25, 0.75].filter((i) => shape(x + i, y + j))).length / 4;
      if (held === 0) continue;
      const at = y * FACE_SIZE + x;
      crop[at] = Math.round(clamp(crop[at]! * (1 - held) + gray(x, y) * held, 0, 255));
    }
  }
}

/**
 * Draws a medical mask, a scarf or the like: from somewhere on the nose to the chin, lighter or darker towards one side, plain, folded or
 * patterned, most with straps. In FER2013's faces the eyes are about 18 pixels below the top, the tip of the nose 28, the chin 46.
 */
function coverMouth(face: Uint8Array, random: Random): Uint8Array {
  const crop = face.slice();
  const top = random.between(25, 32);
  const edge = top + random.between(1, 5);
  const left = random.between(3, 9);
  const right = random.between(39, 45);
  const chin = random.between(46, 52);
  const taper = random.between(2, 6);
  const ridge = random.between(22, 26);
  const shape: Shape = (x, y) => {
    if (y > chin || x < left || x > right) return false;
    const above = x < ridge ? (x - left) / (ridge - left) : (right - x) / (right - ridge);
    if (y < edge + (top - edge) * above) return false;
    const low = Math.max(0, y - (chin - 6)) / 6;
    return x > left + taper * low * 2 && x < right - taper * low * 2;
  };
  const base = random.chance(0.65) ? random.between(140, 250) : random.between(20, 120);
  const slope = { x: random.between(-1.2, 1.2), y: random.between(-1.2, 1.2) };
  const folds = random.chance(0.5) ? random.between(2, 5) : 0;
  const depth = random.between(-20, 20);
  const pattern = random.chance(0.2) ? random.between(10, 30) : 0;
  const wave = random.between(2, 6);
  const noise = random.between(0, 8);
  paint(crop, shape, (x, y) => {
    const fold = folds > 0 && (((y - edge) * folds) / (chin - edge)) % 1 < 0.25 ? depth : 0;
    const print = pattern * Math.sign(Math.sin(x / wave) * Math.sin(y / wave));
    return base + slope.x * (x - 24) + slope.y * (y - 38) + fold + print + random.between(-noise, noise) / 2;
  });
  if (random.chance(0.6)) {
    const strap: Shape = (x, y) =>
      (x < left && Math.abs(y - edge + (left - x) * 0.4) < 0.8) ||
      (x > right && Math.abs(y - edge + (x - right) * 0.4) < 0.8);
    paint(crop, strap, () => base);
  }
  return crop;
}

/** Share of the covered mouths that a hand covers. */
const HANDS = 0.35;

/** Draws a hand before mouth and chin: fingers with shadows between them, from below or from one side, about as light as the face. */
function holdHand(face: Uint8Array, random: Random): Uint8Array {
  const crop = face.slice();
  const middle = { x: random.between(20, 28), y: random.between(35, 40) };
  // The direction of the fingers, from straight up to either side.
  const turn = random.between(-1.7, 1.7);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const across = (x: number, y: number) => (x - middle.x) * cos + (y - middle.y) * sin;
  const along = (x: number, y: number) => (y - middle.y) * cos - (x - middle.x) * sin;
  const fingers = 3 + random.below(2);
  const width = random.between(5, 8);
  const lengths = Array.from({ length: fingers }, () => random.between(7, 12));
  const shape: Shape = (x, y) => {
    const place = across(x, y) / width + fingers / 2;
    const finger = Math.floor(place);
    if (finger < 0 || finger >= fingers) return false;
    const side = (place - finger - 0.5) * width;
    const tip = -lengths[finger]!;
    const up = along(x, y);
    return up > tip || side ** 2 + (up - tip) ** 2 < (width / 2) ** 2;
  };
  const sorted = [...face.subarray(FACE_SIZE * 20, FACE_SIZE * 34)].sort((a, b) => a - b);
  const base = sorted[Math.floor(sorted.length / 2)]! + random.between(-30, 30);
  const shadow = random.between(20, 70);
  const slope = random.between(-1, 1);
  paint(crop, shape, (x, y) => {
    const place = across(x + 0.5, y + 0.5) / width + fingers / 2;
    const fromEdge = Math.min(place - Math.floor(place), Math.ceil(place) - place) * width;
    return base + slope * (y - middle.y) - shadow * Math.max(0, 1 - fromEdge / 1.4) + random.between(-3, 3);
  });
  return crop;
}

/** Draws sunglasses, round or square, darker or lighter below, some with a glint; or a dark band across both eyes. */
function coverEyes(face: Uint8Array, random: Random): Uint8Array {
  const crop = face.slice();
  const middle = { x: random.between(22, 26), y: random.between(14.5, 22) };
  const half = { width: random.between(7, 10.5), height: random.between(4.5, 8) };
  const apart = random.between(18, 26) / 2;
  const power = random.chance(0.5) ? 2 : 3.5;
  const lean = random.between(-0.06, 0.06);
  const down = (x: number, y: number) => y - middle.y - (x - 24) * lean;
  const lens =
    (side: number): Shape =>
    (x, y) => {
      const across = Math.abs(x - middle.x - side * apart) / half.width;
      return across ** power + (Math.abs(down(x, y)) / half.height) ** power < 1;
    };
  const frame: Shape = (x, y) =>
    Math.abs(down(x, y) + 1) < 1 && x > 2 && x < 46 && Math.abs(x - middle.x) > apart - half.width / 2;
  const bridge: Shape = (x, y) => Math.abs(down(x, y) + 1) < 1.1 && Math.abs(x - middle.x) < apart;
  const band: Shape = (x, y) => Math.abs(down(x, y)) < half.height + 1 && x > 2 && x < 46;
  const base = random.between(5, 75);
  const slope = random.between(-1.5, 3.5);
  const shapes = random.chance(0.15) ? [band] : [lens(-1), lens(1), bridge, frame];
  for (const shape of shapes) paint(crop, shape, (_, y) => base + slope * (y - middle.y) + random.between(-3, 3));
  if (random.chance(0.4)) {
    const glint: Shape = (x, y) => Math.abs(Math.abs(x - middle.x) - apart + 2 + down(x, y)) < 0.8 && band(x, y);
    paint(crop, glint, () => base + 90);
  }
  return crop;
}
