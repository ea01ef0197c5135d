import sharp from 'sharp';
import { clamp } from '../../base/numbers.ts';
import { DEFAULT_LIMITS, decodePhoto, type PhotoLimits } from '../../photo/decode.ts';
import { centreOf, type Rectangle } from '../../photo/faces/box.ts';
import type { RgbImage } from '../../photo/image.ts';
import { outputSize } from '../../photo/picture/annotate.ts';

/** As in a chat, but with time: nobody waits for an answer, and a busy machine is no reason to leave a photo out. */
export const REPORT_LIMITS: PhotoLimits = {
  ...DEFAULT_LIMITS,
  maxMilliseconds: 5 * 60_000,
  patienceMilliseconds: Infinity,
};

/** A photo as the report shows it beside the annotated one: upright, of the same size, without metadata. All are JPEG files. */
export interface ReportPictures {
  readonly original: Buffer;
  /** Each face with what is around it, THUMBNAIL_SIDE pixels square, in the order asked. */
  readonly thumbnails: readonly Buffer[];
}

/** Pixels, width and height: shown at half of that, sharp on dense screens. */
export const THUMBNAIL_SIDE = 144;
/** Around a face its thumbnail shows this much more on each side, as a part of the box's longer side. */
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

/** The square around a box; of one at the edge, what there is of it. */
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
