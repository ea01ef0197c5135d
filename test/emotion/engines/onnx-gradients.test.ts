import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../src/emotion/architectures.ts';
import { channelsFirst, onnxShape, toOnnx } from '../../../src/emotion/engines/onnx/layout.ts';
import { findChannelBlock } from '../../../src/emotion/engines/onnx/ops/blocked-conv.ts';
import { sessionOptions } from '../../../src/emotion/engines/onnx/session.ts';
import { gradientName, trainingGraph } from '../../../src/emotion/engines/onnx/training-graph.ts';
import { type Network, sizeOf } from '../../../src/emotion/network.ts';
import { numbers, smallNetwork, softTargets, someWeights } from '../../helpers/networks.ts';

const BATCH = 4;
/** Small enough for the third derivative, large enough for float32: errors of about 1e-3 of the largest gradient. */
const STEP = 1e-3;
/** Slopes to either side that differ by more than this share of the largest gradient mean a kink (of a ReLU or a maximum) between them. */
const KINK = 0.05;

/**
 * Every layer stands behind a convolution with a bias, so that its input's gradient shows in that layer's weights, and
 * before a dense layer.
 */
const CASES: Record<string, readonly Layer[]> = {
  'conv 3x3 same': [{ kind: 'conv', filters: 3, kernel: 3 }],
  'conv 5x5 valid with bias': [{ kind: 'conv', filters: 2, kernel: 5, padding: 'valid', bias: true }],
  'conv 3x3 same, stride 2': [{ kind: 'conv', filters: 3, kernel: 3, stride: 2 }],
  'conv 2x2 valid, stride 2, leaving a column over': [
    { kind: 'conv', filters: 3, kernel: 2, stride: 2, padding: 'valid' },
  ],
  'conv 1x1, stride 2': [{ kind: 'conv', filters: 3, kernel: 1, stride: 2, bias: true }],
  'conv 4x4 same (uneven padding)': [{ kind: 'conv', filters: 2, kernel: 4 }],
  'batch norm of maps': [{ kind: 'conv', filters: 3, kernel: 2 }, { kind: 'relu' }, { kind: 'batchNorm' }],
  'batch norm of vectors': [
    { kind: 'relu' },
    { kind: 'globalAveragePool' },
    { kind: 'dense', units: 5, bias: false },
    { kind: 'batchNorm' },
    { kind: 'dense', units: 4 },
  ],
  relu: [{ kind: 'relu' }],
  'max pool 2/2': [{ kind: 'maxPool', size: 2 }],
  'max pool 3/2 (overlapping), valid': [{ kind: 'maxPool', size: 3, stride: 2 }],
  'max pool 3/2 (overlapping), same': [{ kind: 'maxPool', size: 3, stride: 2, padding: 'same' }],
  'max pool 3/1 same': [{ kind: 'maxPool', size: 3, stride: 1, padding: 'same' }],
  'average pool 2/2': [{ kind: 'averagePool', size: 2 }],
  'average pool 3/2 (overlapping), valid': [{ kind: 'averagePool', size: 3, stride: 2 }],
  'average pool 3/2 (overlapping), same': [{ kind: 'averagePool', size: 3, stride: 2, padding: 'same' }],
  'global average pool': [{ kind: 'globalAveragePool' }],
  'residual past two convolutions': [
    {
      kind: 'residual',
      body: [
        { kind: 'conv', filters: 3, kernel: 3 },
        { kind: 'batchNorm' },
        { kind: 'relu' },
        { kind: 'conv', filters: 3, kernel: 3 },
      ],
    },
    { kind: 'relu' },
  ],
  'residual with a shortcut that halves, in a residual': [
    {
      kind: 'residual',
      body: [
        { kind: 'residual', body: [{ kind: 'conv', filters: 3, kernel: 3 }] },
        { kind: 'conv', filters: 4, kernel: 3, stride: 2 },
      ],
      shortcut: [
        { kind: 'averagePool', size: 2, padding: 'same' },
        { kind: 'conv', filters: 4, kernel: 1 },
      ],
    },
  ],
  'dropout of maps': [{ kind: 'dropout', rate: 0.4 }],
  'dense without bias': [{ kind: 'flatten' }, { kind: 'dense', units: 4, bias: false }, { kind: 'dropout', rate: 0.3 }],
};

describe('gradients of the training graph against finite differences', () => {
  for (const [name, layers] of Object.entries(CASES)) {
    test(name, async () => {
      const network = smallNetwork([{ kind: 'conv', filters: 3, kernel: 3, bias: true }, ...layers]);
      await checkGradients(network, 0);
    });
  }

  // Which way a kernel gradient is computed depends on the size of the maps and the number of channels.
  for (const [channels, kernel, side] of [
    [2, 3, 12],
    [9, 3, 12],
    [3, 5, 11],
    [9, 3, 4],
  ] as const)
    test(`kernel gradients of ${kernel}x${kernel} kernels on ${channels} maps of ${side}x${side + 1}`, async () => {
      const network = smallNetwork(
        [
          { kind: 'conv', filters: channels, kernel: 3 },
          { kind: 'conv', filters: 2, kernel },
          { kind: 'averagePool', size: 4 },
        ],
        [side, side + 1, 1],
      );
      await checkGradients(network, 0);
    });

  // Many channels are convolved by Winograd's transforms on small maps, and by blocks of channels on larger ones.
  for (const [channels, side, channelBlock] of [
    [32, 4, 0],
    [16, 12, 0],
    [16, 12, 16],
  ] as const)
    test(`conv 3x3 of ${channels} channels on ${side}x${side + 1}, blocks of ${channelBlock}`, async ({ skip }) => {
      if (channelBlock !== 0 && channelBlock !== (await findChannelBlock())) skip('not the blocks of this processor');
      const network = smallNetwork(
        [
          { kind: 'conv', filters: channels, kernel: 3 },
          { kind: 'batchNorm' },
          { kind: 'conv', filters: channels, kernel: 3, bias: true },
          { kind: 'relu' },
          { kind: 'averagePool', size: 4 },
        ],
        [side, side + 1, 1],
      );
      await checkGradients(network, 0, channelBlock);
    });

  test('the weight penalty', async () => {
    await checkGradients(smallNetwork([{ kind: 'conv', filters: 3, kernel: 3, bias: true }]), 0.3);
  });
});

/** Compares every weight's gradient with the loss's slope, at up to twelve places of each weight. */
async function checkGradients(network: Network, weightDecay: number, channelBlock = 0): Promise<void> {
  const graph = trainingGraph(
    network,
    {
      batchSize: BATCH,
      optimizer: { kind: 'sgd', momentum: 0, nesterov: false },
      weightDecay,
      clipNorm: 0,
      averageDecay: 0,
      channelBlock,
    },
    true,
  );
  const session = await ort.InferenceSession.create(graph.model, sessionOptions(1));
  const weights = someWeights(network);
  const [height, width, channels] = network.architecture.input;
  const x = channelsFirst(numbers(BATCH * height * width * channels, 3), BATCH, network.architecture.input);
  const feeds: Record<string, ort.Tensor> = {
    x: new ort.Tensor('float32', x, [BATCH, channels, height, width]),
    y: new ort.Tensor('float32', softTargets(BATCH, 3), [BATCH, 3]),
    learningRate: new ort.Tensor('float32', Float32Array.of(0), []),
  };
  for (const mask of graph.masks) {
    const data = numbers(sizeOf(mask.shape), 9).map((value) => (value < mask.rate - 0.5 ? 0 : 1 / (1 - mask.rate)));
    feeds[mask.name] = new ort.Tensor('float32', data, mask.shape);
  }
  for (const entry of graph.state) {
    const data = entry.kind === 'weight' ? toOnnx(entry.spec, weights.get(entry.spec.name)!) : undefined;
    feeds[entry.name] = new ort.Tensor('float32', data ?? new Float32Array(sizeOf(entry.shape)), entry.shape);
  }

  const analytic = await session.run(feeds);
  const penalty = (data: Float32Array) => (weightDecay / 2) * data.reduce((sum, value) => sum + value * value, 0);
  for (const spec of network.weights.filter((weight) => weight.trainable)) {
    const gradient = analytic[gradientName(spec.name)]!.data as Float32Array;
    const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, `${spec.name}: the loss must depend on it`).toBeGreaterThan(1e-4);
    const penalised = spec.role === 'kernel';
    const lossAt = async (index: number, shift: number) => {
      const data = toOnnx(spec, weights.get(spec.name)!);
      data[index]! += shift;
      const shifted = { ...feeds, [spec.name]: new ort.Tensor('float32', data, onnxShape(spec)) };
      const { loss } = await session.run(shifted, ['loss']);
      return (loss!.data as Float32Array)[0]! + (penalised ? penalty(data) : 0);
    };
    const stride = Math.max(1, Math.floor(gradient.length / 12));
    const places = Array.from({ length: Math.ceil(gradient.length / stride) }, (_, k) => k * stride);
    let kinks = 0;
    for (const k of places) {
      const [below, here, above] = [await lossAt(k, -STEP), await lossAt(k, 0), await lossAt(k, STEP)];
      if (Math.abs(above - 2 * here + below) / STEP > KINK * largest + 1e-3) {
        kinks++;
        continue;
      }
      const slope = (above - below) / (2 * STEP);
      expect(Math.abs(slope - gradient[k]!), `${spec.name}[${k}]: ${gradient[k]} against ${slope}`).toBeLessThan(
        0.02 * largest + 5e-4,
      );
    }
    expect(kinks, `${spec.name}: places left out`).toBeLessThanOrEqual(places.length / 2);
  }
}
