/** Markers of ITU-T T.81, table B.1: the byte after 0xff. */
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** Frames whose samples all come in full, one after the other: baseline, extended, lossless. */
const SEQUENTIAL_FRAMES = [0xc0, 0xc1, 0xc3];
/** The same with arithmetic coding. */
const ARITHMETIC_FRAME = 0xc9;
/** Frames whose first scans are coarse and whose later scans refine them (progressive): with Huffman and with arithmetic coding. */
const ARITHMETIC_PROGRESSIVE_FRAME = 0xca;
const PROGRESSIVE_FRAMES = [0xc2, ARITHMETIC_PROGRESSIVE_FRAME];

/**
 * Padding, since a decoder reads a little further than it needs: eight bytes of ones, each with the zero that must follow 0xff in a
 * scan.
 */
const AHEAD = Uint8Array.from({ length: 16 }, (_, k) => (k % 2 === 0 ? 0xff : 0));
/**
 * Zeros behind a scan that is coded arithmetically. They change nothing: an encoder may leave out zeros at a scan's end, so a decoder puts
 * any number there. Of 152 whole pictures it needed no more than eight; where a hundredth of the file was missing, it mostly needed more.
 */
const ZEROS = new Uint8Array(8);
/** What a JPEG ends with. */
export const END_MARK = Uint8Array.of(0xff, END_OF_IMAGE);

/** A JPEG whose end was changed so that a decoder can tell whether anything is missing. */
interface ClearEnd {
  /** Consecutive parts of the file. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of padding at its end, on which a whole picture does not depend. */
  readonly padding: number;
  /** Whether a decoder finds bytes too many before the end mark if the picture is whole. */
  readonly hasSurplus: boolean;
}

/**
 * Changes the end of a JPEG so that the decoder can tell a whole picture from a cut one. The decoder takes a missing end
 * mark for an incomplete file, even if nothing else is missing. Where there is an end mark, it fills missing parts of the
 * scan with gray and gives a warning. libvips does not see that warning where it is about the last rows.
 *
 * So a file of one scan is cut after that scan, whatever follows it in the file (an end mark, a video, a second picture).
 * A decoder that needs more bytes then reports that the file ends too early. Where only a few bytes are missing, it may
 * use the padding in their place: then the picture depends on the padding. A file of several scans gets an end mark,
 * since all of them are read first.
 *
 * With arithmetic coding the decoder takes everything that is missing for zeros, without a warning. So some zeros are put
 * behind the last scan. Where it is the only one, the decoder reports that the file ends too early if it needs more of
 * them. Where there are several, an end mark follows, and the decoder reports surplus bytes if it needs fewer.
 */
export function withClearEnd(bytes: Uint8Array): ClearEnd {
  const arithmetic = arithmeticScans(bytes);
  if (arithmetic) {
    const { end, isOnly } = arithmetic;
    const parts = [bytes.subarray(0, end), ZEROS, ...(isOnly ? [] : [END_MARK])];
    return { parts, padding: 0, hasSurplus: !isOnly };
  }
  const end = endOfOnlyScan(bytes);
  if (end === undefined) return { parts: [bytes, END_MARK], padding: 0, hasSurplus: false };
  return { parts: [bytes.subarray(0, end), AHEAD], padding: AHEAD.length, hasSurplus: false };
}

/** Coefficients of a block of 8 x 8 samples. The first is proportional to their mean. */
const COEFFICIENTS = 64;
/** Stands for a coefficient that no scan has brought yet. */
const NOTHING = 255;

/**
 * Whether scans are missing at the end of a JPEG that has several. A component may have no scan at all. In a progressive file, low bits
 * that earlier scans left to later ones may be missing (ITU-T T.81, G.1.1.1). The decoder takes such a file for a whole one with less
 * detail, and does not complain. Coefficients that no scan has begun count as missing only in the first component, which is mostly the
 * brightness: an encoder may leave them out in the others.
 */
export function lacksScans(bytes: Uint8Array): boolean {
  /** By component: how many low bits of each coefficient are still to come. */
  const missing = new Map<number, Uint8Array>();
  const lacks = () =>
    [...missing.values()].some((coefficients, component) =>
      coefficients.some((bits, k) => bits > 0 && (bits !== NOTHING || k === 0 || component === 0)),
    );
  let isProgressive = false;
  for (const { marker, at, end } of segmentsOf(bytes)) {
    if (marker === START_OF_SCAN) {
      const count = bytes[at]!;
      const [from, to, bits] = bytes.subarray(at + 1 + 2 * count, end) as unknown as [number, number, number];
      for (let k = 0; k < count; k++) {
        const coefficients = missing.get(bytes[at + 1 + 2 * k]!);
        if (isProgressive) coefficients?.fill(bits & 0x0f, from, to + 1);
        else coefficients?.fill(0);
      }
      // Most pictures have one scan. It holds everything, so the megabytes after its header need no search.
      if (!isProgressive && missing.size > 0 && !lacks()) return false;
    } else if ([...SEQUENTIAL_FRAMES, ARITHMETIC_FRAME, ...PROGRESSIVE_FRAMES].includes(marker)) {
      isProgressive = PROGRESSIVE_FRAMES.includes(marker);
      for (let k = 0; k < bytes[at + 5]!; k++) {
        missing.set(bytes[at + 6 + 3 * k]!, new Uint8Array(COEFFICIENTS).fill(NOTHING));
      }
    }
  }
  return lacks();
}

/** Offset of the end of a sequential JPEG's only scan; undefined where there are several scans or the file is of another kind. */
function endOfOnlyScan(bytes: Uint8Array): number | undefined {
  let components: number | undefined;
  for (const { marker, at, end } of segmentsOf(bytes)) {
    if (SEQUENTIAL_FRAMES.includes(marker)) components = bytes[at + 5];
    else if (marker === START_OF_SCAN) {
      return components !== undefined && bytes[at] === components ? endOfScan(bytes, end) : undefined;
    }
  }
  return undefined;
}

/** Where the scans of an arithmetically coded JPEG end, without zeros at the end of the last one; undefined for any other. */
function arithmeticScans(bytes: Uint8Array): { readonly end: number; readonly isOnly: boolean } | undefined {
  let components: number | undefined;
  let last: { readonly start: number; readonly isOnly: boolean } | undefined;
  for (const { marker, at, end } of segmentsOf(bytes)) {
    if (marker === ARITHMETIC_FRAME) components = bytes[at + 5];
    else if (marker === ARITHMETIC_PROGRESSIVE_FRAME) components = Number.POSITIVE_INFINITY;
    else if (marker === START_OF_SCAN) {
      // Most pictures are of another kind: the megabytes after the header need no search.
      if (components === undefined) return undefined;
      last = { start: end, isOnly: bytes[at] === components };
    }
  }
  if (last === undefined) return undefined;
  const { start, isOnly } = last;
  let end = endOfScan(bytes, start);
  while (end > start && bytes[end - 1] === 0) end -= 1;
  // The zero that must follow 0xff in a scan is part of it.
  if (bytes[end - 1] === 0xff) end += 1;
  return { end: Math.min(end, bytes.length), isOnly };
}

/** A marker and its parameters, which lie from `at` to `end`. The scan that may follow is not part of it. */
interface Segment {
  readonly marker: number;
  readonly at: number;
  readonly end: number;
}

/** Most segments that are looked at: a picture has a few dozen. */
const MOST_SEGMENTS = 10_000;

/** The segments of the first picture in a file, in their order, up to the first one that is damaged or cut. */
function* segmentsOf(bytes: Uint8Array): Generator<Segment> {
  for (let at = 2, segments = 0; at + 4 < bytes.length && segments < MOST_SEGMENTS; ) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1]!;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) at += 1;
    else {
      const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
      if (marker === END_OF_IMAGE || end > bytes.length) return;
      segments += 1;
      yield { marker, at: at + 4, end };
      at = marker === START_OF_SCAN ? endOfScan(bytes, end) : end;
    }
  }
}

/** Offset of the end of a scan that begins at `start`: the next marker that is no restart marker, or the end of the file. */
function endOfScan(bytes: Uint8Array, start: number): number {
  // One byte at a time, so that a file of nothing but 0xff takes linear time: this runs on the main thread.
  for (let at = start; at + 1 < bytes.length; at++) {
    if (bytes[at] !== 0xff) continue;
    const next = bytes[at + 1]!;
    const isRestart = next >= 0xd0 && next <= 0xd7;
    if (next !== 0 && next !== 0xff && !isRestart) return at;
  }
  // A lone 0xff at the end of a cut file is the first half of a pair.
  return bytes.at(-1) === 0xff ? bytes.length - 1 : bytes.length;
}
