import type { Architecture, Layer, Padding } from './architectures.ts';

/**
 * An architecture unrolled into primitive operations with names, shapes and weights: what both engines, the file
 * format and the parameter count work on. Shapes leave the batch out and are channels-last.
 */
export interface Network {
  readonly architecture: Architecture;
  /** In an order in which every node follows its inputs; the last one is the output. */
  readonly nodes: readonly NetworkNode[];
  /** All weights in node order, in TensorFlow's layout. */
  readonly weights: readonly WeightSpec[];
  /** Numbers that training changes, running statistics included. */
  readonly parameters: number;
}

export type Operation =
  | { readonly op: 'input' }
  | ({ readonly op: 'conv'; readonly filters: number; readonly bias: boolean } & Window)
  | ({ readonly op: 'depthwiseConv'; readonly bias: boolean } & Window)
  | { readonly op: 'batchNorm'; readonly momentum: number; readonly epsilon: number }
  | { readonly op: 'relu' }
  | { readonly op: 'leakyRelu'; readonly slope: number }
  | { readonly op: 'sigmoid' }
  | ({ readonly op: 'maxPool' } & Window)
  | ({ readonly op: 'averagePool' } & Window)
  | { readonly op: 'globalAveragePool' }
  | { readonly op: 'flatten' }
  | { readonly op: 'dropout'; readonly rate: number }
  | { readonly op: 'dense'; readonly units: number; readonly bias: boolean }
  /** Sum of two inputs of one shape. */
  | { readonly op: 'add' }
  /** inputs [maps, gate]: every channel of the maps times its number in the gate. */
  | { readonly op: 'channelScale' }
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
  readonly inputs: readonly string[];
  /** [height, width, channels] or [units] of the output. */
  readonly shape: readonly number[];
  readonly weights: readonly WeightSpec[];
};

export type WeightRole = 'kernel' | 'depthwiseKernel' | 'bias' | 'gamma' | 'beta' | 'movingMean' | 'movingVariance';

export interface WeightSpec {
  /** The name TensorFlow.js gives it, such as conv1/kernel. */
  readonly name: string;
  readonly role: WeightRole;
  /** In TensorFlow's layout: conv [height, width, in, out], depthwise [height, width, in, 1], dense [in, out]. */
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
  const builder = new NetworkBuilder();
  const input = builder.add({ op: 'input' }, [], architecture.input);
  builder.layers(architecture.layers, input);
  const weights = builder.nodes.flatMap((node) => node.weights);
  const parameters = weights.reduce((sum, weight) => sum + sizeOf(weight.shape), 0);
  return { architecture, nodes: builder.nodes, weights, parameters };
}

class NetworkBuilder {
  readonly nodes: NetworkNode[] = [];
  private readonly counts = new Map<string, number>();

  /** Appends the layers one after the other. */
  layers(layers: readonly Layer[], from: NetworkNode): NetworkNode {
    return layers.reduce((node, layer) => this.layer(layer, node), from);
  }

  add(
    operation: Operation,
    inputs: readonly NetworkNode[],
    shape: readonly number[],
    weights: (name: string) => WeightSpec[] = () => [],
  ): NetworkNode {
    const count = (this.counts.get(operation.op) ?? 0) + 1;
    this.counts.set(operation.op, count);
    const name = operation.op === 'input' ? 'input' : `${operation.op}${count}`;
    const node = { ...operation, name, inputs: inputs.map((input) => input.name), shape, weights: weights(name) };
    this.nodes.push(node);
    return node;
  }

  private layer(layer: Layer, x: NetworkNode): NetworkNode {
    switch (layer.kind) {
      case 'conv': {
        const { window, height, width, channels } = slide(layer, x);
        return this.add(
          { op: 'conv', filters: layer.filters, bias: layer.bias ?? false, ...window },
          [x],
          [height, width, layer.filters],
          (name) => [
            weight(name, 'kernel', [layer.kernel, layer.kernel, channels, layer.filters]),
            ...(layer.bias ? [weight(name, 'bias', [layer.filters])] : []),
          ],
        );
      }
      case 'depthwiseConv': {
        const { window, height, width, channels } = slide(layer, x);
        return this.add(
          { op: 'depthwiseConv', bias: layer.bias ?? false, ...window },
          [x],
          [height, width, channels],
          (name) => [
            weight(name, 'depthwiseKernel', [layer.kernel, layer.kernel, channels, 1]),
            ...(layer.bias ? [weight(name, 'bias', [channels])] : []),
          ],
        );
      }
      case 'batchNorm': {
        const channels = [x.shape.at(-1)!];
        return this.add(
          { op: 'batchNorm', momentum: layer.momentum ?? 0.9, epsilon: layer.epsilon ?? 1e-3 },
          [x],
          x.shape,
          (name) =>
            (['gamma', 'beta', 'movingMean', 'movingVariance'] as const).map((role) => weight(name, role, channels)),
        );
      }
      case 'relu':
      case 'softmax':
        return this.add({ op: layer.kind }, [x], x.shape);
      case 'leakyRelu':
        return this.add({ op: 'leakyRelu', slope: layer.slope }, [x], x.shape);
      case 'dropout':
        if (!(layer.rate >= 0 && layer.rate < 1)) throw new Error(`dropout rate ${layer.rate} is not in 0..1`);
        return this.add({ op: 'dropout', rate: layer.rate }, [x], x.shape);
      case 'maxPool':
      case 'averagePool': {
        const { window, height, width, channels } = slide({ kernel: layer.size, stride: layer.size, ...layer }, x);
        return this.add({ op: layer.kind, ...window }, [x], [height, width, channels]);
      }
      case 'globalAveragePool':
        return this.add({ op: 'globalAveragePool' }, [x], [maps(x, layer.kind)[2]]);
      case 'flatten':
        return this.add({ op: 'flatten' }, [x], [sizeOf(x.shape)]);
      case 'dense':
        return this.dense(x, layer.units, layer.bias ?? true);
      case 'residual': {
        const body = this.layers(layer.body, x);
        const shortcut = this.layers(layer.shortcut ?? [], x);
        if (body.shape.join() !== shortcut.shape.join())
          throw new Error(`residual: the body gives ${body.shape.join('x')}, the shortcut ${shortcut.shape.join('x')}`);
        return this.add({ op: 'add' }, [body, shortcut], body.shape);
      }
      case 'squeezeExcite': {
        const channels = maps(x, layer.kind)[2];
        const means = this.add({ op: 'globalAveragePool' }, [x], [channels]);
        const hidden = this.dense(means, Math.max(1, Math.round(channels / layer.ratio)), true);
        const active = this.add({ op: 'relu' }, [hidden], hidden.shape);
        const gate = this.dense(active, channels, true);
        const open = this.add({ op: 'sigmoid' }, [gate], gate.shape);
        return this.add({ op: 'channelScale' }, [x, open], x.shape);
      }
    }
  }

  private dense(x: NetworkNode, units: number, bias: boolean): NetworkNode {
    if (x.shape.length !== 1) throw new Error(`dense after ${x.name}: flatten or pool its ${x.shape.join('x')} first`);
    return this.add({ op: 'dense', units, bias }, [x], [units], (name) => [
      weight(name, 'kernel', [x.shape[0]!, units]),
      ...(bias ? [weight(name, 'bias', [units])] : []),
    ]);
  }
}

const FILE_NAMES: Readonly<Record<WeightRole, string>> = {
  kernel: 'kernel',
  depthwiseKernel: 'depthwise_kernel',
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

/** Where a window goes over the maps of x, and the size of what it leaves. */
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
