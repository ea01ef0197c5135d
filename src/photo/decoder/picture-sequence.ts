/** The frames of an animated AVIF or HEIC, and which of them can be made pictures of their own. */
export interface PictureSequence {
  /** How many frames the file has. */
  readonly of: number;
  /** Whether the file has a picture beside them, which programs without a notion of animations show. */
  readonly hasPicture: boolean;
  /** Frames that can be decoded, from 0, and how many frames must be for each: it and those that it is made of. */
  readonly decodable: readonly { readonly frame: number; readonly frames: number }[];
  /** One of these as a file of one picture. @returns undefined where the file does not hold it */
  still(frame: number): Buffer | undefined;
}

/** A file that promises more is damaged, or made to take memory. */
const MOST_FRAMES = 100_000;

/** Bytes of a file, from where to where. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** How a kind of coding is named in files. */
interface Coding {
  /** Of the frames of a sequence. */
  readonly entry: string;
  /** Of the box with the decoder's configuration, and of a file of one picture. */
  readonly configuration: string;
  readonly brand: string;
  /**
   * Whether a decoder that is given several frames as one picture shows the last of them, so that frames that are made of others can be decoded:
   * libaom does, libde265 shows the first.
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
    // A table that ends early: what the file holds beside it is a picture all the same.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function sequenceIn(file: Buffer): PictureSequence | undefined {
  const all = { from: 0, to: file.length };
  for (const track of boxes(file, within(file, all, ['moov']), 'trak')) {
    const media = within(file, track, ['mdia']);
    const [handler] = boxes(file, media, 'hdlr');
    const tables = within(file, media, ['minf', 'stbl']);
    // A track of its own may hold the pictures' transparency.
    if (handler === undefined || nameAt(file, handler.from + 8) !== 'pict') continue;
    const described = descriptionIn(file, tables);
    const samples = samplesOf(file, tables);
    if (described === undefined || samples === undefined) continue;
    const { coding, configuration, size } = described;
    const starts = startsOf(wholeOnes(file, tables, samples.length), samples.length);
    const decodable = starts.map((start, frame) => ({ frame, frames: frame - start + 1 }));
    return {
      of: samples.length,
      hasPicture: boxes(file, all, 'meta').length > 0,
      decodable: coding.showsLast ? decodable : decodable.filter(({ frames }) => frames === 1),
      still(frame) {
        const needed = samples.slice(starts[frame], frame + 1);
        if (frame >= samples.length || needed.some(({ from, to }) => to <= from || to > file.length)) return undefined;
        const data = Buffer.concat(needed.map(({ from, to }) => file.subarray(from, to)));
        return stillPicture(coding, data, file.subarray(configuration.from, configuration.to), size);
      },
    };
  }
  return undefined;
}

/** Frames that are tried, at most. */
const MOST_TRIED = 20;
/** Where there are more, the fewer of them are tried the further from the beginning. */
const STEP = 1.25;

/**
 * Frames of which to look for one that shows something where the first does not, in their order.
 * @param pixels of a frame
 * @param mostPixels that are decoded for them in all
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

/** What the first description of a track's frames says that is of a coding that is known. */
function descriptionIn(file: Buffer, tables: Span) {
  const [descriptions] = boxes(file, tables, 'stsd');
  if (descriptions === undefined) return undefined;
  for (const coding of CODINGS) {
    const [entry] = boxes(file, { from: descriptions.from + 8, to: descriptions.to }, coding.entry);
    // The entry's own fields, before the boxes in it.
    const configuration = entry && boxes(file, { from: entry.from + 78, to: entry.to }, coding.configuration)[0];
    if (entry === undefined || configuration === undefined) continue;
    const size = { width: file.readUInt16BE(entry.from + 24), height: file.readUInt16BE(entry.from + 26) };
    return { coding, configuration, size };
  }
  return undefined;
}

/** The contents of the boxes of a name that lie in some bytes. */
function boxes(file: Buffer, { from, to }: Span, name: string): Span[] {
  const found: Span[] = [];
  for (let at = from; at + 8 <= to; ) {
    const short = file.readUInt32BE(at);
    const header = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(file.readBigUInt64BE(at + 8)) : short === 0 ? to - at : short;
    if (length < header || at + length > to) break;
    if (nameAt(file, at + 4) === name) found.push({ from: at + header, to: at + length });
    at += length;
  }
  return found;
}

/** What lies in a box in a box; nothing where one of them is not there. */
function within(file: Buffer, span: Span, path: readonly string[]): Span {
  return path.reduce((inside, name) => boxes(file, inside, name)[0] ?? { from: 0, to: 0 }, span);
}

function nameAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, at + 4);
}

/** Where each frame's bytes are; undefined where a table is missing or promises more than the file can hold. */
function samplesOf(file: Buffer, tables: Span): Span[] | undefined {
  const [sizes] = boxes(file, tables, 'stsz');
  const [runs] = boxes(file, tables, 'stsc');
  const [narrow] = boxes(file, tables, 'stco');
  const [wide] = boxes(file, tables, 'co64');
  const offsets = narrow ?? wide;
  if (sizes === undefined || runs === undefined || offsets === undefined) return undefined;
  const [same, count] = [file.readUInt32BE(sizes.from + 4), file.readUInt32BE(sizes.from + 8)];
  if (count === 0 || count > Math.min(file.length, MOST_FRAMES)) return undefined;
  const samples: Span[] = [];
  const chunks = file.readUInt32BE(offsets.from + 4);
  const runCount = file.readUInt32BE(runs.from + 4);
  for (let chunk = 0, run = 0; chunk < chunks && samples.length < count; chunk++) {
    // Runs name the first chunk, from 1, that holds so many frames.
    while (run + 1 < runCount && file.readUInt32BE(runs.from + 8 + 12 * (run + 1)) <= chunk + 1) run++;
    const inChunk = file.readUInt32BE(runs.from + 12 + 12 * run);
    let from =
      narrow !== undefined
        ? file.readUInt32BE(offsets.from + 8 + 4 * chunk)
        : Number(file.readBigUInt64BE(offsets.from + 8 + 8 * chunk));
    for (let k = 0; k < inChunk && samples.length < count; k++) {
      const length = same > 0 ? same : file.readUInt32BE(sizes.from + 12 + 4 * samples.length);
      samples.push({ from, to: from + length });
      from += length;
    }
  }
  return samples.length === count ? samples : undefined;
}

/** Frames that are made of no other; where the file does not list them, all are. */
function wholeOnes(file: Buffer, tables: Span, count: number): number[] {
  const [list] = boxes(file, tables, 'stss');
  if (list === undefined) return Array.from({ length: count }, (_, frame) => frame);
  const listed = Math.min(count, file.readUInt32BE(list.from + 4));
  return Array.from({ length: listed }, (_, k) => file.readUInt32BE(list.from + 8 + 4 * k) - 1);
}

/** For each frame the last one up to it that is made of no other. */
function startsOf(whole: readonly number[], count: number): number[] {
  const isWhole = new Set(whole);
  let start = 0;
  return Array.from({ length: count }, (_, frame) => {
    if (isWhole.has(frame)) start = frame;
    return start;
  });
}

/** A file of one picture (ISO/IEC 23008-12; AVIF 1.1, 2 and 4): what is in `data`, with the decoder's configuration. */
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
  // Item 1 has both properties, the second of which a decoder must know.
  const association = fullBox('ipma', 0, numbers32(1), numbers16(1), Buffer.from([2, 1, 0x82]));
  const metaOf = (offset: number) =>
    fullBox(
      'meta',
      0,
      handler,
      primary,
      // Offsets and lengths of four bytes each, of one item in one piece.
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
