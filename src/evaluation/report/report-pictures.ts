import sharp from 'sharp';
import { clamp } from '../../base/numbers.ts';
import { DEFAULT_LIMITS, decodePhoto, type PhotoLimits } from '../../photo/decode.ts';
import { centreOf, type Rectangle } from '../../photo/faces/box.ts';
import type { RgbImage } from '../../photo/image.ts';
import { outputSize } from '../../photo/picture/annotate.ts';

/** A chat's limits with much more time: nobody waits for an answer, and no photo is left out because the machine is busy. */
export const REPORT_LIMITS: PhotoLimits = {
  ...DEFAULT_LIMITS,
  maxMilliseconds: 5 * 60_000,
  patienceMilliseconds: Infinity,
};

/** The pictures of a photo in the report, as JPEG files without metadata. `original` is upright and as large as the annotated picture. */
export interface ReportPictures {
  readonly original: Buffer;
  /** Each face with what is around it, THUMBNAIL_SIDE pixels square, in the order asked. */
  readonly thumbnails: readonly Buffer[];
}

/** Width and height in pixels. Thumbnails are shown at half of that, so that they are sharp on high-density screens. */
export const THUMBNAIL_SIDE = 144;
/** A thumbnail shows this much more than the face's box on each side, as a share of the box's longer side. */
const MARGIN = 0.2;
const JPEG_QUALITY = 82;

/**
 * @param bytes a picture file that readPhoto could read
 * @param photo the upright photo's size, in whose pixels the boxes are
 */
export async function drawReportPictures(
  bytes: Uint8Array,
  photo: { readonly width: number; readonly height: number },
  boxes: readonly Rectangle[],
): Promise<ReportPictures> {
  const { image } = await decodePhoto(bytes, REPORT_LIMITS);
  const { width, height } = outputSize(photo, boxes.length);
  const original = await pixels(image)
    .resize(width, height, { fit: 'fill' })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer();
  const scale = image.width / photo.width;
  const thumbnails: Buffer[] = [];
  for (const box of boxes) thumbnails.push(await thumbnail(image, box, scale));
  return { original, thumbnails };
}

function pixels({ data, width, height }: RgbImage) {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** The square around a box, cut where it reaches beyond the picture's edge. */
async function thumbnail(image: RgbImage, box: Rectangle, scale: number): Promise<Buffer> {
  const half = Math.max(box.width, box.height) * scale * (0.5 + MARGIN);
  const span = (centre: number, most: number) => {
    const from = clamp(Math.round(centre - half), 0, most - 1);
    return { from, length: Math.max(1, Math.min(most, Math.round(centre + half)) - from) };
  };
  const { x, y } = centreOf(box);
  const across = span(x * scale, image.width);
  const down = span(y * scale, image.height);
  return await pixels(image)
    .extract({ left: across.from, top: down.from, width: across.length, height: down.length })
    .resize(THUMBNAIL_SIDE, THUMBNAIL_SIDE, { fit: 'contain', background: '#808080' })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer();
}
