import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { showsSomething } from './first-shown.ts';

/** A frame of an animated PNG as it is shown: composed with the frames before it. */
export interface ShownFrame {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity: 4 * width * height bytes. */
  readonly pixels: Buffer;
  /** From 0. */
  readonly frame: number;
}

/** A frame's place on the canvas, how it is blended, and how its area is disposed of afterwards (Portable Network Graphics 3, 11.3.6.2). */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly dispose: number;
  readonly blend: number;
  /** Its compressed pixels, piece by piece. */
  readonly data: Buffer[];
}

/** The frames of an animated PNG. */
export interface Apng {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly Frame[];
  /** Whether the default image, which programs without animation support show, is the first frame. */
  readonly startsWithPicture: boolean;
  /** The chunks before the pixels: size, palette, colours. */
  readonly head: readonly Buffer[];
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** Bytes of a chunk beside its content: length, name, check sum. */
const AROUND = 12;
const TO_BACKGROUND = 1;
const TO_PREVIOUS = 2;
const OVER = 1;
/** Most frames that are looked at, and most canvas pixels in all of them: about three seconds. */
const MOST_FRAMES = 300;
const MOST_PIXELS = 120_000_000;
/** Bytes of memory a pixel that composing frames takes: the canvas, a frame, the canvas before it, grays. */
export const APNG_BYTES = 16;

/** @returns undefined where a PNG is no animation of several frames; frames that the file lacks are left out */
export function apngOf(file: Buffer): Apng | undefined {
  const head: Buffer[] = [];
  const frames: Frame[] = [];
  let [isAnimation, isPicture, startsWithPicture] = [false, false, false];
  for (let at = SIGNATURE.length; at + AROUND <= file.length; ) {
    const length = file.readUInt32BE(at);
    const end = at + AROUND + length;
    if (end > file.length) break;
    const name = file.toString('latin1', at + 4, at + 8);
    const content = file.subarray(at + 8, at + 8 + length);
    const last = frames.at(-1);
    if (name === 'acTL') isAnimation = true;
    else if (name === 'fcTL' && length >= 26) frames.push(frameIn(content));
    else if (name === 'IDAT') {
      startsWithPicture ||= !isPicture && frames.length === 1;
      isPicture = true;
      if (startsWithPicture) last?.data.push(content);
    } else if (name === 'fdAT' && length > 4) last?.data.push(content.subarray(4));
    else if (!isPicture && length < file.length) head.push(file.subarray(at, end));
    at = end;
  }
  const [size] = head;
  const whole = frames.filter(({ data }) => data.length > 0);
  if (!isAnimation || size === undefined || size.length < 25 || whole.length < 2) return undefined;
  const [width, height] = [size.readUInt32BE(8), size.readUInt32BE(12)];
  const fits = ({ x, y, ...frame }: Frame) => x + frame.width <= width && y + frame.height <= height;
  return whole.every(fits) ? { width, height, frames: whole, startsWithPicture, head } : undefined;
}

function frameIn(content: Buffer): Frame {
  const [width, height, x, y] = [4, 8, 12, 16].map((at) => content.readUInt32BE(at)) as [
    number,
    number,
    number,
    number,
  ];
  return { width, height, x, y, dispose: content[24]!, blend: content[25]!, data: [] };
}

/**
 * Composes frame after frame until one shows something.
 * @returns undefined where none does, or where the search would take too long
 * @throws Error the decoder's message about a damaged frame
 */
export async function firstShownOf(apng: Apng): Promise<ShownFrame | undefined> {
  const { width, height } = apng;
  const pixels = Buffer.alloc(4 * width * height);
  const most = Math.min(MOST_FRAMES, Math.floor(MOST_PIXELS / (width * height)));
  for (const [k, frame] of apng.frames.slice(0, most).entries()) {
    const before = frame.dispose === TO_PREVIOUS ? Buffer.from(pixels) : undefined;
    lay(await pixelsOf(apng, frame), frame, pixels, width);
    if (showsSomething(onWhite(pixels))) return { width, height, pixels, frame: k };
    if (frame.dispose === TO_BACKGROUND || (k === 0 && before)) clear(frame, pixels, width);
    else before?.copy(pixels);
  }
  return undefined;
}

/** The frame's own pixels, as a picture of their size. */
async function pixelsOf({ head }: Apng, frame: Frame): Promise<Buffer> {
  const [size, ...rest] = head as [Buffer, ...Buffer[]];
  const own = Buffer.from(size.subarray(8, 8 + 13));
  own.writeUInt32BE(frame.width, 0);
  own.writeUInt32BE(frame.height, 4);
  const chunks = [chunk('IHDR', own), ...rest, ...frame.data.map((data) => chunk('IDAT', data))];
  const file = Buffer.concat([SIGNATURE, ...chunks, chunk('IEND', Buffer.alloc(0))]);
  return await sharp(file, { limitInputPixels: false, failOn: 'truncated' })
    .ensureAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** Puts a frame's pixels on the canvas: in place of those there, or blended over them. */
function lay(from: Buffer, { x, y, width, height, blend }: Frame, canvas: Buffer, canvasWidth: number): void {
  for (let row = 0; row < height; row++) {
    const start = 4 * row * width;
    const to = 4 * ((y + row) * canvasWidth + x);
    if (blend !== OVER) from.copy(canvas, to, start, start + 4 * width);
    else for (let k = 0; k < 4 * width; k += 4) layOver(from, start + k, canvas, to + k);
  }
}

/** One pixel over another (Porter and Duff's 'over', opacity not multiplied in). */
function layOver(from: Buffer, at: number, canvas: Buffer, to: number): void {
  const above = from[at + 3]! / 255;
  if (above === 0) return;
  const below = (canvas[to + 3]! / 255) * (1 - above);
  const sum = above + below;
  for (let k = 0; k < 3; k++) canvas[to + k] = Math.round((from[at + k]! * above + canvas[to + k]! * below) / sum);
  canvas[to + 3] = Math.round(255 * sum);
}

function clear({ x, y, width, height }: Frame, canvas: Buffer, canvasWidth: number): void {
  for (let row = y; row < y + height; row++)
    canvas.fill(0, 4 * (row * canvasWidth + x), 4 * (row * canvasWidth + x + width));
}

/** Grays of pixels that may be transparent, on white: the mean of their colours. */
function onWhite(pixels: Buffer): Uint8Array {
  const gray = new Uint8Array(pixels.length / 4);
  for (let k = 0; k < gray.length; k++) {
    const opacity = pixels[4 * k + 3]!;
    const mean = (pixels[4 * k]! + pixels[4 * k + 1]! + pixels[4 * k + 2]!) / 3;
    gray[k] = 255 + ((mean - 255) * opacity) / 255;
  }
  return gray;
}

function chunk(name: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
