import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';

/** A plane of a picture, shrunk while it was copied from the decoder: a byte a sample. */
export interface SmallPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Reads a file in WebAssembly's memory without copying it. The file must stay there as long as the context is used.
 * @param context address of libheif's context
 * @throws Error libheif's message
 */
export function readInPlace(lib: Libheif, context: number, address: number, bytes: number): void {
  withMemory(lib, ERROR_BYTES, (error) => {
    lib._heif_context_read_from_memory_without_copy(error, context, address, bytes, 0);
    throwIfFailed(lib, error);
  });
}

/** The grid of tiles of a picture, as it is seen. All tiles have one size; those at the edges may reach beyond the picture. */
interface Tiling {
  readonly columns: number;
  readonly rows: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** How far the first tile begins before the picture, which happens where the picture was turned. */
  readonly top: number;
  readonly left: number;
}

/** Bytes of libheif's structures heif_error, heif_image_tiling (with room for more) and of a pointer (libheif 1.23, heif_tiling.h). */
export const ERROR_BYTES = 12;
const TILING_BYTES = 128;
export const POINTER_BYTES = 4;

/**
 * The grid of tiles of a handle's picture. Phones write large pictures as a grid of small ones.
 * @returns undefined where it is in one piece, or cropped, or where the library does not say
 */
export function tilingOf(lib: Libheif, handle: number): Tiling | undefined {
  return withMemory(lib, ERROR_BYTES + TILING_BYTES, (error) => {
    const tiling = error + ERROR_BYTES;
    lib._heif_image_handle_get_image_tiling(error, handle, 1, tiling);
    if (lib.HEAP32[error / 4] !== 0) return undefined;
    const numbers = lib.HEAPU32.subarray(tiling / 4 + 1, tiling / 4 + 9) as Uint32Array;
    const [columns, rows, tileWidth, tileHeight, width, height, toldTop, toldLeft] = [...numbers] as EightNumbers;
    if (columns * rows < 2) return undefined;
    const top = before(rows * tileHeight - height, toldTop, tileHeight);
    const left = before(columns * tileWidth - width, toldLeft, tileWidth);
    return top === undefined || left === undefined ? undefined : { columns, rows, tileWidth, tileHeight, top, left };
  });
}

type EightNumbers = [number, number, number, number, number, number, number, number];

/**
 * How far the first tile begins before the picture.
 * @param excess how much longer all tiles together are than the picture
 * @param offset the library's offset: 0 where the excess is at the other end; otherwise, as of 1.23, the rest of the tile
 * @returns undefined where the offset is anything else
 */
function before(excess: number, offset: number, tile: number): number | undefined {
  if (offset === 0) return 0;
  return offset === excess || offset === tile - excess ? excess : undefined;
}

/**
 * Decodes a picture as 4:2:0, either in one piece or tile by tile, which keeps only one tile and the small copy in memory. Samples are read
 * directly from the decoder's memory.
 * @param tiling undefined for one piece
 * @param size of the picture
 * @param factor a pixel of the small copy is the mean of factor x factor pixels of the picture; 1 to 16
 * @returns luma, and both chroma planes at half their size
 * @throws Error libheif's message about a picture that cannot be decoded
 */
export function decodePlanes(
  lib: Libheif,
  handle: number,
  tiling: Tiling | undefined,
  size: { readonly width: number; readonly height: number },
  factor: number,
): readonly [luma: SmallPlane, blue: SmallPlane, red: SmallPlane] {
  const half = { width: Math.ceil(size.width / 2), height: Math.ceil(size.height / 2) };
  const [luma, blue, red] = [new Shrunk(size, factor), new Shrunk(half, factor), new Shrunk(half, factor)];
  const add = (image: number, x: number, y: number) => {
    const { heif_channel_Y, heif_channel_Cb, heif_channel_Cr } = lib.heif_channel;
    addPlane(lib, image, heif_channel_Y.value, luma, x, y);
    addPlane(lib, image, heif_channel_Cb.value, blue, x >> 1, y >> 1);
    addPlane(lib, image, heif_channel_Cr.value, red, x >> 1, y >> 1);
    lib._heif_image_release(image);
  };
  if (tiling === undefined) add(decode(lib, handle), 0, 0);
  const { columns, rows, tileWidth, tileHeight, top, left } = tiling ?? NO_TILES;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      add(decode(lib, handle, { column, row }), column * tileWidth - left, row * tileHeight - top);
    }
  }
  return [luma.plane(), blue.plane(), red.plane()];
}

const NO_TILES: Tiling = { columns: 0, rows: 0, tileWidth: 0, tileHeight: 0, top: 0, left: 0 };

/** @returns the address of libheif's image: of a tile, or of the whole picture */
function decode(lib: Libheif, handle: number, tile?: { readonly column: number; readonly row: number }): number {
  return withMemory(lib, ERROR_BYTES + POINTER_BYTES, (error) => {
    const image = error + ERROR_BYTES;
    const colours = lib.heif_colorspace.heif_colorspace_YCbCr.value;
    const chroma = lib.heif_chroma.heif_chroma_420.value;
    if (tile) lib._heif_image_handle_decode_image_tile(error, handle, image, colours, chroma, 0, tile.column, tile.row);
    else lib._heif_decode_image(error, handle, image, colours, chroma, 0);
    throwIfFailed(lib, error);
    return lib.HEAPU32[image / 4];
  });
}

function addPlane(lib: Libheif, image: number, channel: number, small: Shrunk, x: number, y: number): void {
  const [data, stride] = withMemory(lib, POINTER_BYTES, (at) => [
    lib._heif_image_get_plane_readonly2(image, channel, at),
    lib.HEAPU32[at / 4],
  ]) as [number, number];
  if (data === 0) throw new Error('libheif: a picture without its planes of colour');
  const bits = lib._heif_image_get_bits_per_pixel_range(image, channel);
  const [width, height] = [lib._heif_image_get_width(image, channel), lib._heif_image_get_height(image, channel)];
  const isWide = bits > 8;
  const heap: Uint8Array | Uint16Array = isWide ? lib.HEAPU16 : lib.HEAPU8;
  const bytes = isWide ? 2 : 1;
  for (let row = 0; row < height; row++) {
    const from = (data + row * stride) / bytes;
    small.addRow(heap.subarray(from, from + width), x, y + row, isWide ? bits - 8 : 0);
  }
}

/** A plane of which each pixel is the mean of a square of another plane's pixels. */
class Shrunk {
  readonly #size: { readonly width: number; readonly height: number };
  readonly #factor: number;
  readonly #width: number;
  readonly #height: number;
  /** 16 * 16 samples of 255 at most. */
  readonly #sums: Uint8Array | Uint16Array;

  constructor(size: { readonly width: number; readonly height: number }, factor: number) {
    this.#size = size;
    this.#factor = factor;
    this.#width = Math.ceil(size.width / factor);
    this.#height = Math.ceil(size.height / factor);
    const pixels = this.#width * this.#height;
    this.#sums = factor === 1 ? new Uint8Array(pixels) : new Uint16Array(pixels);
  }

  /**
   * Adds the part of a row of samples that lies within the plane.
   * @param x column of the first, which may lie before the plane
   * @param shift bits that a sample has beyond eight
   */
  addRow(samples: Uint8Array | Uint16Array, x: number, y: number, shift: number): void {
    if (y < 0 || y >= this.#size.height) return;
    const left = Math.max(0, x);
    const factor = this.#factor;
    const sums = this.#sums;
    const row = Math.floor(y / factor) * this.#width;
    const end = Math.min(samples.length, this.#size.width - x);
    let at = row + Math.floor(left / factor);
    let place = left % factor;
    for (let k = left - x; k < end; k++) {
      sums[at]! += samples[k]! >> shift;
      place += 1;
      if (place < factor) continue;
      place = 0;
      at += 1;
    }
  }

  plane(): SmallPlane {
    const [width, height, factor] = [this.#width, this.#height, this.#factor];
    if (this.#sums instanceof Uint8Array) return { width, height, data: this.#sums };
    const data = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const rows = Math.min(factor, this.#size.height - y * factor);
      for (let x = 0; x < width; x++) {
        const columns = Math.min(factor, this.#size.width - x * factor);
        data[y * width + x] = Math.round(this.#sums[y * width + x]! / (rows * columns));
      }
    }
    return { width, height, data };
  }
}

/** Allocates zeroed bytes of WebAssembly's memory, at a multiple of four, for the time of one call. */
export function withMemory<Result>(lib: Libheif, bytes: number, use: (address: number) => Result): Result {
  const address = lib._malloc(bytes);
  lib.HEAPU8.fill(0, address, address + bytes);
  try {
    return use(address);
  } finally {
    lib._free(address);
  }
}

/** @param error address of libheif's structure heif_error */
function throwIfFailed(lib: Libheif, error: number): void {
  const [code, , message] = lib.HEAPU32.subarray(error / 4, error / 4 + 3);
  if (code !== 0) throw new Error(`libheif: ${textAt(lib, message)}`);
}

/** A text that ends with a zero byte. */
function textAt(lib: Libheif, address: number): string {
  return Buffer.from(lib.HEAPU8.subarray(address, lib.HEAPU8.indexOf(0, address))).toString();
}
