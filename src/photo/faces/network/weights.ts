import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';

/** A weight of the detector, in TensorFlow's order: kernels are [height, width, in, out], depthwise ones [height, width, channels, 1]. */
export interface DetectorWeight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const MANIFEST = 'tiny_face_detector_model-weights_manifest.json';

const SCHEMA = z.array(
  z.object({
    paths: z.array(z.string()),
    weights: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().positive()),
        quantization: z.object({ dtype: z.literal('uint8'), scale: z.number(), min: z.number() }),
      }),
    ),
  }),
);

/**
 * Reads the tiny face detector (a small YOLO v2 by Vincent Mühler, 193 kB, MIT) that the npm package @vladmandic/face-api
 * carries. Each number is stored as a byte b and means b * scale + min.
 * @returns weights by name, such as 'conv0/filters'
 * @throws when the package is not installed, or its files are not in this format
 */
export async function readDetectorWeights(): Promise<Map<string, DetectorWeight>> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model');
  const groups = SCHEMA.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')));
  const weights = new Map<string, DetectorWeight>();
  for (const { paths, weights: entries } of groups) {
    const bytes = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(folder, path)))));
    let at = 0;
    for (const { name, shape, quantization } of entries) {
      const size = shape.reduce((product, side) => product * side, 1);
      const { scale, min } = quantization;
      weights.set(name, {
        shape,
        data: Float32Array.from(bytes.subarray(at, at + size), (byte) => byte * scale + min),
      });
      at += size;
    }
    if (at !== bytes.length) throw new Error(`${MANIFEST} describes ${at} bytes, its files have ${bytes.length}`);
  }
  return weights;
}
