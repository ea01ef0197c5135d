import { parentPort, workerData } from 'node:worker_threads';
import { Augmenter, type Batch, type BatchPlan, type Samples } from './augment.ts';

/** The thread's worker data. The samples are in shared memory. */
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
const augmenter = new Augmenter(samples, plan);

port.on('message', ({ id, epoch, index }: AugmentRequest) => {
  const batch = augmenter.make(epoch, index);
  const answer: AugmentAnswer = { id, batch };
  port.postMessage(answer, [batch.x.buffer, batch.y.buffer]);
});
