/** Markers of ITU-T T.81, table B.1: the byte after 0xff. */
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** Frames whose samples all come in full, one after the other: baseline, extended, lossless. */
const SEQUENTIAL_FRAMES = [0xc0, 0xc1, 0xc3];

/**
 * Bits that mean nothing, since a decoder reads a little ahead of what it needs: eight bytes of ones, each with the zero that must follow
 * 0xff in a scan.
 */
const AHEAD = Uint8Array.from({ length: 16 }, (_, k) => (k % 2 === 0 ? 0xff : 0));
const END = Uint8Array.of(0xff, END_OF_IMAGE);

/**
 * A JPEG in a form in which the decoder tells a whole picture from a cut one. It takes a missing end mark for an
 * incomplete file, though nothing else may be missing. Where there is one, it fills in gray what the scan before it
 * lacks, and says so in a warning. Of the last rows libvips does not see that warning.
 *
 * So a file of one scan ends here with that scan, whatever follows it in the file (an end mark, a video, a second
 * picture): a decoder that wants more than there is says that the file ends too early. Where only a few bytes are
 * missing, it may take what it reads ahead for them: then the picture depends on that. One of several scans gets an end
 * mark, since all of them are read first.
 * @returns the file in parts, one after the other, and how many bytes at its end may be anything
 */
export function withClearEnd(bytes: Uint8Array): { readonly parts: readonly Uint8Array[]; readonly anything: number } {
  const end = endOfOnlyScan(bytes);
  if (end === undefined) return { parts: [bytes, END], anything: 0 };
  return { parts: [bytes.subarray(0, end), AHEAD], anything: AHEAD.length };
}

/** Where the scan of a picture of one scan ends; undefined where it has several or is no such file. */
function endOfOnlyScan(bytes: Uint8Array): number | undefined {
  let components: number | undefined;
  for (let at = 2; at + 4 < bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) at += 1;
    else {
      const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (SEQUENTIAL_FRAMES.includes(marker)) components = bytes[at + 9];
      else if (marker === START_OF_SCAN) {
        return components !== undefined && bytes[at + 4] === components ? endOfScan(bytes, at + 2 + length) : undefined;
      }
      at += 2 + length;
    }
  }
  return undefined;
}

/** Where a scan ends that starts here: before a marker that is no restart, or with the file. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]!;
    const isRestart = next >= 0xd0 && next <= 0xd7;
    if (next !== 0 && next !== 0xff && !isRestart) return at;
  }
  // A lone 0xff at the end of a cut file is half of something.
  return bytes.at(-1) === 0xff ? bytes.length - 1 : bytes.length;
}
