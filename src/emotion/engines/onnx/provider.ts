import '../../../base/no-telemetry.ts';

import * as ort from 'onnxruntime-node';
import { errorText } from '../../../base/errors.ts';
import type { Provider } from '../engine.ts';
import { GraphBuilder } from './graph.ts';
import { sessionOptions } from './session.ts';

/** Largest rounding error accepted in a sum of 18 products of numbers below 1, also on GPUs that compute with fewer digits. */
const TOLERANCE = 1e-2;
const SIDE = 8;
const CHANNELS = 2;

/** Results of the check, one for each provider. */
const known = new Map<Provider, Promise<string | undefined>>();

/**
 * Why onnxruntime cannot compute with a provider on this machine, as a clause; undefined if it can. A small network is computed
 * with it and on the CPU, and both results must agree.
 */
export function providerTrouble(provider: Provider): Promise<string | undefined> {
  const trouble = known.get(provider) ?? (provider === 'cpu' ? Promise.resolve(undefined) : check(provider));
  known.set(provider, trouble);
  return trouble;
}

async function check(provider: Provider): Promise<string | undefined> {
  try {
    const [expected, found] = [await compute('cpu'), await compute(provider)];
    const apart = Math.max(...expected.map((value, k) => Math.abs(value - found[k]!)));
    return apart < TOLERANCE ? undefined : `what it computes on ${provider} is wrong`;
  } catch (error) {
    return withoutSourcePlace(errorText(error));
  }
}

/** onnxruntime's error message without the place in its source code. */
function withoutSourcePlace(message: string): string {
  if (/adapter/i.test(message)) return 'there is no graphics card with a driver that it can use';
  if (/shared library|not available|no available backend/i.test(message)) return 'its libraries are not installed';
  return message.split('\n')[0]!.slice(0, 200);
}

/** Runs every kind of operation that the networks use, on a picture of waves. */
async function compute(provider: Provider): Promise<Float32Array> {
  const graph = new GraphBuilder();
  const x = graph.input('x', ['n', CHANNELS, SIDE, SIDE]);
  const kernel = graph.tensor(waves(CHANNELS * CHANNELS * 9, 2), [CHANNELS, CHANNELS, 3, 3]);
  const maps = graph.node('Relu', [graph.node('Conv', [x, kernel], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]);
  const pooled = graph.node('MaxPool', [maps], { kernel_shape: [2, 2], strides: [2, 2] });
  const mean = graph.node('GlobalAveragePool', [pooled]);
  graph.output('y', ['n', CHANNELS, 1, 1], mean);
  const options = { ...sessionOptions(1, provider), logSeverityLevel: 4 as const };
  const session = await ort.InferenceSession.create(graph.encode('probe'), options);
  try {
    const picture = new ort.Tensor('float32', waves(CHANNELS * SIDE ** 2, 1), [1, CHANNELS, SIDE, SIDE]);
    return (await session.run({ x: picture })).y!.data as Float32Array;
  } finally {
    await session.release();
  }
}

function waves(count: number, frequency: number): Float32Array {
  return Float32Array.from({ length: count }, (_, k) => Math.sin(frequency * (k + 1)));
}
