import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { MainModule as Libheif } from 'libheif-js/libheif-wasm/libheif.js';
import sharp from 'sharp';
import type { RgbImage } from '../image.ts';

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

/**
 * The main picture of a HEIC file, as it is seen: the file's own turns are made, an EXIF orientation beside them says nothing more.
 * @returns its size, and what decodes it, once, to RGB pixels of at most that longest side
 */
export function openHeic(file: Uint8Array): {
  readonly width: number;
  readonly height: number;
  readonly decode: (maxSide: number) => Promise<RgbImage>;
} {
  const lib = libheif();
  const context = lib.heif_context_alloc();
  check(lib, lib.heif_context_read_from_memory(context, file as unknown as string));
  const handle = check(lib, lib.heif_js_context_get_primary_image_handle(context));
  const width = lib.heif_image_handle_get_width(handle);
  const height = lib.heif_image_handle_get_height(handle);
  return {
    width,
    height,
    async decode(maxSide) {
      const { heif_colorspace, heif_chroma, heif_channel } = lib;
      // Luma and quarter-size chroma, as they are stored: half of the memory of red, green and blue.
      const picture = check(
        lib,
        lib.heif_js_decode_image2(handle, heif_colorspace.heif_colorspace_YCbCr, heif_chroma.heif_chroma_420),
      );
      const scale = Math.min(1, maxSide / Math.max(width, height));
      const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
      const resized = async (id: unknown) => {
        const plane = (picture.channels as Plane[]).find((one) => one.id === id);
        if (plane === undefined) throw new Error('a HEIC picture without its planes of colour');
        return await resizePlane(plane, size);
      };
      const luma = await resized(heif_channel.heif_channel_Y);
      const blue = await resized(heif_channel.heif_channel_Cb);
      const red = await resized(heif_channel.heif_channel_Cr);
      lib.heif_image_release(picture.image);
      lib.heif_image_handle_release(handle);
      lib.heif_context_free(context);
      return { ...size, data: toRgb(luma, blue, red) };
    },
  };
}

/** @param result what libheif gave: a thing, or an error of its own */
function check<Result>(lib: Libheif, result: Result): Result {
  const error = result as { code?: unknown; message?: string } | null | undefined;
  const isFine = error && (error.code === undefined || error.code === lib.heif_error_code.heif_error_Ok);
  if (!isFine) throw new Error(`libheif: ${error?.message ?? 'no picture'}`);
  return result;
}

async function resizePlane(
  plane: Plane,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  const { stride, height, bits_per_pixel: bits } = plane;
  const isWide = bits > 8;
  const data = isWide ? upperBits(plane.data, bits) : plane.data;
  return await sharp(data, { raw: { width: isWide ? stride / 2 : stride, height, channels: 1 } })
    .extract({ left: 0, top: 0, width: plane.width, height })
    .resize(size.width, size.height, { fit: 'fill' })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** The upper eight of each sample's bits. */
function upperBits(data: Uint8Array, bits: number): Uint8Array {
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
