/** Runs in a worker thread: see picture-thread.ts. */
import sharp, { type Sharp } from 'sharp';
import { cropFromPhoto, type FaceCrop } from './crop.ts';
import type { LeaningBox } from './faces/box.ts';
import { flawOf } from './flaw.ts';
import type { RgbImage } from './image.ts';
import { annotate } from './picture/annotate.ts';
import { annotateMoving } from './picture/annotate-moving.ts';
import type { PictureTask } from './picture-thread.ts';

// No picture comes twice, so a cache would only take memory.
sharp.cache(false);

export default async function runTask(task: PictureTask): Promise<unknown> {
  if (task.kind === 'draw-moving') return await annotateMoving(task.picture, task.people, task.format);
  const { kind, image } = task;
  switch (kind) {
    case 'resize':
      return await writePixels(
        opened(image).resize(task.result.width, task.result.height, { fit: 'fill' }),
        task.result,
      );
    case 'turn':
      return await writePixels(opened(image).rotate(task.degrees), task.result);
    case 'crop':
      return cropAll(image, task.faces);
    case 'draw':
      return await annotate(image, task.photo, task.faces);
  }
}

function opened({ width, height, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function writePixels(picture: Sharp, result: RgbImage): Promise<void> {
  result.data.set(await picture.raw().toBuffer());
}

/** Crops the faces of one photo, and says of each what keeps it from being read. */
function cropAll(image: RgbImage, faces: readonly LeaningBox[]): FaceCrop[] {
  return faces.map((face) => {
    const pixels = cropFromPhoto(image, face);
    return { pixels, flaw: flawOf(pixels) };
  });
}
