/** An upright colour picture in memory: 3 bytes a pixel (red, green, blue; sRGB), row by row from the top left. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** width * height * 3 bytes. */
  readonly data: Uint8Array;
}

/** An upright gray picture in memory: 1 byte a pixel (0 black .. 255 white), row by row from the top left. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  /** width * height bytes. */
  readonly data: Uint8Array;
}

/**
 * The gray picture that cascades and the emotion network look at.
 * Weights are luma of ITU-R BT.601 on the stored (gamma-encoded) values, as OpenCV and most tools that made the
 * training data's gray pictures do; scaled by 2^16 so that integers are enough.
 */
export function toGray(image: RgbImage): GrayImage {
  const { width, height, data } = image;
  const gray = new Uint8Array(width * height);
  for (let i = 0, k = 0; i < gray.length; i++, k += 3) {
    gray[i] = (data[k]! * 19595 + data[k + 1]! * 38470 + data[k + 2]! * 7471 + 32768) >> 16;
  }
  return { width, height, data: gray };
}
