import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';
import { ERROR_BYTES, POINTER_BYTES, throwIfFailed, withMemory } from './heic-planes.ts';

/** The type of an item that is coded by HEVC: 'hvc1'. */
const CODED = 0x68_76_63_31;

/**
 * As many zeros as no coded picture has: behind two of them an encoder puts a three (ITU-T H.265, 7.3.1.1). A few may lie between two units,
 * or pad the last one.
 */
const ZEROS = Buffer.alloc(64);

/**
 * Whether a part of a picture is only zeros, as where a download reserved the room for a file and ended early. The decoder makes up what is
 * missing, and does not complain.
 * @param context address of libheif's context
 * @throws Error libheif's message about a file whose parts it cannot find
 */
export function hasZeroedPart(lib: Libheif, context: number): boolean {
  return itemsOf(lib, context).some(
    (item) => lib._heif_item_get_item_type(context, item) === CODED && hasZeros(lib, context, item),
  );
}

function itemsOf(lib: Libheif, context: number): number[] {
  const count = lib._heif_context_get_number_of_items(context) as number;
  return withMemory(lib, Math.max(1, count) * POINTER_BYTES, (list) => {
    const listed = lib._heif_context_get_list_of_item_IDs(context, list, count) as number;
    return [...lib.HEAPU32.subarray(list / 4, list / 4 + listed)];
  });
}

function hasZeros(lib: Libheif, context: number, item: number): boolean {
  return withMemory(lib, ERROR_BYTES + 2 * POINTER_BYTES, (error) => {
    const [place, length] = [error + ERROR_BYTES, error + ERROR_BYTES + POINTER_BYTES];
    lib._heif_item_get_item_data(error, context, item, 0, place, length);
    throwIfFailed(lib, error);
    const from = lib.HEAPU32[place / 4]!;
    const { buffer, byteOffset } = lib.HEAPU8;
    const found = Buffer.from(buffer, byteOffset + from, lib.HEAPU32[length / 4]).includes(ZEROS);
    lib._heif_release_item_data(context, place);
    return found;
  });
}
