import { parentPort, workerData } from 'node:worker_threads';
import { shuffledOrder } from '../../base/random.ts';
import { augmentBatch, type Batch, type BatchPlan, type Samples } from './augment.ts';

/** What the thread is started with. The samples lie in shared memory. */
export interface AugmentWorkerData extends Samples {
  readonly plan: BatchPlan;
}

/** Which batch to make next. Answered by an AugmentAnswer with the same id. */
export interface AugmentRequest {
  readonly id: number;
  readonly epoch: number;
  readonly index: number;
}

export interface AugmentAnswer {
  readonly id: number;
  readonly batch: Batch;
}

const { plan, ...samples } = workerData as AugmentWorkerData;
const port = parentPort!;
let order: Uint32Array = new Uint32Array(0);
let orderOf = -1;

port.on('message', ({ id, epoch, index }: AugmentRequest) => {
  if (epoch !== orderOf) {
    order = shuffledOrder(samples.labels.length, plan.seed, epoch);
    orderOf = epoch;
  }
  const batch = augmentBatch(samples, order, plan, epoch, index);
  const answer: AugmentAnswer = { id, batch };
  port.postMessage(answer, [batch.x.buffer, batch.y.buffer]);
});
