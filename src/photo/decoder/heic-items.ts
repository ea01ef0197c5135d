import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';
import { ERROR_BYTES, POINTER_BYTES, withMemory } from './heic-planes.ts';

/** The type of an item that is coded by HEVC: 'hvc1'. */
const CODED = 0x68_76_63_31;
/** The type of reference from a derived picture to those that it is made of: 'dimg'. */
const DERIVED_FROM = 0x64_69_6d_67;

/**
 * As many zeros as no coded picture has: behind two of them an encoder puts a three (ITU-T H.265, 7.3.1.1). A few may lie between
 * two units, or pad the last one.
 */
const ZEROS = Buffer.alloc(64);

/**
 * Whether a part of a picture is only zeros, as where a download reserved the room for a file and ended early. The decoder makes up what is
 * missing, and does not complain.
 * @param context address of libheif's context
 * @param picture the picture's item. Other pictures of the file, such as thumbnails and depth maps, may be damaged.
 */
export function hasZeroedPart(lib: Libheif, context: number, picture: number): boolean {
  return [picture, ...madeOf(lib, context, picture)].some(
    (item) => lib._heif_item_get_item_type(context, item) === CODED && hasZeros(lib, context, item),
  );
}

/** The items that an item is derived from, such as the tiles of a grid. */
function madeOf(lib: Libheif, context: number, item: number): number[] {
  return withMemory(lib, 2 * POINTER_BYTES, (type) => {
    const list = type + POINTER_BYTES;
    for (let index = 0; ; index++) {
      const count = lib._heif_context_get_item_references(context, item, index, type, list) as number;
      if (count === 0) return [];
      const from = lib.HEAPU32[list / 4]! / 4;
      const items = [...lib.HEAPU32.subarray(from, from + count)];
      lib._heif_release_item_references(context, list);
      if (lib.HEAPU32[type / 4] === DERIVED_FROM) return items;
    }
  });
}

function hasZeros(lib: Libheif, context: number, item: number): boolean {
  return withMemory(lib, ERROR_BYTES + 2 * POINTER_BYTES, (error) => {
    const [place, length] = [error + ERROR_BYTES, error + ERROR_BYTES + POINTER_BYTES];
    lib._heif_item_get_item_data(error, context, item, 0, place, length);
    // What cannot be found at all is left to the decoder.
    if (lib.HEAP32[error / 4] !== 0) return false;
    const from = lib.HEAPU32[place / 4]!;
    const { buffer, byteOffset } = lib.HEAPU8;
    const found = Buffer.from(buffer, byteOffset + from, lib.HEAPU32[length / 4]).includes(ZEROS);
    lib._heif_release_item_data(context, place);
    return found;
  });
}
