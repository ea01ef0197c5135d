import '../../../base/no-telemetry.ts';

import type { InferenceSession } from 'onnxruntime-node';
import type { Provider } from '../engine.ts';

/**
 * Options of all sessions: on the CPU by default, one operation at a time, each divided among the threads. Threads take small
 * pieces of work, and sleep while they wait, so that other programs get the processor. On an idle machine this is about as fast as
 * the default. On a busy one, where a thread may be delayed, a training step took a fifth less time (measured).
 */
export function sessionOptions(threads?: number, provider: Provider = 'cpu'): InferenceSession.SessionOptions {
  return {
    // Operations that a GPU provider lacks are computed on the CPU.
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
    extra: { session: { dynamic_block_base: '4', intra_op: { allow_spinning: '0' } } },
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  };
}
