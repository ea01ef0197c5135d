import type { OptimizerOptions } from '../engine.ts';
import type { GraphBuilder, Value } from './graph.ts';

/** Scalars that change from step to step and come in as inputs. */
export const STEP_INPUTS = {
  learningRate: 'learningRate',
  /** 1 / (1 - beta1^t) and 1 / (1 - beta2^t), Adam's corrections of step t = 1, 2, ... */
  correction1: 'adam.correction1',
  correction2: 'adam.correction2',
  averageDecay: 'averageDecay',
} as const;

/** What an optimizer remembers for each trainable weight. */
export function slotNames(optimizer: OptimizerOptions): readonly string[] {
  return optimizer.kind === 'sgd' ? ['momentum'] : ['m', 'v'];
}

/** Emits a weight's update. @returns the new weight and the new slots, in the order of slotNames */
export function emitUpdate(
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
export function emitClip(graph: GraphBuilder, gradients: Map<string, Value>, limit: number): Map<string, Value> {
  const squares = [...gradients.values()].map((value) => graph.node('ReduceSumSquare', [value], { keepdims: 0 }));
  const norm = graph.node('Sqrt', [graph.node('Sum', squares)]);
  const factor = graph.node('Div', [graph.scalar(limit), graph.node('Max', [norm, graph.scalar(limit)])]);
  return new Map([...gradients].map(([name, value]) => [name, graph.node('Mul', [value, factor])]));
}
