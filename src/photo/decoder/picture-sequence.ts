import { clamp } from '../../base/numbers.ts';
import { boxes, nameAt, numberAt, type Span, within } from './boxes.ts';

/** The frames of an animated AVIF or HEIC, and which of them can be made into still pictures. */
export interface PictureSequence {
  /** How many frames the file has. */
  readonly of: number;
  /** Whether the file has a still picture as well, which programs without animation support show. */
  readonly hasPicture: boolean;
  /** How long each frame is shown, in milliseconds: at least 1, and 100 where the file does not say. */
  readonly milliseconds: readonly number[];
  /** How often it is played, at most 65,535; 0 for ever, and where the file does not say. */
  readonly loop: number;
  /** Frames that can be decoded, from 0, and how many frames must be decoded for each: itself and those that it builds on. */
  readonly decodable: readonly { readonly frame: number; readonly frames: number }[];
  /** Makes one of these frames a file of one picture, without transparency. @returns undefined where its bytes are not in the file */
  still(frame: number): Buffer | undefined;
  /** The same of its opacity, as a gray picture. Absent where all frames are opaque. */
  alpha?(frame: number): Buffer | undefined;
}

/** A file that declares more frames is damaged, or made to exhaust memory. */
const MOST_FRAMES = 100_000;

/** The names that a codec has in files. */
interface Coding {
  /** Sample entry of a sequence's frames. */
  readonly entry: string;
  /** Box with the decoder's configuration. */
  readonly configuration: string;
  /** Brand of a file of one picture. */
  readonly brand: string;
  /**
   * Whether a decoder that is given several frames as one picture shows the last one. Only then can frames that build on others be decoded.
   * libaom shows the last, libde265 the first.
   */
  readonly showsLast: boolean;
}

/** AV1 (AV1-ISOBMFF 1.2) and HEVC whose parameters lie in its configuration alone (ISO/IEC 14496-15, 8.4). */
const CODINGS: readonly Coding[] = [
  { entry: 'av01', configuration: 'av1C', brand: 'avif', showsLast: true },
  { entry: 'hvc1', configuration: 'hvcC', brand: 'heic', showsLast: false },
];

/**
 * Finds the track of pictures in an animated AVIF or HEIC (ISO/IEC 14496-12, 8.3 and following; ISO/IEC 23008-12, 7).
 * @returns undefined where the file has none, or its tables cannot be read
 */
export function pictureSequence(file: Buffer): PictureSequence | undefined {
  try {
    return sequenceIn(file);
  } catch (error) {
    // A table ends early. The file's still picture may be good all the same.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function sequenceIn(file: Buffer): PictureSequence | undefined {
  const all = { from: 0, to: file.length };
  const tracks = boxes(file, within(file, all, ['moov']), 'trak').flatMap((track) => trackIn(file, track) ?? []);
  const pictures = tracks.find(({ kind }) => kind === 'pict');
  if (pictures === undefined) return undefined;
  const { coding, starts, milliseconds, loop, still } = pictures;
  // Another track holds the pictures' transparency.
  const opacity = tracks.find(({ kind, starts: { length } }) => kind === 'auxv' && length === starts.length);
  const decodable = starts.map((start, frame) => ({ frame, frames: frame - start + 1 }));
  return {
    of: starts.length,
    hasPicture: boxes(file, all, 'meta').length > 0,
    milliseconds,
    loop,
    decodable: coding.showsLast ? decodable : decodable.filter(({ frames }) => frames === 1),
    still,
    ...(opacity && { alpha: opacity.still }),
  };
}

/** @returns undefined where it has no frames of a known codec, or not all of them are where it says */
function trackIn(file: Buffer, track: Span) {
  const media = within(file, track, ['mdia']);
  const [handler] = boxes(file, media, 'hdlr');
  const tables = within(file, media, ['minf', 'stbl']);
  const described = descriptionIn(file, tables);
  const samples = samplesOf(file, tables);
  if (handler === undefined || described === undefined || samples === undefined) return undefined;
  const { coding, configuration, size } = described;
  const starts = startsOf(wholeOnes(file, tables, samples.length), samples.length);
  const still = (frame: number) => {
    const needed = samples.slice(starts[frame], frame + 1);
    if (frame >= samples.length || needed.some(({ from, to }) => to <= from || to > file.length)) return undefined;
    const data = Buffer.concat(needed.map(({ from, to }) => file.subarray(from, to)));
    return stillPicture(coding, data, file.subarray(configuration.from, configuration.to), size);
  };
  const milliseconds = durationsOf(file, media, tables, samples.length);
  const loop = playsOf(file, track);
  return { kind: nameAt(file, handler.from + 8), coding, starts, milliseconds, loop, still };
}

/** Most frames that are tried. */
const MOST_TRIED = 20;
/** Where there are more, each frame tried is at least this many times as far from the beginning as the one before. */
const STEP = 1.25;

/**
 * The frames to try, in order, where the first frame shows nothing.
 * @param pixels pixels of a frame
 * @param mostPixels most pixels that are decoded in all
 */
export function* framesToTry(
  { decodable }: PictureSequence,
  pixels: number,
  mostPixels: number,
): Generator<PictureSequence['decodable'][number]> {
  const step = decodable.length > MOST_TRIED ? STEP : 1;
  let [last, tried, decoded] = [0, 0, 0];
  for (const one of decodable) {
    if (one.frame === 0 || one.frame < step * last) continue;
    decoded += one.frames * pixels;
    tried += 1;
    if (tried > MOST_TRIED || decoded > mostPixels) return;
    yield one;
    last = one.frame;
  }
}

/** The codec, the decoder's configuration and the size from a track's first sample entry of a known codec. */
function descriptionIn(file: Buffer, tables: Span) {
  const [descriptions] = boxes(file, tables, 'stsd');
  if (descriptions === undefined) return undefined;
  for (const coding of CODINGS) {
    const [entry] = boxes(file, { from: descriptions.from + 8, to: descriptions.to }, coding.entry);
    // The entry's own fields take 78 bytes. Boxes follow.
    const configuration = entry && boxes(file, { from: entry.from + 78, to: entry.to }, coding.configuration)[0];
    if (entry === undefined || configuration === undefined) continue;
    const size = { width: file.readUInt16BE(entry.from + 24), height: file.readUInt16BE(entry.from + 26) };
    return { coding, configuration, size };
  }
  return undefined;
}

/** The bytes of each frame; undefined where a table is missing or declares more frames than the file can hold. */
function samplesOf(file: Buffer, tables: Span): Span[] | undefined {
  const [sizes] = boxes(file, tables, 'stsz');
  const [runs] = boxes(file, tables, 'stsc');
  const [narrow] = boxes(file, tables, 'stco');
  const [wide] = boxes(file, tables, 'co64');
  const offsets = narrow ?? wide;
  const isWide = narrow === undefined;
  if (sizes === undefined || runs === undefined || offsets === undefined) return undefined;
  const [same, count] = [file.readUInt32BE(sizes.from + 4), file.readUInt32BE(sizes.from + 8)];
  if (count === 0 || count > Math.min(file.length, MOST_FRAMES)) return undefined;
  const samples: Span[] = [];
  const chunks = file.readUInt32BE(offsets.from + 4);
  const runCount = file.readUInt32BE(runs.from + 4);
  for (let chunk = 0, run = 0; chunk < chunks && samples.length < count; chunk++) {
    // Each run names its first chunk, from 1, and how many frames each of its chunks holds.
    while (run + 1 < runCount && file.readUInt32BE(runs.from + 8 + 12 * (run + 1)) <= chunk + 1) run++;
    const inChunk = file.readUInt32BE(runs.from + 12 + 12 * run);
    let from = Number(numberAt(file, offsets.from + 8 + (isWide ? 8 : 4) * chunk, isWide));
    for (let k = 0; k < inChunk && samples.length < count; k++) {
      const length = same > 0 ? same : file.readUInt32BE(sizes.from + 12 + 4 * samples.length);
      samples.push({ from, to: from + length });
      from += length;
    }
  }
  return samples.length === count ? samples : undefined;
}

/** What a frame is shown for where the file does not say, and most milliseconds: as long as a GIF can show one. */
const USUAL_MS = 100;
const MOST_MS = 655_350;

/** How long each frame is shown, in ms, by the table `stts` in ticks of the track's clock (ISO/IEC 14496-12, 8.6.1.2 and 8.4.2). */
function durationsOf(file: Buffer, media: Span, tables: Span, count: number): number[] {
  const [header] = boxes(file, media, 'mdhd');
  const [table] = boxes(file, tables, 'stts');
  if (header === undefined || table === undefined) return Array.from({ length: count }, () => USUAL_MS);
  const ticksPerSecond = file.readUInt32BE(header.from + (file[header.from] === 1 ? 20 : 12));
  const durations: number[] = [];
  const runs = file.readUInt32BE(table.from + 4);
  for (let run = 0; run < runs && durations.length < count; run++) {
    const [frames, ticks] = [file.readUInt32BE(table.from + 8 + 8 * run), file.readUInt32BE(table.from + 12 + 8 * run)];
    const milliseconds = ticks > 0 && ticksPerSecond > 0 ? Math.round((1000 * ticks) / ticksPerSecond) : USUAL_MS;
    const last = Math.min(count, durations.length + frames);
    while (durations.length < last) durations.push(clamp(milliseconds, 1, MOST_MS));
  }
  while (durations.length < count) durations.push(USUAL_MS);
  return durations;
}

/** Most plays that a GIF or WebP can ask for. */
const MOST_PLAYS = 65_535;

/**
 * How often a track is played: how many times the segment of its edit list fits into it, if the list's flags say that it is
 * to be repeated (ISO/IEC 14496-12, 8.3.2 and 8.6.6). A track whose length is all ones has no end.
 * @returns 0 for ever, and where the track does not say
 */
function playsOf(file: Buffer, track: Span): number {
  const [header] = boxes(file, track, 'tkhd');
  const [list] = boxes(file, within(file, track, ['edts']), 'elst');
  if (header === undefined || list === undefined) return 0;
  const isRepeated = (file.readUInt8(list.from + 3) & 1) === 1;
  if (!isRepeated) return 1;
  const isLong = file[header.from] === 1;
  const all = numberAt(file, header.from + (isLong ? 28 : 20), isLong);
  const endless = (1n << (isLong ? 64n : 32n)) - 1n;
  const once = numberAt(file, list.from + 8, file[list.from] === 1);
  if (all === endless || once === 0n) return 0;
  return clamp(Math.ceil(Number(all) / Number(once)), 1, MOST_PLAYS);
}

/** Key frames, which build on no other frame. Where the file does not list them, all frames are. */
function wholeOnes(file: Buffer, tables: Span, count: number): number[] {
  const [list] = boxes(file, tables, 'stss');
  if (list === undefined) return Array.from({ length: count }, (_, frame) => frame);
  const listed = Math.min(count, file.readUInt32BE(list.from + 4));
  return Array.from({ length: listed }, (_, k) => file.readUInt32BE(list.from + 8 + 4 * k) - 1);
}

/** For each frame the last key frame up to it. */
function startsOf(whole: readonly number[], count: number): number[] {
  const isWhole = new Set(whole);
  let start = 0;
  return Array.from({ length: count }, (_, frame) => {
    if (isWhole.has(frame)) start = frame;
    return start;
  });
}

/** A file of one picture (ISO/IEC 23008-12; AVIF 1.1, 2 and 4), made of the coded `data` and the decoder's configuration. */
function stillPicture(
  { entry, configuration: name, brand }: Coding,
  data: Buffer,
  configuration: Buffer,
  { width, height }: { readonly width: number; readonly height: number },
): Buffer {
  const type = box('ftyp', Buffer.from(`${brand}\0\0\0\0${brand}mif1miaf`, 'latin1'));
  const handler = fullBox('hdlr', 0, Buffer.from('\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0', 'latin1'));
  const primary = fullBox('pitm', 0, numbers16(1));
  const item = fullBox(
    'iinf',
    0,
    numbers16(1),
    fullBox('infe', 2, numbers16(1, 0), Buffer.from(`${entry}\0`, 'latin1')),
  );
  const extents = fullBox('ispe', 0, numbers32(width, height));
  const properties = box('ipco', extents, box(name, configuration));
  // Item 1 has both properties. The second one is essential: a decoder must understand it.
  const association = fullBox('ipma', 0, numbers32(1), numbers16(1), Buffer.from([2, 1, 0x82]));
  const metaOf = (offset: number) =>
    fullBox(
      'meta',
      0,
      handler,
      primary,
      // Offsets and lengths have four bytes each. There is one item, in one piece.
      fullBox('iloc', 0, Buffer.from([0x44, 0]), numbers16(1, 1, 0, 1), numbers32(offset, data.length)),
      item,
      box('iprp', properties, association),
    );
  const offset = type.length + metaOf(0).length + 8;
  return Buffer.concat([type, metaOf(offset), box('mdat', data)]);
}

function box(name: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([numbers32(length), Buffer.from(name, 'latin1'), ...parts]);
}

/** A box with a version, and no flags. */
function fullBox(name: string, version: number, ...parts: readonly Buffer[]): Buffer {
  return box(name, Buffer.from([version, 0, 0, 0]), ...parts);
}

function numbers16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [k, value] of values.entries()) bytes.writeUInt16BE(value, 2 * k);
  return bytes;
}

function numbers32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [k, value] of values.entries()) bytes.writeUInt32BE(value, 4 * k);
  return bytes;
}
