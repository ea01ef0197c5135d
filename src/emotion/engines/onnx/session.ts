import '../../../base/no-telemetry.ts';

import type { InferenceSession } from 'onnxruntime-node';

/**
 * How every session of ours runs: on the CPU, one operation at a time, each spread over the threads. Threads share out
 * small pieces of work and sleep while they wait: as fast on an idle machine, and on a busy one, where a thread may be
 * held up, a training step took a fifth less time (measured), and the processor is free for others while they wait.
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
