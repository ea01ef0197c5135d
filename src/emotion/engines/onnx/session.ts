import type { InferenceSession } from 'onnxruntime-node';

/** How every session of ours runs: on the CPU, one operation at a time, each spread over the threads. */
export function sessionOptions(threads?: number): InferenceSession.SessionOptions {
  return {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
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
