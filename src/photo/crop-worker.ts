/** Runs in a worker thread: the faces of one photo, cropped from its gray picture. */
import { type CropTask, cropFace } from './crop.ts';
import { toGray } from './image.ts';

export default function cropAll({ image, faces }: CropTask): Uint8Array[] {
  const gray = toGray(image);
  return faces.map((face) => cropFace(gray, face));
}
