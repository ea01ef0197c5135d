import type { Network, NetworkNode, WeightSpec } from '../../network.ts';
import type { OptimizerOptions, TrainerOptions } from '../engine.ts';
import { emitForward } from './emit.ts';
import { GraphBuilder, type Value } from './graph.ts';
import { onnxShape } from './layout.ts';
import type { OpContext } from './ops/op.ts';

/** A tensor that a step reads as `name`; its new value is the output `nextName(name)`. */
export interface StateTensor {
  readonly name: string;
  readonly spec: WeightSpec;
  readonly shape: readonly number[];
  readonly kind: 'weight' | 'slot' | 'average';
}

export interface TrainingGraph {
  readonly model: Uint8Array;
  readonly state: readonly StateTensor[];
  /** Dropout masks that a step reads, with their full shapes. */
  readonly masks: readonly { readonly name: string; readonly shape: readonly number[]; readonly rate: number }[];
}

/** Names of the inputs and outputs besides the state: x [n, c, h, w] and y [n, classes] in, loss and probabilities out. */
export const TRAINING_ENDS = { x: 'x', y: 'y', loss: 'loss', probabilities: 'probabilities' } as const;

/** The name of the output with a state tensor's new value. */
export function nextName(name: string): string {
  return `${name}>next`;
}

/** The name of the output with a weight's gradient, in a graph made with `withGradients`. */
export function gradientName(name: string): string {
  return `${name}>gradient`;
}

type Options = Pick<TrainerOptions, 'batchSize' | 'optimizer' | 'weightDecay' | 'clipNorm' | 'averageDecay'> & {
  /** Block size, in channels, of this processor's direct convolutions; 0, the default, does without them. */
  readonly channelBlock?: number;
};

/**
 * One training step as an ordinary ONNX graph: forward pass, loss, all gradients and the update. onnxruntime-node cannot train;
 * it only has to run this graph.
 * @param withGradients adds every gradient (with the weight penalty, before clipping) as an output, so that tests can check them
 */
export function trainingGraph(network: Network, options: Options, withGradients = false): TrainingGraph {
  const graph = new GraphBuilder();
  const state: StateTensor[] = [];
  const read = (spec: WeightSpec, kind: StateTensor['kind'], slot = ''): Value => {
    const shape = onnxShape(spec);
    const name = slot ? `${spec.name}/${slot}` : spec.name;
    state.push({ name, spec, shape, kind });
    return graph.input(name, shape);
  };
  for (const spec of network.weights) read(spec, 'weight');

  const masks: { name: string; shape: readonly number[]; rate: number }[] = [];
  const next = new Map<string, Value>();
  const context: OpContext = {
    graph,
    batchSize: options.batchSize,
    channelBlock: options.channelBlock ?? 0,
    weight: (name) => name,
    update: (name, value) => next.set(name, value),
    mask(node: NetworkNode & { op: 'dropout' }) {
      const [height, width, channels] = node.shape;
      const shape = [options.batchSize, ...(node.shape.length === 3 ? [channels!, height!, width!] : node.shape)];
      const name = `${node.name}/mask`;
      masks.push({ name, shape, rate: node.rate });
      return graph.input(name, shape);
    },
  };

  const [height, width, channels] = network.architecture.input;
  const classes = network.nodes.at(-1)!.shape[0]!;
  const x = graph.input(TRAINING_ENDS.x, [options.batchSize, channels, height, width]);
  const y = graph.input(TRAINING_ENDS.y, [options.batchSize, classes]);
  const forward = emitForward(context, network, x);
  const { loss, probabilities, gradient } = emitLoss(graph, forward.logits, y, options.batchSize);
  graph.output(TRAINING_ENDS.loss, [], loss);
  graph.output(TRAINING_ENDS.probabilities, [options.batchSize, classes], probabilities);

  const trainable = network.weights.filter((spec) => spec.trainable);
  const raw = forward.backward(gradient);
  const penalised = new Map(trainable.map((spec) => [spec.name, penalise(graph, spec, raw, options.weightDecay)]));
  if (withGradients)
    for (const spec of trainable) graph.output(gradientName(spec.name), onnxShape(spec), penalised.get(spec.name)!);
  const gradients = options.clipNorm > 0 ? emitClip(graph, penalised, options.clipNorm) : penalised;

  graph.input(STEP_INPUTS.learningRate, []);
  if (options.optimizer.kind === 'adam') {
    graph.input(STEP_INPUTS.correction1, []);
    graph.input(STEP_INPUTS.correction2, []);
  }
  const names = slotNames(options.optimizer);
  for (const spec of trainable) {
    const slots = names.map((slot) => read(spec, 'slot', slot));
    const updated = emitUpdate(graph, options.optimizer, spec.name, gradients.get(spec.name)!, slots);
    next.set(spec.name, updated.weight);
    names.forEach((slot, k) => {
      next.set(`${spec.name}/${slot}`, updated.slots[k]!);
    });
  }
  if (options.averageDecay > 0) {
    graph.input(STEP_INPUTS.averageDecay, []);
    const fresh = graph.node('Sub', [graph.scalar(1), STEP_INPUTS.averageDecay]);
    for (const spec of network.weights) {
      const average = graph.node('Mul', [read(spec, 'average', 'average'), STEP_INPUTS.averageDecay]);
      const added = graph.node('Mul', [next.get(spec.name)!, fresh]);
      next.set(`${spec.name}/average`, graph.node('Add', [average, added]));
    }
  }
  for (const { name, shape } of state) graph.output(nextName(name), shape, next.get(name)!);
  return { model: graph.encode(`${network.architecture.name}-training`), state, masks };
}

/**
 * Softmax and cross-entropy, -sum(target * log(probability)), averaged over the batch. Targets may be soft or weighted, so the
 * sum s of a row need not be 1. The gradient of the logits is (s * probability - target) / batch.
 */
function emitLoss(graph: GraphBuilder, logits: Value, y: Value, batchSize: number) {
  const logs = graph.node('LogSoftmax', [logits], { axis: 1 });
  const probabilities = graph.node('Exp', [logs]);
  const rows = graph.node('ReduceSum', [graph.node('Mul', [y, logs]), graph.ints(1)], { keepdims: 0 });
  const loss = graph.node('Neg', [graph.node('ReduceMean', [rows], { keepdims: 0, axes: [0] })]);
  const sums = graph.node('ReduceSum', [y, graph.ints(1)], { keepdims: 1 });
  const difference = graph.node('Sub', [graph.node('Mul', [probabilities, sums]), y]);
  return { loss, probabilities, gradient: graph.node('Div', [difference, graph.scalar(batchSize)]) };
}

/** Adds the gradient of the weight penalty to the gradient of a kernel. */
function penalise(graph: GraphBuilder, spec: WeightSpec, gradients: Map<string, Value>, decay: number): Value {
  const gradient = gradients.get(spec.name);
  if (gradient === undefined) throw new Error(`${spec.name} has no gradient`);
  if (spec.role !== 'kernel' || decay === 0) return gradient;
  return graph.node('Add', [gradient, graph.node('Mul', [spec.name, graph.scalar(decay)])]);
}

/** Scalars that change at each step, so they are inputs. */
export const STEP_INPUTS = {
  learningRate: 'learningRate',
  /** 1 / (1 - beta1^t) and 1 / (1 - beta2^t): Adam's bias corrections of step t = 1, 2, ... */
  correction1: 'adam.correction1',
  correction2: 'adam.correction2',
  averageDecay: 'averageDecay',
} as const;

/** What an optimizer remembers for each trainable weight. */
function slotNames(optimizer: OptimizerOptions): readonly string[] {
  return optimizer.kind === 'sgd' ? ['momentum'] : ['m', 'v'];
}

/** Emits a weight's update. @returns the new weight and the new slots, in the order of slotNames */
function emitUpdate(
  graph: GraphBuilder,
  optimizer: OptimizerOptions,
  weight: Value,
  gradient: Value,
  slots: readonly Value[],
): { weight: Value; slots: Value[] } {
  const times = (value: Value, factor: number) => graph.node('Mul', [value, graph.scalar(factor)]);
  const descend = (direction: Value) =>
    graph.node('Sub', [weight, graph.node('Mul', [direction, STEP_INPUTS.learningRate])]);
  if (optimizer.kind === 'sgd') {
    const velocity = graph.node('Add', [times(slots[0]!, optimizer.momentum), gradient]);
    const ahead = () => graph.node('Add', [gradient, times(velocity, optimizer.momentum)]);
    return { weight: descend(optimizer.nesterov ? ahead() : velocity), slots: [velocity] };
  }
  const { beta1, beta2, epsilon } = optimizer;
  const square = graph.node('Mul', [gradient, gradient]);
  const m = graph.node('Add', [times(slots[0]!, beta1), times(gradient, 1 - beta1)]);
  const v = graph.node('Add', [times(slots[1]!, beta2), times(square, 1 - beta2)]);
  const corrected = graph.node('Mul', [m, STEP_INPUTS.correction1]);
  const root = graph.node('Sqrt', [graph.node('Mul', [v, STEP_INPUTS.correction2])]);
  const divisor = graph.node('Add', [root, graph.scalar(epsilon)]);
  return { weight: descend(graph.node('Div', [corrected, divisor])), slots: [m, v] };
}

/** All gradients, scaled down together where their common Euclidean norm is above `limit`. */
function emitClip(graph: GraphBuilder, gradients: Map<string, Value>, limit: number): Map<string, Value> {
  const squares = [...gradients.values()].map((value) => graph.node('ReduceSumSquare', [value], { keepdims: 0 }));
  const norm = graph.node('Sqrt', [graph.node('Sum', squares)]);
  const factor = graph.node('Div', [graph.scalar(limit), graph.node('Max', [norm, graph.scalar(limit)])]);
  return new Map([...gradients].map(([name, value]) => [name, graph.node('Mul', [value, factor])]));
}
