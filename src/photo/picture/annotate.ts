import sharp from 'sharp';
import type { Reading } from '../../emotion/classifier.ts';
import { type Rectangle, type Size, scaledSize, toCopy } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import { describePhoto } from './describe.ts';
import { drawOn } from './draw-on.ts';
import { drawOverlay, layOutLabels } from './overlay.ts';

/** The picture that goes out: the upright photo with boxes, numbers and words; without any metadata of the photo. */
export interface AnnotatedPicture {
  readonly bytes: Buffer;
  readonly mime: 'image/jpeg' | 'image/gif' | 'image/webp';
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** What there is to see, for people who do not see it. */
  readonly altText: string;
}

/** Longest side of what goes out, in pixels: chats show less, and drawing on 12 megapixels takes seven times as long. */
const LONGEST_SIDE = 1600;
/** Thumbnails are enlarged to this longest side, so that letters have room beside the faces; at most LARGEST_ENLARGEMENT times. */
const SHORTEST_LONG_SIDE = 640;
const LARGEST_ENLARGEMENT = 4;

/** A crowd's small photo is enlarged as far as that too, so that numbers have room; at most CROWD_ENLARGEMENT times. */
const CROWD = 20;
const CROWD_ENLARGEMENT = 2;

const JPEG_QUALITY = 85;

/**
 * Draws what was read.
 * @param image the upright photo, or a smaller copy of it
 * @param photo size of the upright photo, in whose pixels the boxes are
 * @param faces in the order of their numbers
 */
export async function annotate(
  image: RgbImage,
  photo: Size,
  faces: readonly (Reading & { readonly box: Rectangle })[],
): Promise<AnnotatedPicture> {
  const size = outputSize(photo, faces.length);
  const { width, height } = size;
  const marks = faces.map((reading, k) => ({ number: k + 1, box: toCopy(reading.box, photo, size), reading }));
  const overlay = marks.length === 0 ? undefined : drawOverlay(size, marks, layOutLabels(size, marks));
  const pixels = await drawOn(image, size, overlay);
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    // Colour at full resolution: at half of it, as usual, thin coloured outlines fade into what lies beside them.
    // Codes made for the picture itself save 2 % of its bytes and take as long as all else of the encoding.
    .jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4', optimiseCoding: false })
    .toBuffer();
  return { bytes, mime: 'image/jpeg', width, height, altText: describePhoto(faces) };
}

/** Size of the picture that goes out for a photo of this size and so many people, in pixels. */
export function outputSize(photo: Size, people: number): Size {
  const side = Math.max(photo.width, photo.height);
  const least = people > CROWD ? Math.min(LONGEST_SIDE, side * CROWD_ENLARGEMENT) : SHORTEST_LONG_SIDE;
  const wanted = Math.min(LONGEST_SIDE, Math.max(side, least, SHORTEST_LONG_SIDE));
  const scale = Math.min(LARGEST_ENLARGEMENT, wanted / side);
  return scaledSize(photo, scale);
}
