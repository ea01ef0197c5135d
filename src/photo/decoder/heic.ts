import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';
import sharp from 'sharp';
import type { RgbImage } from '../image.ts';
import { decodeTiles, tilingOf } from './heic-tiles.ts';

/** A plane of samples, each in a byte, or in two (the lower one first) where it has more than eight bits. */
interface Plane {
  readonly id: unknown;
  /** Bytes of a row. */
  readonly stride: number;
  readonly width: number;
  readonly height: number;
  readonly bits_per_pixel: number;
  readonly data: Uint8Array;
}

const require = createRequire(import.meta.url);
let loaded: Libheif | undefined;

/** libheif with its decoder of HEVC, as WebAssembly. */
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
  /** Bytes that decoding takes, beside the file and WebAssembly itself. */
  readonly bytes: number;
  /** Decodes it, once, to RGB pixels. */
  readonly decode: () => Promise<RgbImage>;
}

/** Bytes a pixel of a picture that is decoded as a whole, and of the small copy of one that is decoded tile by tile: measured, rounded up. */
const WHOLE = 4.8;
const SMALL_COPY = 9;
/** A mean of more pixels than this, across and down, is not made at once. */
const MOST_FACTOR = 16;

/**
 * The main picture of a HEIC file, as it is seen: the file's own turns are made, an EXIF orientation beside them says nothing more. One that is
 * made of tiles and more than twice as large as wanted is decoded tile by tile.
 * @param maxSide longest side of the pixels that are wanted
 */
export function openHeic(file: Uint8Array, maxSide: number): HeicPicture {
  const lib = libheif();
  const context = lib.heif_context_alloc();
  check(lib, lib.heif_context_read_from_memory(context, file as unknown as string));
  const handle = check(lib, lib.heif_js_context_get_primary_image_handle(context));
  const width = lib.heif_image_handle_get_width(handle);
  const height = lib.heif_image_handle_get_height(handle);
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const factor = Math.min(MOST_FACTOR, Math.floor(1 / scale));
  // The library's functions on tiles take the address of what is a class to the others.
  const address = (handle as unknown as { readonly $$: { readonly ptr: number } }).$$.ptr;
  const tiling = factor > 1 ? tilingOf(lib, address) : undefined;
  const planes = tiling
    ? async () => {
        const small = decodeTiles(lib, address, tiling, { width, height }, factor);
        return await Promise.all(small.map((plane) => resizePlane({ ...plane, stride: plane.width }, size)));
      }
    : () => wholePlanes(lib, handle, size);
  return {
    width,
    height,
    bytes: tiling ? (SMALL_COPY * width * height) / factor ** 2 : WHOLE * width * height,
    async decode() {
      const [luma, blue, red] = await planes();
      lib.heif_image_handle_release(handle);
      lib.heif_context_free(context);
      return { ...size, data: toRgb(luma!, blue!, red!) };
    },
  };
}

type Handle = Parameters<Libheif['heif_js_decode_image2']>[0];

/** Luma and quarter-size chroma, as they are stored, at one size: half of the memory of red, green and blue. */
async function wholePlanes(
  lib: Libheif,
  handle: Handle,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array[]> {
  const { heif_colorspace, heif_chroma, heif_channel } = lib;
  const picture = check(
    lib,
    lib.heif_js_decode_image2(handle, heif_colorspace.heif_colorspace_YCbCr, heif_chroma.heif_chroma_420),
  );
  const planes: Uint8Array[] = [];
  for (const id of [heif_channel.heif_channel_Y, heif_channel.heif_channel_Cb, heif_channel.heif_channel_Cr]) {
    const plane = (picture.channels as Plane[]).find((one) => one.id === id);
    if (plane === undefined) throw new Error('a HEIC picture without its planes of colour');
    const stride = plane.bits_per_pixel > 8 ? plane.stride / 2 : plane.stride;
    planes.push(await resizePlane({ ...plane, stride, data: eightBits(plane) }, size));
  }
  lib.heif_image_release(picture.image);
  return planes;
}

/** @param result what libheif gave: a thing, or an error of its own */
function check<Result>(lib: Libheif, result: Result): Result {
  const error = result as { code?: unknown; message?: string } | null | undefined;
  const isFine = error && (error.code === undefined || error.code === lib.heif_error_code.heif_error_Ok);
  if (!isFine) throw new Error(`libheif: ${error?.message ?? 'no picture'}`);
  return result;
}

/** @param plane a byte a sample; `stride` of them a row */
async function resizePlane(
  { stride, width, height, data }: Pick<Plane, 'stride' | 'width' | 'height' | 'data'>,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  return await sharp(data, { raw: { width: stride, height, channels: 1 } })
    .extract({ left: 0, top: 0, width, height })
    .resize(size.width, size.height, { fit: 'fill' })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** The upper eight of each sample's bits. */
function eightBits({ data, bits_per_pixel: bits }: Plane): Uint8Array {
  if (bits <= 8) return data;
  const upper = new Uint8Array(data.length / 2);
  for (let k = 0; k < upper.length; k++) upper[k] = (data[2 * k]! | (data[2 * k + 1]! << 8)) >> (bits - 8);
  return upper;
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
