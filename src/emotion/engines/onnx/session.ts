import type { InferenceSession } from 'onnxruntime-node';

/**
 * How every session of ours runs: on the CPU, one operation at a time, each spread over the threads. Threads share out
 * small pieces of work and sleep while they wait: as fast on an idle machine, and on a busy one, where a thread may be
 * held up, a training step took a fifth less time (measured) and others get the processor meanwhile.
 */
export function sessionOptions(threads?: number): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
    extra: { session: { dynamic_block_base: '4', intra_op: { allow_spinning: '0' } } },
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  };
}

/** Channels-last inputs as channels-first; with one channel both are the same and nothing is copied. */
export function channelsFirst(
  x: Float32Array,
  count: number,
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  if (channels === 1) return x;
  const pixels = height * width;
  const out = new Float32Array(x.length);
  for (let n = 0; n < count; n++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let channel = 0; channel < channels; channel++)
        out[(n * channels + channel) * pixels + pixel] = x[(n * pixels + pixel) * channels + channel]!;
  return out;
}
