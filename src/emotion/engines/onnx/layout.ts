import { sizeOf, type WeightSpec } from '../../network.ts';

/**
 * Convolution kernels are [height, width, in, out] in TensorFlow and [out, in, height, width] in ONNX. All other weights are
 * the same in both.
 */
const TO_ONNX = [3, 2, 0, 1] as const;

/** The properties of a weight that decide the order of its numbers. */
type Kind = Pick<WeightSpec, 'role' | 'shape'>;

/** A weight's shape in ONNX. */
export function onnxShape(spec: Kind): number[] {
  const order = orderOf(spec);
  return order ? order.map((axis) => spec.shape[axis]!) : [...spec.shape];
}

/** A weight's numbers in ONNX's order; always a copy. */
export function toOnnx(spec: Kind, data: Float32Array): Float32Array<ArrayBuffer> {
  const order = orderOf(spec);
  return order ? permute(data, spec.shape, order) : Float32Array.from(data);
}

/** The inverse of toOnnx; always a copy. */
export function fromOnnx(spec: WeightSpec, data: Float32Array): Float32Array<ArrayBuffer> {
  const order = orderOf(spec);
  if (!order) return Float32Array.from(data);
  const inverse = order.map((_, axis) => order.indexOf(axis as 0 | 1 | 2 | 3));
  return permute(data, onnxShape(spec), inverse);
}

function orderOf(spec: Kind) {
  return spec.role === 'kernel' && spec.shape.length === 4 ? TO_ONNX : undefined;
}

/** Reorders the axes of a tensor: axis k of the result is axis order[k] of the argument. */
function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const [a, b, c, d] = order.map((axis) => ({ side: shape[axis]!, stride: strides[axis]! })) as [
    Axis,
    Axis,
    Axis,
    Axis,
  ];
  const out = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < a.side; i++)
    for (let j = 0; j < b.side; j++)
      for (let k = 0; k < c.side; k++)
        for (let l = 0; l < d.side; l++) out[at++] = data[i * a.stride + j * b.stride + k * c.stride + l * d.stride]!;
  return out;
}

interface Axis {
  readonly side: number;
  readonly stride: number;
}

/** Converts channels-last inputs to channels-first. With one channel both are the same, and nothing is copied. */
export function channelsFirst(
  x: Float32Array,
  count: number,
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  return channels === 1 ? x : permute(x, [count, height, width, channels], [0, 3, 1, 2]);
}
