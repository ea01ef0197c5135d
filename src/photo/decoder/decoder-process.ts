/**
 * A process that decodes one picture after the other and can be ended at any moment. decoder.ts starts it.
 *
 * A task comes in on standard input, its answer goes out on standard output, each as the length of a JSON text (4 bytes, big endian),
 * the text, and `bytes` bytes more: the file, or the pixels.
 */
import sharp, { type Metadata, type Raw } from 'sharp';
import { errorText } from '../../base/errors.ts';
import { type RgbImage, toGray } from '../image.ts';
import { END_MARK } from '../jpeg.ts';
import { APNG_BYTES, apngOf, firstShownOf } from './apng.ts';
import { bytesToDecode, MEGABYTE } from './cost.ts';
import { firstThatShows, showsSomething } from './first-shown.ts';
import { type DecodedFrames, decodeFrames, decodeSequence } from './frames.ts';
import { openHeic } from './heic.ts';
import { framesToTry, type PictureSequence, pictureSequence } from './picture-sequence.ts';
import type { DecoderAnswer, DecoderTask } from './task.ts';

// Pictures come one at a time, and none comes twice.
sharp.cache(false);
sharp.concurrency(1);

interface Result {
  readonly answer: DecoderAnswer;
  readonly pixels?: Uint8Array;
}

async function run(task: DecoderTask, file: Buffer): Promise<Result> {
  const sequence = task.format === 'avif' || task.format === 'heic' ? pictureSequence(file) : undefined;
  const picture = sequence?.hasPicture === false ? (sequence.still(0) ?? file) : file;
  const result = await decodeAny(task, picture);
  if (sequence === undefined || sequence.of < 2) return result;
  return (
    (await framesOfSequence(task, result, sequence, file.length)) ?? (await firstOfSequence(task, result, sequence))
  );
}

/** Frames of an animated AVIF, where they are wanted and can be decoded. @param first its first frame, or the file's still picture */
async function framesOfSequence(task: DecoderTask, { answer }: Result, sequence: PictureSequence, fileBytes: number) {
  if (task.frames === undefined || task.format !== 'avif' || answer.kind !== 'decoded') return undefined;
  // The file lies in memory twice while frames are taken from it.
  const maxBytes = task.maxBytes - 2 * fileBytes;
  // Where a frame is damaged, the first one is still good.
  const frames = await decodeSequence(sequence, answer.size, { ...task.frames, maxBytes }).catch(() => undefined);
  return frames && decodedFrames(frames, answer.size);
}

async function decodeAny(task: DecoderTask, file: Buffer): Promise<Result> {
  return task.format === 'heic' ? await decodeHeic(task, file) : await decodeOther(task, file);
}

/** Decodes any format but HEIC with libvips. */
async function decodeOther(task: DecoderTask, file: Buffer): Promise<Result> {
  // No limit here: the header of a far too large picture must be read to say that it is too large. No pixel is decoded.
  const picture = await sharp(file, { limitInputPixels: false }).metadata();
  const { width, height } = picture.autoOrient;
  if (width * height > task.maxPixels) return { answer: { kind: 'too-many-pixels', width, height } };
  const needed = bytesToDecode(task, picture, file) + file.length;
  if (needed > task.maxBytes) return { answer: { kind: 'too-costly', bytes: needed } };
  const frames = picture.pages ?? 1;
  const isAnimation = frames > 1 && (task.format === 'gif' || task.format === 'webp');
  if (isAnimation && task.frames) {
    const options = { ...task.frames, maxPixels: task.maxPixels };
    const frames = await decodeFrames(file, picture, options);
    if (frames) return decodedFrames(frames, { width, height });
  }
  const frame = isAnimation ? await firstThatShows(file, picture, frames) : 0;
  // A TIFF of a kind that the decoder does not support would come out black without 'error'. So would samples of 0 to 1 by a profile.
  const stored =
    task.format === 'jpeg'
      ? await decodeJpeg(task, file)
      : await shrunk(task, file, frame, task.format === 'tiff' ? 'error' : 'truncated', {
          ignoreIcc: picture.space === 'scrgb',
        });
  if (task.format === 'png') return await firstOfApng(task, file, stored, picture);
  const image = await upright(stored, picture.orientation ?? 1);
  return decoded(image, { width, height }, isAnimation ? { number: frame + 1, of: frames } : undefined);
}

/**
 * The first frame of an animated PNG that shows something. Where none does, and for any other PNG, the default image.
 * @param stored the default image, which may be the first frame
 */
async function firstOfApng(
  task: DecoderTask,
  file: Buffer,
  stored: RgbImage,
  { autoOrient: size, orientation = 1 }: Metadata,
): Promise<Result> {
  const apng = apngOf(file);
  const isFirst = apng?.startsWithPicture ? { number: 1, of: apng.frames.length } : undefined;
  const asStored = async () => decoded(await upright(stored, orientation), size, isFirst);
  if (apng === undefined || showsSomething(toGray(stored).data)) return await asStored();
  const needed = APNG_BYTES * apng.width * apng.height + 2 * file.length;
  const shown = needed > task.maxBytes ? undefined : await firstShownOf(apng);
  if (shown === undefined) return await asStored();
  const raw = { width: shown.width, height: shown.height, channels: 4 } as const;
  const image = await shrunk(task, shown.pixels, 0, 'error', { raw });
  return decoded(await upright(image, orientation), size, { number: shown.frame + 1, of: apng.frames.length });
}

/** Bytes a pixel of reference frames: a decoder keeps up to eight. */
const KEPT_FRAMES = 8 * 3;
/** Most pixels that are decoded in all while frames are tried: about three seconds. */
const TRIED_PIXELS = { avif: 100_000_000, heic: 12_000_000 };

/**
 * The first frame of an animated AVIF or HEIC that shows something, among those that can be decoded and are tried. Where none does, the
 * file's still picture.
 * @param first that still picture, which is the first frame
 */
async function firstOfSequence(task: DecoderTask, first: Result, sequence: PictureSequence): Promise<Result> {
  if (first.answer.kind !== 'decoded' || first.pixels === undefined) return first;
  const asFrame = ({ answer, pixels }: Result, frame: number): Result =>
    answer.kind === 'decoded'
      ? { answer: { ...answer, frame: { number: frame + 1, of: sequence.of } }, pixels }
      : { answer, pixels };
  if (showsPixels(first)) return asFrame(first, 0);
  const { width, height } = first.answer.size;
  const mayKeepFrames = KEPT_FRAMES * width * height < task.maxBytes / 2;
  const mostPixels = TRIED_PIXELS[task.format === 'heic' ? 'heic' : 'avif'];
  for (const { frame, frames } of framesToTry(sequence, width * height, mostPixels)) {
    const file = frames === 1 || mayKeepFrames ? sequence.still(frame) : undefined;
    if (file === undefined) continue;
    // A damaged frame is skipped: the first one is still good.
    const other = await decodeAny(task, file).catch(() => undefined);
    if (other && showsPixels(other)) return asFrame(other, frame);
  }
  return asFrame(first, 0);
}

function showsPixels({ answer, pixels }: Result): boolean {
  if (answer.kind !== 'decoded' || pixels === undefined) return false;
  const { width, height } = answer;
  return showsSomething(toGray({ width, height, data: pixels }).data);
}

async function decodeHeic(task: DecoderTask, file: Buffer): Promise<Result> {
  const picture = openHeic(file, task.maxSide);
  try {
    const { width, height } = picture;
    if (width * height > task.maxPixels) return { answer: { kind: 'too-many-pixels', width, height } };
    // The file is copied into WebAssembly's memory, which may grow by a fifth more than needed.
    const needed = picture.bytes + 18 * MEGABYTE + 2.2 * file.length;
    if (needed > task.maxBytes) return { answer: { kind: 'too-costly', bytes: needed } };
    return decoded(await picture.decode(), { width, height });
  } finally {
    picture.close();
  }
}

function decoded(
  image: RgbImage,
  size: { width: number; height: number },
  frame?: { number: number; of: number },
): Result {
  const { width, height, data } = image;
  const answer = { kind: 'decoded', size, width, height, bytes: data.length, ...(frame && { frame }) } as const;
  return { answer, pixels: data };
}

function decodedFrames({ pixels, ...frames }: DecodedFrames, size: { width: number; height: number }): Result {
  const { width, height, ...rest } = frames;
  return { answer: { kind: 'decoded', size, width, height, bytes: pixels.length, frames: rest }, pixels };
}

/** From this size in bytes on, less than a thousandth of a JPEG can be missing unnoticed: a decoder reads no further ahead. */
const LARGE_JPEG = 1_000_000;

/** @throws Error 'premature end' where its data end before the picture does: see jpeg.ts */
async function decodeJpeg(task: DecoderTask, file: Buffer): Promise<RgbImage> {
  const whole = await decodeUnlessWarned(task, file);
  if (whole) return whole;
  const picture = await decodeStrictly(task, file);
  if (task.padding > 0 && file.length < LARGE_JPEG) {
    // Where a file lacks a few bytes, the last blocks are decoded from the padding. So they change with it.
    file.fill(0, file.length - task.padding);
    const other = await shrunk(task, file, 0, 'truncated');
    if (Buffer.compare(picture.data, other.data) !== 0)
      throw new Error('premature end: the last blocks are not in the file');
  }
  return picture;
}

/**
 * Decodes with an end mark in place of the padding at the end: then the decoder warns of every missing bit. Most pictures are whole, and
 * this one decoding shows it.
 * @returns undefined where it warns of anything, and for a file without padding
 */
async function decodeUnlessWarned(task: DecoderTask, file: Buffer): Promise<RgbImage | undefined> {
  if (task.padding === 0) return undefined;
  const end = file.subarray(-task.padding);
  const padding = Buffer.from(end);
  end.set(END_MARK);
  let warned = false;
  // libvips fails when it sees a warning, but it reports a warning about the last rows only after it has succeeded.
  const picture = await shrunk(task, file, 0, 'warning', {}, () => {
    warned = true;
  }).catch(() => undefined);
  end.set(padding);
  return warned ? undefined : picture;
}

async function decodeStrictly(task: DecoderTask, file: Buffer): Promise<RgbImage> {
  try {
    const picture = await shrunk(task, file, 0, 'warning');
    if (task.hasSurplus) throw new Error('premature end: the last scan is not all in the file');
    return picture;
  } catch (error) {
    if (/premature end|instead of RST/i.test(String(error))) throw error;
    // All other warnings are harmless: extra bytes, odd parameters.
    return await shrunk(task, file, 0, 'truncated');
  }
}

async function shrunk(
  { maxPixels, maxSide }: DecoderTask,
  file: Buffer,
  page: number,
  failOn: 'truncated' | 'error' | 'warning',
  how: { readonly raw?: Raw; readonly ignoreIcc?: boolean } = {},
  onWarning: () => void = () => {},
): Promise<RgbImage> {
  const { data, info } = await sharp(file, { limitInputPixels: maxPixels, failOn, page, ...how })
    .on('warning', onWarning)
    .resize(maxSide, maxSide, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels instead of 3`);
  return { width: info.width, height: info.height, data };
}

/** How a stored picture is set upright: mirrored top to bottom, left to right, then turned clockwise (EXIF 2.32, tag Orientation). */
const UPRIGHT = [
  { flip: false, flop: false, angle: 0 },
  { flip: false, flop: true, angle: 0 },
  { flip: true, flop: true, angle: 0 },
  { flip: true, flop: false, angle: 0 },
  { flip: true, flop: false, angle: 90 },
  { flip: false, flop: false, angle: 90 },
  { flip: false, flop: true, angle: 90 },
  { flip: true, flop: true, angle: 90 },
];

/** Sets a picture upright, after it has been shrunk: to turn a large one, all of it would have to be in memory. */
async function upright(picture: RgbImage, orientation: number): Promise<RgbImage> {
  const how = UPRIGHT[orientation - 1];
  if (how === undefined || orientation === 1) return picture;
  const { width, height } = picture;
  const { data, info } = await sharp(picture.data, { raw: { width, height, channels: 3 } })
    .flip(how.flip)
    .flop(how.flop)
    .rotate(how.angle)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function work(task: DecoderTask, file: Buffer): Promise<void> {
  try {
    send(await run(task, file));
  } catch (error) {
    send({ answer: { kind: 'failed', message: errorText(error) } });
  }
}

function send({ answer, pixels }: Result): void {
  const text = Buffer.from(JSON.stringify(answer));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  process.stdout.write(Buffer.concat([length, text]));
  // Otherwise the pixels and their sources would stay in memory until the next picture needs the room.
  if (pixels) process.stdout.write(pixels, () => setImmediate(() => globalThis.gc?.({ type: 'minor' })));
}

let header: Buffer = Buffer.alloc(0);
let begun: { readonly task: DecoderTask; readonly file: Buffer; filled: number } | undefined;

process.stdin.on('data', (bytes: Buffer) => {
  let chunk = bytes;
  if (begun === undefined) {
    header = Buffer.concat([header, chunk]);
    if (header.length < 4 || header.length < 4 + header.readUInt32BE()) return;
    const end = 4 + header.readUInt32BE();
    const task = JSON.parse(header.toString('utf8', 4, end)) as DecoderTask;
    begun = { task, file: Buffer.allocUnsafeSlow(task.bytes), filled: 0 };
    chunk = header.subarray(end);
    header = Buffer.alloc(0);
  }
  chunk.copy(begun.file, begun.filled);
  begun.filled += chunk.length;
  if (begun.filled < begun.task.bytes) return;
  // The next task comes when this one has been answered.
  void work(begun.task, begun.file);
  begun = undefined;
});
// The parent process is gone, so nobody wants the picture that is being decoded.
process.stdin.on('end', () => process.exit());
