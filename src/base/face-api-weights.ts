import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * A weight of one of face-api's networks, in TensorFlow's order: kernels are [height, width, in, out], depthwise ones [height, width,
 * channels, 1].
 */
export interface FaceApiWeight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One group of a manifest: files, and the weights that their concatenated bytes hold. */
interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
  }[];
}

/**
 * Reads one of the networks in the npm package @vladmandic/face-api. Each number is stored either as a byte b, which means
 * b * scale + min, or as a float32, little-endian.
 * @param model the start of its files' names, such as 'tiny_face_detector_model'
 * @returns weights by name, such as 'conv0/filters'
 * @throws when the package is not installed, or its files are not in this format
 */
export async function readFaceApiWeights(model: string): Promise<Map<string, FaceApiWeight>> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model');
  const manifest = `${model}-weights_manifest.json`;
  const groups: Group[] = JSON.parse(await readFile(join(folder, manifest), 'utf8'));
  const weights = new Map<string, FaceApiWeight>();
  for (const { paths, weights: entries } of groups) {
    const bytes = Buffer.concat(await Promise.all(paths.map((path) => readFile(join(folder, path)))));
    let at = 0;
    for (const { name, shape, quantization } of entries) {
      if (quantization !== undefined && quantization.dtype !== 'uint8')
        throw new Error(`${manifest} stores ${name} as ${quantization.dtype}, not as uint8`);
      const size = shape.reduce((product, side) => product * side, 1);
      const end = at + size * (quantization ? 1 : Float32Array.BYTES_PER_ELEMENT);
      const data = new Float32Array(size);
      if (quantization) for (let k = 0; k < size; k++) data[k] = bytes[at + k]! * quantization.scale + quantization.min;
      else data.set(new Float32Array(Uint8Array.from(bytes.subarray(at, end)).buffer));
      weights.set(name, { shape, data });
      at = end;
    }
    if (at !== bytes.length) throw new Error(`${manifest} describes ${at} bytes, its files have ${bytes.length}`);
  }
  return weights;
}
