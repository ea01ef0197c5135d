import { Float16Array, f16round } from '@petamoriken/float16';
import { UserError } from '../../base/errors.ts';
import { type Network, sizeOf, type Weights } from '../network.ts';

/** The largest finite half-precision number. A number that rounds to more becomes infinite. */
const FLOAT16_MAX = 65504;

/** One entry of a TensorFlow.js weights manifest, for what we write: float32 numbers, stored in 4 or in 2 bytes. */
interface ManifestEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32';
  /** How the numbers are stored, unless as float32. The Python converter adds original_dtype. */
  readonly quantization?: { readonly dtype: 'float16'; readonly original_dtype?: 'float32' | undefined } | undefined;
}

interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  /** As many numbers as the shape has elements, last dimension fastest. */
  readonly data: Float32Array;
}

/** The weights of a network with their shapes, in its order. @throws Error where they are not those of the network */
export function inNetworkOrder(network: Network, weights: Weights): NamedArray[] {
  if (weights.size !== network.weights.length)
    throw new Error(`${weights.size} weights for a network of ${network.weights.length}`);
  return network.weights.map(({ name, shape }) => {
    const data = weights.get(name);
    if (data === undefined) throw new Error(`no weights for ${name}`);
    return { name, shape, data };
  });
}

/** What the numbers of a weights file are stored as; float16 halves the file and keeps 11 significant bits. */
export type Quantization = 'float16';

/**
 * The bytes of a weights file, one array after the other without gaps, and the manifest that describes them. Numbers
 * are little-endian, as TensorFlow.js reads them and every platform we run on has them.
 *
 * @throws Error where an array's length is not its shape's
 * @throws UserError 'bad-model' where a finite number is too large for float16
 */
export function encodeWeights(
  arrays: readonly NamedArray[],
  quantization?: Quantization,
): { entries: ManifestEntry[]; bytes: Uint8Array<ArrayBuffer> } {
  const entries = arrays.map(
    ({ name, shape }): ManifestEntry => ({
      name,
      shape: [...shape],
      dtype: 'float32',
      ...(quantization && { quantization: { dtype: quantization, original_dtype: 'float32' } }),
    }),
  );
  const bytes = new Uint8Array(byteLength(entries));
  let offset = 0;
  for (const array of arrays) {
    if (array.data.length !== sizeOf(array.shape))
      throw new Error(`${array.name}: ${array.data.length} numbers for the shape ${array.shape.join('x')}`);
    const stored = quantization ? halves(array) : array.data;
    bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), offset);
    offset += stored.byteLength;
  }
  return { entries, bytes };
}

/** The arrays of a weights file by name. @throws RangeError where there are fewer bytes than `byteLength(entries)` */
export function decodeWeights(bytes: Uint8Array, entries: readonly ManifestEntry[]): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  let offset = 0;
  for (const entry of entries) {
    const length = byteLength([entry]);
    // Copied: typed arrays need their bytes aligned, and the weights should not keep the whole file in memory.
    const buffer = new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
    const count = sizeOf(entry.shape);
    weights.set(
      entry.name,
      entry.quantization ? widened(new Uint16Array(buffer, 0, count)) : new Float32Array(buffer, 0, count),
    );
    offset += length;
  }
  return weights;
}

/** Bytes that a weights file with this manifest has. */
export function byteLength(entries: readonly ManifestEntry[]): number {
  return entries.reduce((sum, entry) => sum + sizeOf(entry.shape) * (entry.quantization ? 2 : 4), 0);
}

let numbersOfHalves: Float32Array | undefined;

/** float16 numbers, given by their bits, as float32: by a table, as converting millions one by one takes seconds. */
function widened(bits: Uint16Array): Float32Array {
  numbersOfHalves ??= Float32Array.from(
    new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, half) => half).buffer),
  );
  const out = new Float32Array(bits.length);
  for (let k = 0; k < bits.length; k++) out[k] = numbersOfHalves[bits[k]!]!;
  return out;
}

function halves({ name, data }: NamedArray) {
  // Rounding such a number to infinity would save a network that answers NaN.
  const large = data.find((value) => Number.isFinite(value) && !Number.isFinite(f16round(value)));
  if (large !== undefined)
    throw new UserError(
      'bad-model',
      `${name} holds ${large}, and float16 ends at ${FLOAT16_MAX}: save this model as float32`,
    );
  return new Float16Array(data);
}
