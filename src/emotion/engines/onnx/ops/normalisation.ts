import type { GraphBuilder, Value } from '../graph.ts';
import type { Emitted, NodeOf, OpContext } from './op.ts';

/**
 * Batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) over all but the channel dimension; x [n, c, h, w] or
 * [n, c]. Training uses the batch's own mean and (biased) variance, and updates the running statistics with them.
 */
export function emitBatchNorm(context: OpContext, node: NodeOf<'batchNorm'>, x: Value): Emitted {
  const { graph, batchSize } = context;
  const name = (weight: string) => `${node.name}/${weight}`;
  const gamma = context.weight(name('gamma'));
  const beta = context.weight(name('beta'));
  const runningMean = context.weight(name('moving_mean'));
  const runningVariance = context.weight(name('moving_variance'));
  const epsilon = { epsilon: { float: node.epsilon } };
  if (batchSize === undefined) {
    context.observe?.(node, x);
    const output = graph.node('BatchNormalization', [x, gamma, beta, runningMean, runningVariance], epsilon);
    return { output, backward: () => fail() };
  }

  const channels = node.shape.at(-1)!;
  const count = graph.scalar((batchSize * node.shape.reduce((a, b) => a * b, 1)) / channels);
  const sum = (value: Value) =>
    node.shape.length === 3
      ? channelSum(graph, value)
      : graph.node('ReduceSum', [value, graph.ints(0)], { keepdims: 0 });
  const mean = graph.node('Div', [sum(x), count]);
  // Two operations, since onnxruntime's ReduceSumSquare takes longer than both together (measured).
  const meanSquare = graph.node('Div', [sum(graph.node('Mul', [x, x])), count]);
  // The difference of two rounded numbers can come out a little below zero where a channel hardly varies.
  const spread = graph.node('Sub', [meanSquare, graph.node('Mul', [mean, mean])]);
  const variance = graph.node('Max', [spread, graph.scalar(0)]);
  const output = graph.node('BatchNormalization', [x, gamma, beta, mean, variance], epsilon);
  context.update(name('moving_mean'), move(graph, runningMean, mean, node.momentum));
  context.update(name('moving_variance'), move(graph, runningVariance, variance, node.momentum));

  return {
    output,
    /**
     * With xh = (x - mean) * r, r = 1 / sqrt(variance + epsilon):
     * dgamma = sum(dy * xh), dbeta = sum(dy), dx = gamma * r * (dy - dbeta / count - xh * dgamma / count).
     * The last line is written as gamma * r * dy + slope * x + shift, with a slope and a shift per channel.
     */
    backward(gradient) {
      const deviation = graph.node('Sqrt', [graph.node('Add', [variance, graph.scalar(node.epsilon)])]);
      const r = graph.node('Reciprocal', [deviation]);
      const dBeta = sum(gradient);
      const along = sum(graph.node('Mul', [gradient, x]));
      const centred = graph.node('Sub', [along, graph.node('Mul', [mean, dBeta])]);
      const dGamma = graph.node('Mul', [centred, r]);
      const scale = graph.node('Mul', [gamma, r]);
      const scaleByCount = graph.node('Div', [scale, count]);
      const slope = graph.node('Neg', [graph.node('Mul', [scaleByCount, graph.node('Mul', [r, dGamma])])]);
      const shift = graph.node('Neg', [
        graph.node('Add', [graph.node('Mul', [scaleByCount, dBeta]), graph.node('Mul', [slope, mean])]),
      ]);
      // A batch normalisation with mean 0 and variance 1 scales and shifts in one pass.
      const zeros = graph.tensor(new Float32Array(channels), [channels]);
      const ones = graph.tensor(new Float32Array(channels).fill(1), [channels]);
      const scaled = graph.node('BatchNormalization', [gradient, scale, shift, zeros, ones], {
        epsilon: { float: 1e-12 },
      });
      const perChannel = node.shape.length === 3 ? [channels, 1, 1] : [channels];
      const sloped = graph.node('Mul', [x, graph.node('Reshape', [slope, graph.ints(...perChannel)])]);
      return {
        input: graph.node('Add', [scaled, sloped]),
        weights: { [name('gamma')]: dGamma, [name('beta')]: dBeta },
      };
    },
  };
}

/**
 * Sums over batch, height and width, [n, c, h, w] to [c]. Each map is summed first: in onnxruntime this is faster than one sum
 * over all three (measured).
 */
export function channelSum(graph: GraphBuilder, maps: Value): Value {
  const ofMaps = graph.node('ReduceSum', [maps, graph.ints(2, 3)], { keepdims: 0 });
  return graph.node('ReduceSum', [ofMaps, graph.ints(0)], { keepdims: 0 });
}

/** momentum * running + (1 - momentum) * batch */
function move(graph: GraphBuilder, running: Value, batch: Value, momentum: number): Value {
  const kept = graph.node('Mul', [running, graph.scalar(momentum)]);
  return graph.node('Add', [kept, graph.node('Mul', [batch, graph.scalar(1 - momentum)])]);
}

function fail(): never {
  throw new Error('an inference graph has no gradients');
}
