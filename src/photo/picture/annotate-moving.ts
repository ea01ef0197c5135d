import sharp from 'sharp';
import type { Reading } from '../../emotion/classifier.ts';
import { type Point, type Rectangle, type Size, scaledSize, toCopy } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import type { AnnotatedPicture } from './annotate.ts';
import { describePhoto, type PersonReading } from './describe.ts';
import { drawOn } from './draw-on.ts';
import { drawOverlay, type LabelLayout, layOutLabels, type Mark, type Overlay } from './overlay.ts';

/** A moving picture to draw on. */
export interface MovingPicture {
  readonly frames: readonly RgbImage[];
  /** How long each is shown. */
  readonly milliseconds: readonly number[];
  /** How often it is played; 0 for ever. */
  readonly loop: number;
}

/** A person, in the order of their numbers, and their face in each frame that they are in, in pixels of a frame. */
export interface MovingMark extends PersonReading {
  readonly sightings: ReadonlyMap<number, Reading & { readonly box: Rectangle }>;
}

/** How moving pictures are written: GIF plays everywhere, WebP is a tenth of its size. */
export type MovingFormat = 'gif' | 'webp';

/** Longest side of the annotated picture, in pixels: a GIF of photos has nearly a byte a pixel and frame. */
const LONGEST_SIDE: Readonly<Record<MovingFormat, number>> = { gif: 480, webp: 640 };
/** Small pictures are enlarged, at most this many times, so that letters have room beside the faces. */
const LARGEST_ENLARGEMENT = 3;
const WEBP_QUALITY = 75;
/** Of ten. A higher effort takes longer and saves few bytes. */
const GIF_EFFORT = 3;
const WEBP_EFFORT = 2;

/** Draws the readings into each frame. Boxes follow the faces; each person's number stays, and so does the label's place beside the box. */
export async function annotateMoving(
  { frames, milliseconds, loop }: MovingPicture,
  people: readonly MovingMark[],
  format: MovingFormat,
): Promise<AnnotatedPicture> {
  const [first] = frames as [RgbImage, ...RgbImage[]];
  const size = outputSize(first, format);
  const { width, height } = size;
  const marks = frames.map((_, frame) => marksIn(people, frame, first, size));
  const overlays = overlaysOf(size, marks);
  const bytes = width * height * 3;
  const pixels = Buffer.allocUnsafeSlow(frames.length * bytes);
  for (const [frame, image] of frames.entries()) {
    const drawn = await drawOn(image, size, overlays[frame]);
    drawn.copy(pixels, frame * bytes);
  }
  const raw = { width, height: height * frames.length, channels: 3, pageHeight: height } as const;
  const joined = sharp(pixels, { raw });
  const timing = { delay: [...milliseconds], loop };
  const file =
    format === 'gif'
      ? joined.gif({ ...timing, effort: GIF_EFFORT })
      : joined.webp({ ...timing, effort: WEBP_EFFORT, quality: WEBP_QUALITY, smartSubsample: true });
  return {
    bytes: await file.toBuffer(),
    mime: `image/${format}`,
    width,
    height,
    altText: describePhoto(people, 'Moving picture'),
  };
}

function outputSize(frame: Size, format: MovingFormat): Size {
  const longest = LONGEST_SIDE[format] / Math.max(frame.width, frame.height);
  return scaledSize(frame, Math.min(LARGEST_ENLARGEMENT, longest));
}

function marksIn(people: readonly MovingMark[], frame: number, picture: Size, size: Size): Mark[] {
  return people.flatMap(({ sightings }, k) => {
    const seen = sightings.get(frame);
    return seen ? [{ number: k + 1, box: toCopy(seen.box, picture, size), reading: seen }] : [];
  });
}

/** All frames have the style of the frame with the most people. Each label stays where it was beside its box. */
function overlaysOf(size: Size, frames: readonly (readonly Mark[])[]): (Overlay | undefined)[] {
  const fullest = frames.reduce((most, marks) => (marks.length > most.length ? marks : most));
  const wordings = (reading: Reading) => [[reading.emotion]];
  const { style } = layOutLabels(size, fullest, { wordings });
  const last = new Map<number, { readonly place: Rectangle; readonly box: Rectangle }>();
  return frames.map((marks) => {
    const before = marks.map(({ number, box }) => {
      const seen = last.get(number);
      return seen && carried(seen.place, seen.box, box);
    });
    const layout: LabelLayout = layOutLabels(size, marks, { wordings, style, before });
    for (const [k, { number, box }] of marks.entries()) last.set(number, { place: layout.places[k]!, box });
    return marks.length === 0 ? undefined : drawOverlay(size, marks, layout);
  });
}

/**
 * Moves a label along with its box, whose size may have changed: it stays as far from the same side.
 * @returns relative to the box's corner
 */
function carried(place: Rectangle, from: Rectangle, to: Rectangle): Point {
  return {
    x: along(place.x, place.width, from.x, from.width, to.width),
    y: along(place.y, place.height, from.y, from.height, to.height),
  };
}

function along(place: number, length: number, from: number, fromLength: number, toLength: number): number {
  const offset = place - from;
  if (offset >= fromLength) return offset - fromLength + toLength;
  if (offset + length <= 0) return offset;
  const toMiddle = offset + (length - fromLength) / 2;
  return toMiddle + (toLength - length) / 2;
}
