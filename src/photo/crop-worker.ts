/** Runs in a worker thread: the faces of one photo, cropped from its gray picture, and whether each can be seen. */
import { isCovered } from './covered.ts';
import { type CropTask, cropFace, type FaceCrop } from './crop.ts';
import { toGray } from './image.ts';

export default function cropAll({ image, faces }: CropTask): FaceCrop[] {
  const gray = toGray(image);
  return faces.map((face) => {
    const pixels = cropFace(gray, face);
    return { pixels, covered: isCovered(pixels) };
  });
}
