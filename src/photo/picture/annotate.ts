import sharp from 'sharp';
import type { Reading } from '../../emotion/classifier.ts';
import { type Rectangle, type Size, toCopy } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import { EMOTION_COLOURS, inkOn } from './colours.ts';
import { describePhoto } from './describe.ts';
import { drawLabel, type Label, makeLabel, type Placed, placeLabels, wordings } from './label.ts';

/** The picture that goes out: the upright photo with boxes, numbers and words; without any metadata of the photo. */
export interface AnnotatedPicture {
  readonly bytes: Buffer;
  readonly mime: 'image/jpeg';
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

/** Letters a longest side: at the 550 pixels or so that chats show, a letter of a fortieth is 14 pixels high. */
const LETTERS_PER_SIDE = 40;
/** Letters of thumbnails, which are shown as large as they are: pixels an em. */
const SMALLEST_USUAL_LETTERS = 20;
/** Sizes of letters to try where there is less room, as parts of the usual one. All labels of a picture have one size. */
const LETTER_SIZES = [1, 0.85, 0.7, 0.55];
/** A layout is good enough when no label has a larger part than this on other labels and faces. */
const MOST_COVER = 0.05;

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
  const { width, height } = outputSize(photo);
  const boxes = faces.map(({ box }) => toCopy(box, photo, { width, height }));
  const overlay = drawOverlay({ width, height }, boxes, faces);
  const bytes = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .composite([{ input: Buffer.from(overlay) }])
    // Colour at full resolution: at half of it, as usual, thin coloured outlines fade into what lies beside them.
    .jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' })
    .toBuffer();
  return { bytes, mime: 'image/jpeg', width, height, altText: describePhoto(faces) };
}

/** Size of the picture that goes out for a photo of this size, in pixels. */
export function outputSize(photo: Size): Size {
  const side = Math.max(photo.width, photo.height);
  const wanted = Math.min(LONGEST_SIDE, Math.max(side, SHORTEST_LONG_SIDE));
  const scale = Math.min(LARGEST_ENLARGEMENT, wanted / side);
  return { width: Math.max(1, Math.round(photo.width * scale)), height: Math.max(1, Math.round(photo.height * scale)) };
}

/** Boxes and labels as an SVG document of the picture's size. Labels come last: no box may cross a word. */
export function drawOverlay(canvas: Size, boxes: readonly Rectangle[], readings: readonly Reading[]): string {
  const line = Math.max(2, Math.max(canvas.width, canvas.height) / 320);
  const frames = boxes.map((box, k) => drawFrame(box, readings[k]!.emotion, line, canvas));
  const labels = layOut(canvas, boxes, readings, line * 1.5).map(({ label, x, y }, k) =>
    drawLabel(label, readings[k]!.emotion, x, y),
  );
  const { width, height } = canvas;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${frames.join('')}${labels.join('')}</svg>`;
}

/**
 * Labels with words in the largest letters that leave one another and the faces alone. In a crowd that no size suits, the
 * smallest letters, and bare numbers where words would lie on each other: what they stand for is in the text of the answer.
 */
function layOut(
  canvas: Size,
  boxes: readonly Rectangle[],
  readings: readonly Reading[],
  gap: number,
): readonly Placed<Label>[] {
  const usual = Math.max(SMALLEST_USUAL_LETTERS, Math.max(canvas.width, canvas.height) / LETTERS_PER_SIDE);
  const withWords = (size: number) =>
    readings.map((reading, k) => wordings(reading).map((lines) => makeLabel(k + 1, lines, size)));
  for (const part of LETTER_SIZES) {
    const { places, worstCover } = placeLabels(canvas, boxes, withWords(usual * part), gap);
    const fits = places.every(({ label }) => label.width <= canvas.width && label.height <= canvas.height);
    if (fits && worstCover <= MOST_COVER) return places;
  }
  const smallest = usual * LETTER_SIZES.at(-1)!;
  const versions = withWords(smallest).map((labels, k) => [...labels, bareNumber(k + 1, smallest, canvas)]);
  return placeLabels(canvas, boxes, versions, gap).places;
}

/** A label of a number alone, in letters that fit however small the canvas is. */
function bareNumber(number: number, size: number, canvas: Size): Label {
  const label = makeLabel(number, [], size);
  const fit = Math.min(canvas.width / label.width, canvas.height / label.height);
  return fit >= 1 ? label : makeLabel(number, [], size * fit * 0.9);
}

/** A box in the emotion's colour between two lines of the colour that stands out from it; dashed where it is a guess between two. */
function drawFrame(box: Rectangle, emotion: Reading['emotion'], line: number, canvas: Size): string {
  const colour = EMOTION_COLOURS[emotion];
  // A box that reaches the edge is drawn just within it, or half of its line would be cut off.
  const inset = line;
  const x = Math.max(inset, box.x);
  const y = Math.max(inset, box.y);
  const width = Math.max(1, Math.min(canvas.width - inset, box.x + box.width) - x);
  const height = Math.max(1, Math.min(canvas.height - inset, box.y + box.height) - y);
  const shape = `x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${width.toFixed(2)}" height="${height.toFixed(2)}" rx="${(line * 2).toFixed(2)}" fill="none"`;
  const dashes = emotion === 'unsure' ? ` stroke-dasharray="${(line * 4).toFixed(2)} ${(line * 2).toFixed(2)}"` : '';
  return (
    `<rect ${shape} stroke="${inkOn(colour)}" stroke-width="${(line * 2).toFixed(2)}"/>` +
    `<rect ${shape} stroke="${colour}" stroke-width="${line.toFixed(2)}"${dashes}/>`
  );
}
