import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { TrainerOptions } from '../../../src/emotion/engines/engine.ts';
import { findChannelBlock } from '../../../src/emotion/engines/onnx/ops/blocked-conv.ts';
import { trainingGraph } from '../../../src/emotion/engines/onnx/training-graph.ts';
import { startTraining } from '../../../src/emotion/engines/onnx/training-session.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { architecture, largestDifference, randomBatch, randomWeights } from '../networks.ts';

const BATCH = 4;
const OPTIONS: TrainerOptions = {
  batchSize: BATCH,
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true },
  weightDecay: 1e-3,
  clipNorm: 0,
  averageDecay: 0,
  seed: 3,
  threads: 1,
};

/** Convolutions that fill blocks of 16: with a bias, without padding, of 5x5; and one that does not. */
const network = unroll(
  architecture('blocks', [
    { kind: 'conv', filters: 16, kernel: 3 },
    { kind: 'batchNorm' },
    { kind: 'relu' },
    { kind: 'conv', filters: 32, kernel: 3, bias: true },
    { kind: 'relu' },
    { kind: 'conv', filters: 16, kernel: 5, padding: 'valid' },
    { kind: 'batchNorm' },
    { kind: 'relu' },
    { kind: 'conv', filters: 16, kernel: 3, stride: 2 },
    { kind: 'relu' },
    { kind: 'globalAveragePool' },
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ]),
);

async function train(channelBlock: number | undefined) {
  const session = await startTraining(network, randomWeights(network), OPTIONS, channelBlock);
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) losses.push((await session.step(randomBatch(network, BATCH, step), 0.02)).loss);
  const weights = await session.weights();
  await session.dispose();
  return { losses, weights };
}

/** Whether a graph names onnxruntime's operators on blocks. */
function usesBlocks(channelBlock: number): boolean {
  const { model } = trainingGraph(network, { ...OPTIONS, channelBlock });
  return Buffer.from(model).includes('com.microsoft.nchwc');
}

describe('convolutions on blocks of channels', () => {
  test('are in the graph where there are blocks, and nowhere in it where there are none', () => {
    expect(usesBlocks(16)).toBe(true);
    expect(usesBlocks(8)).toBe(true);
    expect(usesBlocks(0)).toBe(false);
  });

  test('are looked for once, and are of a size that onnxruntime has', async () => {
    const block = await findChannelBlock();
    expect([0, 8, 16]).toContain(block);
    expect(await findChannelBlock()).toBe(block);
  });

  test('are found on a processor with AVX2, for which onnxruntime has them', async ({ skip }) => {
    const processor = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
    if (!/\bavx2\b/.test(processor)) skip('another kind of processor');
    expect(await findChannelBlock()).toBeGreaterThan(0);
  });

  test('train as the usual ones do, but for rounding', async ({ skip }) => {
    const block = await findChannelBlock();
    if (block === 0) skip('this processor has no blocks');
    const [blocked, usual, chosen] = [await train(block), await train(0), await train(undefined)];
    expect(largestDifference(blocked.losses, usual.losses)).toBeLessThan(1e-4);
    expect(chosen.losses).toEqual(blocked.losses);
    for (const [name, data] of usual.weights)
      expect(largestDifference(blocked.weights.get(name)!, data), name).toBeLessThan(1e-4);
    expect(usual.losses.at(-1)).not.toBeCloseTo(usual.losses[0]!, 2);
  });
});
