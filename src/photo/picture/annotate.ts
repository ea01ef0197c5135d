import sharp from 'sharp';
import type { Reading } from '../../emotion/classifier.ts';
import { type Rectangle, type Size, scaledSize, toCopy } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import { describePhoto } from './describe.ts';
import { drawOn } from './draw-on.ts';
import { drawOverlay, layOutLabels } from './overlay.ts';

/** The picture in the reply: the upright photo with boxes, numbers and words, without the photo's metadata. */
export interface AnnotatedPicture {
  readonly bytes: Buffer;
  readonly mime: 'image/jpeg' | 'image/gif' | 'image/webp';
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Alternative text for people who cannot see the picture. */
  readonly altText: string;
}

/** Longest side of the annotated picture, in pixels: chats show less, and drawing on 12 megapixels takes seven times as long. */
const LONGEST_SIDE = 1600;
/** Thumbnails are enlarged to this longest side, so that letters have room beside the faces; at most LARGEST_ENLARGEMENT times. */
const SHORTEST_LONG_SIDE = 640;
const LARGEST_ENLARGEMENT = 4;

/** A small photo of more than CROWD people is enlarged up to LONGEST_SIDE, so that numbers have room; at most CROWD_ENLARGEMENT times. */
const CROWD = 20;
const CROWD_ENLARGEMENT = 2;

const JPEG_QUALITY = 85;

/**
 * Draws the readings on the photo.
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
    // Colour at full resolution: at the usual half resolution thin coloured outlines fade into their surroundings.
    // Optimised Huffman codes save 2 % of the bytes and take as long as the rest of the encoding.
    .jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4', optimiseCoding: false })
    .toBuffer();
  return { bytes, mime: 'image/jpeg', width, height, altText: describePhoto(faces) };
}

/** Size of the annotated picture, in pixels, for a photo of this size with this many people. */
export function outputSize(photo: Size, people: number): Size {
  const side = Math.max(photo.width, photo.height);
  const least = people > CROWD ? Math.min(LONGEST_SIDE, side * CROWD_ENLARGEMENT) : SHORTEST_LONG_SIDE;
  const wanted = Math.min(LONGEST_SIDE, Math.max(side, least, SHORTEST_LONG_SIDE));
  const scale = Math.min(LARGEST_ENLARGEMENT, wanted / side);
  return scaledSize(photo, scale);
}
