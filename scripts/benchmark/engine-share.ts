import { Random } from '../../src/base/random.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../src/emotion/labels.ts';
import { unroll } from '../../src/emotion/network.ts';
import type { FaceSet } from '../../src/training/data/face-set.ts';
import { createBatchSource } from '../../src/training/run/batch-source.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { optimizerOf, trainingPlan } from '../../src/training/run/plan.ts';
import type { TrainingBenchmark } from './training.ts';

/** Steps before the clock starts: the first ones build the graph and fill the queue of batches. */
const WARM_UP = 5;

/**
 * The share of a training's time in which the engine computes, 0..1; the rest is waiting for augmented batches. Measured
 * on the onnx engine with the default recipe, its augmentation on one thread beside it.
 */
export async function engineShare(benchmark: TrainingBenchmark): Promise<number> {
  const { architecture, batch, threads, steps, rounds } = benchmark;
  const network = unroll(architecture);
  const plan = trainingPlan({ architecture: architecture.name, batchSize: batch });
  const counted = steps * rounds;
  const source = createBatchSource({
    set: noise((counted + WARM_UP) * batch),
    batchSize: batch,
    seed: plan.seed,
    augmentation: plan.augmentation,
    labelSmoothing: plan.labelSmoothing,
    threads: 1,
  });
  const session = await createOnnxEngine({ threads }).trainer(network, initialWeights(network, 1), {
    batchSize: batch,
    optimizer: optimizerOf(plan),
    weightDecay: plan.weightDecay,
    clipNorm: plan.clipNorm,
    averageDecay: plan.averageDecay,
    seed: plan.seed,
  });
  let computing = 0;
  let start = 0;
  for await (const next of source.epoch(0)) {
    if (next.index === WARM_UP) start = performance.now();
    const before = performance.now();
    await session.step(next, 0.01);
    if (next.index >= WARM_UP) computing += performance.now() - before;
  }
  const share = computing / (performance.now() - start);
  await session.dispose();
  await source.close();
  return share;
}

/** Faces of noise: what augmentation costs does not depend on what is in them. */
function noise(count: number): FaceSet {
  const random = new Random(2);
  const pixels = new Uint8Array(new SharedArrayBuffer(count * FACE_PIXELS)).map(() => random.below(256));
  const labels = Uint8Array.from({ length: count }, (_, k) => k % EMOTIONS.length);
  const line = new Uint32Array(count);
  return { count, pixels, labels, rows: { files: ['noise'], file: new Uint16Array(count), line, index: line } };
}
