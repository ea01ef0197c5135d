import type { Architecture, Layer, Padding } from './architectures.ts';

/**
 * An architecture unrolled into primitive operations with names, shapes and weights. Both engines, the file format and the
 * parameter count use it. Shapes are channels-last and do not include the batch.
 */
export interface Network {
  readonly architecture: Architecture;
  /** In order: a node's inputs are outputs of nodes before it. The last node is the output. */
  readonly nodes: readonly NetworkNode[];
  /** All weights in node order, in TensorFlow's layout. */
  readonly weights: readonly WeightSpec[];
  /** How many numbers training changes, running statistics included. */
  readonly parameters: number;
}

type Operation =
  | { readonly op: 'input' }
  | ({ readonly op: 'conv'; readonly filters: number; readonly bias: boolean } & Window)
  | { readonly op: 'batchNorm'; readonly momentum: number; readonly epsilon: number }
  | { readonly op: 'relu' }
  | ({ readonly op: 'maxPool' } & Window)
  | ({ readonly op: 'averagePool' } & Window)
  | { readonly op: 'globalAveragePool' }
  | { readonly op: 'flatten' }
  | { readonly op: 'dropout'; readonly rate: number }
  | { readonly op: 'dense'; readonly units: number; readonly bias: boolean }
  | { readonly op: 'add' }
  | { readonly op: 'softmax' };

/** How a kernel or pooling window moves, in pixels; `pads` is [top, left, bottom, right]. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: Padding;
  readonly pads: readonly [number, number, number, number];
}

export type NetworkNode = Operation & {
  readonly name: string;
  /** Names of the nodes whose outputs it takes: two for 'add', none for 'input', else one. */
  readonly inputs: readonly string[];
  /** [height, width, channels] or [units] of the output. */
  readonly shape: readonly number[];
  readonly weights: readonly WeightSpec[];
};

type WeightRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'movingMean' | 'movingVariance';

export interface WeightSpec {
  /** The name TensorFlow.js gives it, such as conv1/kernel. */
  readonly name: string;
  readonly role: WeightRole;
  /** In TensorFlow's layout: conv [height, width, in, out], dense [in, out]. */
  readonly shape: readonly number[];
  /** False for the running statistics, which the forward pass updates instead of the optimizer. */
  readonly trainable: boolean;
}

/** Weights by name, in TensorFlow's layout. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** Number of elements in a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Unrolls an architecture. @throws Error where a layer does not fit the shape that reaches it. */
export function unroll(architecture: Architecture): Network {
  const nodes: NetworkNode[] = [];
  const counts = new Map<string, number>();
  const append = (kind: string, make: (name: string) => NetworkNode): NetworkNode => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const node = make(`${kind}${count}`);
    nodes.push(node);
    return node;
  };
  const follow = (layers: readonly Layer[], from: NetworkNode): NetworkNode =>
    layers.reduce((x, layer) => {
      if (layer.kind !== 'residual') return append(layer.kind, (name) => nodeOf(layer, name, x));
      const branches = [follow(layer.body, x), follow(layer.shortcut ?? [], x)] as const;
      return append('add', (name) => sumOf(...branches, name));
    }, from);
  nodes.push({ op: 'input', name: 'input', inputs: [], shape: architecture.input, weights: [] });
  follow(architecture.layers, nodes[0]!);
  const weights = nodes.flatMap((node) => node.weights);
  const parameters = weights.reduce((sum, weight) => sum + sizeOf(weight.shape), 0);
  return { architecture, nodes, weights, parameters };
}

/** The node that adds the outputs of two others. */
function sumOf(one: NetworkNode, other: NetworkNode, name: string): NetworkNode {
  if (one.shape.join() !== other.shape.join())
    throw new Error(
      `the body and the shortcut of a residual end in ${one.shape.join('x')} and ${other.shape.join('x')}`,
    );
  return { op: 'add', name, inputs: [one.name, other.name], shape: one.shape, weights: [] };
}

/** The node of a layer that follows x. */
function nodeOf(layer: Exclude<Layer, { kind: 'residual' }>, name: string, x: NetworkNode): NetworkNode {
  const { shape } = x;
  const inputs = [x.name];
  const weights: WeightSpec[] = [];
  switch (layer.kind) {
    case 'conv': {
      const { filters, kernel, bias = false } = layer;
      const { window, height, width, channels } = slide(layer, x);
      weights.push(weight(name, 'kernel', [kernel, kernel, channels, filters]));
      if (bias) weights.push(weight(name, 'bias', [filters]));
      return { op: 'conv', filters, bias, ...window, name, inputs, shape: [height, width, filters], weights };
    }
    case 'batchNorm': {
      const { momentum = 0.9, epsilon = 1e-3 } = layer;
      for (const role of ['gamma', 'beta', 'movingMean', 'movingVariance'] as const)
        weights.push(weight(name, role, [shape.at(-1)!]));
      return { op: 'batchNorm', momentum, epsilon, name, inputs, shape, weights };
    }
    case 'relu':
    case 'softmax':
      return { op: layer.kind, name, inputs, shape, weights };
    case 'dropout':
      if (!(layer.rate >= 0 && layer.rate < 1)) throw new Error(`dropout rate ${layer.rate} is not in 0..1`);
      return { op: 'dropout', rate: layer.rate, name, inputs, shape, weights };
    case 'maxPool':
    case 'averagePool': {
      const { window, height, width, channels } = slide({ kernel: layer.size, stride: layer.size, ...layer }, x);
      return { op: layer.kind, ...window, name, inputs, shape: [height, width, channels], weights };
    }
    case 'globalAveragePool':
      return { op: 'globalAveragePool', name, inputs, shape: [maps(x, layer.kind)[2]], weights };
    case 'flatten':
      return { op: 'flatten', name, inputs, shape: [sizeOf(shape)], weights };
    case 'dense': {
      const { units, bias = true } = layer;
      if (shape.length !== 1) throw new Error(`dense after ${x.name}: flatten or pool its ${shape.join('x')} first`);
      weights.push(weight(name, 'kernel', [shape[0]!, units]));
      if (bias) weights.push(weight(name, 'bias', [units]));
      return { op: 'dense', units, bias, name, inputs, shape: [units], weights };
    }
  }
}

const FILE_NAMES: Readonly<Record<WeightRole, string>> = {
  kernel: 'kernel',
  bias: 'bias',
  gamma: 'gamma',
  beta: 'beta',
  movingMean: 'moving_mean',
  movingVariance: 'moving_variance',
};

function weight(node: string, role: WeightRole, shape: readonly number[]): WeightSpec {
  const trainable = role !== 'movingMean' && role !== 'movingVariance';
  return { name: `${node}/${FILE_NAMES[role]}`, role, shape, trainable };
}

/** The shape of a node's maps. */
function maps(x: NetworkNode, kind: string): readonly [number, number, number] {
  const [height, width, channels] = x.shape;
  if (height === undefined || width === undefined || channels === undefined)
    throw new Error(`${kind} needs maps, but ${x.name} gives ${x.shape.join('x')}`);
  return [height, width, channels];
}

/** How a window moves over the maps of x, and the output's size. */
function slide(layer: { kind: string; kernel: number; stride?: number; padding?: Padding }, x: NetworkNode) {
  const [inHeight, inWidth, channels] = maps(x, layer.kind);
  const { kernel, stride = 1, padding = layer.kind.endsWith('Pool') ? 'valid' : 'same' } = layer;
  const [top, bottom, height] = along(inHeight, kernel, stride, padding);
  const [left, right, width] = along(inWidth, kernel, stride, padding);
  if (height < 1 || width < 1) throw new Error(`${layer.kind} of ${kernel} does not fit ${inHeight}x${inWidth}`);
  const window: Window = { kernel, stride, padding, pads: [top, left, bottom, right] };
  return { window, height, width, channels };
}

/** Padding before, padding after and output length along one side, as TensorFlow defines 'same' and 'valid'. */
function along(input: number, kernel: number, stride: number, padding: Padding): [number, number, number] {
  if (padding === 'valid') return [0, 0, Math.floor((input - kernel) / stride) + 1];
  const output = Math.ceil(input / stride);
  const total = Math.max((output - 1) * stride + kernel - input, 0);
  const before = Math.floor(total / 2);
  return [before, total - before, output];
}
