import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';
import sharp from 'sharp';
import { scaledSize } from '../faces/box.ts';
import type { RgbImage } from '../image.ts';
import { hasZeroedPart } from './heic-items.ts';
import { decodePlanes, readInPlace, type SmallPlane, tilingOf } from './heic-planes.ts';

const require = createRequire(import.meta.url);
let loaded: Libheif | undefined;

/** libheif with its HEVC decoder, as WebAssembly. */
function libheif(): Libheif {
  if (loaded === undefined) {
    const load = require('libheif-js/libheif-wasm/libheif.js') as (options: { wasmBinary: Uint8Array }) => Libheif;
    loaded = load({ wasmBinary: readFileSync(require.resolve('libheif-js/libheif-wasm/libheif.wasm')) });
  }
  return loaded;
}

/** The main picture of a HEIC file. */
interface HeicPicture {
  readonly width: number;
  readonly height: number;
  /** Bytes that decoding takes, besides the file and WebAssembly itself. */
  readonly bytes: number;
  /** Decodes it, once, to RGB pixels. */
  readonly decode: () => Promise<RgbImage>;
  /** Frees the library's memory for it, decoded or not. */
  readonly close: () => void;
}

/**
 * Bytes a pixel, measured and rounded up: of a picture that is decoded in one piece, more where it is then turned or cut; of its small
 * copy.
 */
const WHOLE = 4.3;
const TURNED_OR_CUT = 1.5;
const SMALL_COPY = 9;
/** Bytes a pixel of a copy in full size, which needs no sums. */
const FULL_COPY = 1.6;
/** Most bytes of the resulting pixels and of the planes that they are made from. */
const COPY_BYTES = 25_000_000;
/** Most bytes of WebAssembly's memory that are kept for the next picture. */
const MOST_KEPT = 48_000_000;
/** Largest shrinking factor of the first step, across and down. */
const MOST_FACTOR = 16;

/**
 * The main picture of a HEIC file, upright. The file's own rotations are applied; an EXIF orientation besides them is ignored. A picture
 * made of tiles that is at least twice as large as wanted is decoded tile by tile.
 * @param maxSide longest side of the decoded pixels
 * @throws Error libheif's message about a file that it cannot read; that a part of the picture is only zeros
 */
export function openHeic(file: Uint8Array, maxSide: number): HeicPicture {
  const lib = libheif();
  const context = lib.heif_context_alloc();
  const place = lib._malloc(file.length);
  let release = () => {};
  const close = () => {
    release();
    lib.heif_context_free(context);
    lib._free(place);
    // WebAssembly's memory never shrinks, so a large one is dropped with the library.
    if (lib.HEAPU8.length > MOST_KEPT) loaded = undefined;
  };
  try {
    if (place === 0) throw new Error('libheif: out of memory');
    lib.HEAPU8.set(file, place);
    readInPlace(lib, addressOf(context), place, file.length);
    let handle: Handle | undefined = check(lib, lib.heif_js_context_get_primary_image_handle(context));
    // As long as the handle is there, so is all that the context holds.
    release = () => {
      if (handle !== undefined) lib.heif_image_handle_release(handle);
      handle = undefined;
    };
    return { ...mainPicture(lib, context, handle, maxSide, release), close };
  } catch (error) {
    close();
    throw error;
  }
}

type Context = ReturnType<Libheif['heif_context_alloc']>;
type Handle = ReturnType<Libheif['heif_js_context_get_primary_image_handle']>;

/** @param release frees the handle, once */
function mainPicture(
  lib: Libheif,
  context: Context,
  handle: Handle,
  maxSide: number,
  release: () => void,
): Omit<HeicPicture, 'close'> {
  const width = lib.heif_image_handle_get_width(handle);
  const height = lib.heif_image_handle_get_height(handle);
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const size = scaledSize({ width, height }, scale);
  const factor = Math.min(MOST_FACTOR, Math.floor(1 / scale));
  const address = addressOf(handle);
  const tiling = factor > 1 ? tilingOf(lib, address) : undefined;
  const pixels = width * height;
  const item = lib._heif_image_handle_get_item_id(address);
  if (hasZeroedPart(lib, addressOf(context), item)) throw new Error('libheif: zeros in place of a part of the picture');
  const isTransformed = lib._heif_item_get_transformation_properties(addressOf(context), item, 0, 0) > 0;
  const whole = (WHOLE + (isTransformed ? TURNED_OR_CUT : 0)) * pixels;
  const copy = factor > 1 ? (SMALL_COPY * pixels) / factor ** 2 : FULL_COPY * pixels + COPY_BYTES;
  return {
    width,
    height,
    bytes: (tiling ? 0 : whole) + copy,
    async decode() {
      const small = decodePlanes(lib, address, tiling, { width, height }, factor);
      release();
      const [luma, blue, red] = await Promise.all(small.map((plane) => resizePlane(plane, size)));
      return { ...size, data: toRgb(luma!, blue!, red!) };
    },
  };
}

/** Address of one of the library's objects. Its functions for tiles and properties take addresses, the others take objects. */
function addressOf(thing: unknown): number {
  return (thing as { readonly $$: { readonly ptr: number } }).$$.ptr;
}

/** @param result libheif's object, or its error @throws Error libheif's message */
function check<Result>(lib: Libheif, result: Result): Result {
  const error = result as { code?: unknown; message?: string } | null | undefined;
  const isFine = error && (error.code === undefined || error.code === lib.heif_error_code.heif_error_Ok);
  if (!isFine) throw new Error(`libheif: ${error?.message ?? 'no picture'}`);
  return result;
}

async function resizePlane(
  { width, height, data }: SmallPlane,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  return await sharp(data, { raw: { width, height, channels: 1 } })
    .resize(size.width, size.height, { fit: 'fill' })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** Weights of JFIF 1.02 (ITU-R BT.601 over the full range), which phones write. */
function toRgb(luma: Uint8Array, blue: Uint8Array, red: Uint8Array): Uint8Array {
  const rgb = new Uint8ClampedArray(3 * luma.length);
  for (let k = 0; k < luma.length; k++) {
    const y = luma[k]!;
    const cb = blue[k]! - 128;
    const cr = red[k]! - 128;
    rgb[3 * k] = y + 1.402 * cr;
    rgb[3 * k + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgb[3 * k + 2] = y + 1.772 * cb;
  }
  return new Uint8Array(rgb.buffer);
}
