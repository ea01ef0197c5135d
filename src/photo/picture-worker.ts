/** Runs in a worker thread: see picture-thread.ts. */
import sharp, { type Sharp } from 'sharp';
import { isCovered } from './covered.ts';
import { cropFace, type FaceCrop } from './crop.ts';
import type { LeaningBox } from './faces/box.ts';
import { inSharedMemory, type RgbImage, toGray } from './image.ts';
import { annotate } from './picture/annotate.ts';
import type { PictureTask } from './picture-thread.ts';

// Never the same picture again.
sharp.cache(false);

export default async function runTask(task: PictureTask): Promise<unknown> {
  const { kind, image } = task;
  switch (kind) {
    case 'resize':
      return await pixelsOf(opened(image).resize(task.size.width, task.size.height, { fit: 'fill' }));
    case 'turn':
      return await pixelsOf(opened(image).rotate(task.degrees));
    case 'crop':
      return cropAll(image, task.faces);
    case 'draw':
      return await annotate(image, task.photo, task.faces);
  }
}

function opened({ width, height, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function pixelsOf(picture: Sharp): Promise<RgbImage> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  return inSharedMemory({ width: info.width, height: info.height, data });
}

/** The faces of one photo, cropped from its gray picture, and whether each can be seen. */
function cropAll(image: RgbImage, faces: readonly LeaningBox[]): FaceCrop[] {
  const gray = toGray(image);
  return faces.map((face) => {
    const pixels = cropFace(gray, face);
    return { pixels, covered: isCovered(pixels) };
  });
}
