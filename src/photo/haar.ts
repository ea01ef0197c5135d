import sharp from 'sharp';
import { createWorkerPool } from '../jobs/worker-pool.ts';
import type { FaceBox, FaceDetector } from './faces.ts';
import type { HaarPass, HaarProposal, HaarTask } from './haar-pass.ts';
import { type RgbImage, toGray } from './image.ts';
import { overlap } from './overlap.ts';

/**
 * Faces are sought on a picture that fits in here. A pass takes time in proportion to the area; the figures below were measured
 * at this size.
 */
const SEARCH_SIZE = { width: 1280, height: 960 };
/** Smaller pictures are enlarged until their longer side has this length, but no more than twice: faces in thumbnails are small. */
const SEARCH_LEAST = 640;
/** Smallest face sought, in pixels of the picture that is searched: below it hits are mostly false. */
const MIN_FACE = 30;

const ALT2 = 'haarcascade_frontalface_alt2.xml';

/** Degrees that the tilted passes turn the picture by: the upright cascade still sees heads that lean some 12 degrees. */
const TILT = 22;

/** Upright faces with this many hits are taken without looking for an eye. */
const SURE_NEIGHBOURS = 20;

/**
 * The passes that propose faces. alt2 finds more faces with fewer false ones than the default cascade; heads that lean need the
 * picture turned, and there, among more chances for a false hit, more neighbours are asked for.
 */
export const HAAR_PASSES: readonly HaarPass[] = [
  { name: 'upright', cascade: ALT2, angle: 0, scaleFactor: 1.1, minNeighbours: 3, eyesBelow: SURE_NEIGHBOURS },
  { name: 'leaning right', cascade: ALT2, angle: TILT, scaleFactor: 1.1, minNeighbours: 12, eyesBelow: 0 },
  { name: 'leaning left', cascade: ALT2, angle: -TILT, scaleFactor: 1.1, minNeighbours: 12, eyesBelow: 0 },
];

/** A proposal is kept when it has many hits, or when an eye was found in it (or none was looked for). */
export function isVerified(proposal: HaarProposal): boolean {
  return proposal.eyes === undefined || proposal.eyes.length > 0;
}

/** Boxes that overlap by more than this (intersection over union) are the same face. */
const SAME_FACE = 0.3;

/** One box a face: of boxes that overlap, or lie within one another, the one with the higher score stays. */
export function mergeFaces(boxes: readonly FaceBox[]): FaceBox[] {
  const kept: FaceBox[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    const again = kept.some((other) => {
      const { union, ofSmaller } = overlap(box, other);
      return union > SAME_FACE || ofSmaller > 0.7;
    });
    if (!again) kept.push(box);
  }
  return kept;
}

function toFaceBox(proposal: HaarProposal): FaceBox {
  const { centreX, centreY, side, angle, neighbours } = proposal;
  return { x: centreX - side / 2, y: centreY - side / 2, width: side, height: side, angle, score: neighbours };
}

/** How much larger (or smaller) the searched picture is than the given one. */
export function searchScale(width: number, height: number): number {
  const fit = Math.min(SEARCH_SIZE.width / width, SEARCH_SIZE.height / height);
  const enlarge = Math.min(2, Math.max(1, SEARCH_LEAST / Math.max(width, height)));
  return Math.min(fit, enlarge);
}

async function resized(image: RgbImage, scale: number): Promise<RgbImage> {
  if (scale === 1) return image;
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer();
  return { width, height, data };
}

/** The embedded detector: OpenCV's cascades in WebAssembly, one pass a task, on worker threads. */
export function createHaarDetector({ threads }: { threads: number }): FaceDetector {
  const pool = createWorkerPool<HaarTask, HaarProposal[]>(new URL('./haar-worker.ts', import.meta.url), { threads });
  return {
    async detect(image, { signal } = {}) {
      const search = await resized(image, searchScale(image.width, image.height));
      const gray = toGray(search);
      const proposals = await Promise.all(
        HAAR_PASSES.map((pass) => pool.run({ image: gray, pass, minFace: MIN_FACE }, signal)),
      );
      const faces = mergeFaces(proposals.flat().filter(isVerified).map(toFaceBox));
      const x = image.width / search.width;
      const y = image.height / search.height;
      return faces.map((face) => ({
        ...face,
        x: face.x * x,
        y: face.y * y,
        width: face.width * x,
        height: face.height * y,
      }));
    },
    close: () => pool.close(),
  };
}
