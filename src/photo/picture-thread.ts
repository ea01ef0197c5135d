import { createWorkerPool, type WorkerPool } from '../base/workers.ts';
import type { Reading } from '../emotion/classifier.ts';
import type { FaceCrop } from './crop.ts';
import type { LeaningBox, Rectangle, Size } from './faces/box.ts';
import { inSharedMemory, type RgbImage } from './image.ts';
import type { AnnotatedPicture } from './picture/annotate.ts';
import type { MovingFormat, MovingMark, MovingPicture } from './picture/annotate-moving.ts';
import { takePixels } from './shared-pixels.ts';

/** A face and what it shows, as it is drawn. */
type DrawnFace = Reading & { readonly box: Rectangle };

/** A task for the thread. Pictures are in shared memory, so nothing is copied on the way. */
export type PictureTask =
  /** @property result of the size wanted; the pixels are written into it */
  | { readonly kind: 'resize'; readonly image: RgbImage; readonly result: RgbImage }
  /** @property degrees clockwise: 90, 180 or 270 */
  | { readonly kind: 'turn'; readonly image: RgbImage; readonly degrees: number; readonly result: RgbImage }
  | { readonly kind: 'crop'; readonly image: RgbImage; readonly faces: readonly LeaningBox[] }
  | { readonly kind: 'draw'; readonly image: RgbImage; readonly photo: Size; readonly faces: readonly DrawnFace[] }
  | {
      readonly kind: 'draw-moving';
      readonly picture: MovingPicture;
      readonly people: readonly MovingMark[];
      readonly format: MovingFormat;
    };

/** Tasks under way at once. libvips computes on threads of its own, so a few photos can be worked on together. */
const AT_ONCE = 4;

let pool: WorkerPool<PictureTask, unknown> | undefined;

/**
 * Runs a task on the one thread that does all pixel work other than finding and reading faces. It is started once and does not keep the
 * process alive. So the main thread loads neither libvips nor the font, and neither a crowd's labels nor a face that fills the photo
 * block it.
 */
async function run<Result>(task: PictureTask): Promise<Result> {
  pool ??= createWorkerPool(new URL('./picture-worker.ts', import.meta.url), {
    threads: 1,
    atOnce: AT_ONCE,
    idleThreadsMayEnd: true,
  });
  return (await pool.run(task)) as Result;
}

/** The picture in another size; in shared memory. @param size whole pixels, at least 1 */
export async function resizePicture(image: RgbImage, size: Size): Promise<RgbImage> {
  const result = emptyPicture(size);
  await run({ kind: 'resize', image: inSharedMemory(image), result });
  return result;
}

/** The picture turned clockwise; in shared memory. @param degrees 90, 180 or 270 */
export async function turnPicture(image: RgbImage, degrees: number): Promise<RgbImage> {
  const { width, height } = image;
  const result = emptyPicture(degrees === 180 ? image : { width: height, height: width });
  await run({ kind: 'turn', image: inSharedMemory(image), degrees, result });
  return result;
}

function emptyPicture({ width, height }: Size): RgbImage {
  return { width, height, data: takePixels(3 * width * height) };
}

/** The crops of a photo's faces, as `cropFace` makes them. @returns one crop a face, in their order */
export async function cropFaces(image: RgbImage, faces: readonly LeaningBox[]): Promise<FaceCrop[]> {
  if (faces.length === 0) return [];
  return await run({ kind: 'crop', image: inSharedMemory(image), faces });
}

/** The annotated picture: see `annotate`. */
export async function drawPicture(
  image: RgbImage,
  photo: Size,
  faces: readonly DrawnFace[],
): Promise<AnnotatedPicture> {
  return whole(await run<AnnotatedPicture>({ kind: 'draw', image: inSharedMemory(image), photo, faces }));
}

/** The annotated moving picture: see `annotateMoving`. */
export async function drawMoving(
  picture: MovingPicture,
  people: readonly MovingMark[],
  format: MovingFormat,
): Promise<AnnotatedPicture> {
  const frames = picture.frames.map(inSharedMemory);
  return whole(await run<AnnotatedPicture>({ kind: 'draw-moving', picture: { ...picture, frames }, people, format }));
}

function whole(picture: AnnotatedPicture): AnnotatedPicture {
  // Between threads a Buffer becomes plain bytes.
  const { buffer, byteOffset, byteLength } = picture.bytes;
  return { ...picture, bytes: Buffer.from(buffer, byteOffset, byteLength) };
}
