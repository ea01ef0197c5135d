import type { Worker } from 'node:worker_threads';
import { UserError } from '../../base/errors.ts';
import { startThread } from '../../base/workers.ts';
import type { FaceSet } from '../data/face-set.ts';
import { Augmenter, type Batch, type BatchPlan, checkPlan, type Samples } from './augment.ts';
import type { AugmentAnswer, AugmentRequest, AugmentWorkerData } from './augment-worker.ts';

export interface BatchSourceOptions extends BatchPlan {
  readonly set: FaceSet;
  /** set.count * 7 probabilities from a teacher; their share of the targets is teacherWeight. */
  readonly teacher?: Float32Array | undefined;
  /** set.count * 7 targets in place of the labels. */
  readonly targets?: Float32Array | undefined;
  /** Worker threads that make batches ahead of the training; with 0 each batch is made on this thread when it is requested. */
  readonly threads: number;
}

/** An endless supply of epochs over one set. */
export interface BatchSource {
  /** Samples a batch: the requested size, or all of a smaller set. */
  readonly batchSize: number;
  /** Whole batches an epoch. The rest of the shuffled order (fewer than a batch) is left out of that epoch. */
  readonly batchesPerEpoch: number;
  /** The batches of epoch n (from 0), in order, from batch `first` (0) on. One epoch at a time. */
  epoch(n: number, first?: number): AsyncIterable<Batch>;
  /** Ends the threads; a batch being waited for is rejected. */
  close(): Promise<void>;
}

/** Batches that each thread has ready or under way. Three bridge a slow moment, and take less than 2 MB at 64 samples. */
const AHEAD = 3;

/**
 * Batches of a training set, shuffled and augmented anew each epoch, the same whatever the number of threads.
 * @throws UserError 'no-data' if the set is empty; RangeError if the plan is out of bounds
 */
export function createBatchSource({ set, teacher, targets, threads, ...asked }: BatchSourceOptions): BatchSource {
  if (set.count === 0) throw new UserError('no-data', 'There is no row to train on: the Training split is empty.');
  const plan: BatchPlan = { ...asked, batchSize: Math.min(asked.batchSize, set.count) };
  checkPlan(plan);
  const batchesPerEpoch = Math.floor(set.count / plan.batchSize);
  const samples: Samples = { pixels: set.pixels, labels: set.labels, teacher, targets };
  const maker = threads > 0 ? new ThreadedMaker(samples, plan, threads) : inlineMaker(samples, plan);

  async function* epoch(n: number, first = 0): AsyncGenerator<Batch> {
    const ahead: Promise<Batch>[] = [];
    let asked = first;
    for (let index = first; index < batchesPerEpoch; index++) {
      while (asked < batchesPerEpoch && ahead.length < maker.ahead) ahead.push(maker.make(n, asked++));
      yield await ahead.shift()!;
    }
  }
  return { batchSize: plan.batchSize, batchesPerEpoch, epoch, close: () => maker.close() };
}

interface BatchMaker {
  /** How many batches to request ahead. */
  readonly ahead: number;
  make(epoch: number, index: number): Promise<Batch>;
  close(): Promise<void>;
}

function inlineMaker(samples: Samples, plan: BatchPlan): BatchMaker {
  const augmenter = new Augmenter(samples, plan);
  return { ahead: 1, make: async (epoch, index) => augmenter.make(epoch, index), close: async () => {} };
}

interface Waiting {
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

class ThreadedMaker implements BatchMaker {
  readonly ahead: number;
  private readonly workers: Worker[];
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private failure: Error | undefined;

  constructor({ pixels, labels, teacher, targets }: Samples, plan: BatchPlan, threads: number) {
    this.ahead = AHEAD * threads;
    const data: AugmentWorkerData = {
      pixels: shared(pixels),
      labels: shared(labels),
      ...(teacher && { teacher: sharedNumbers(teacher) }),
      ...(targets && { targets: sharedNumbers(targets) }),
      plan,
    };
    this.workers = Array.from({ length: threads }, () => this.start(data));
  }

  private start(data: AugmentWorkerData): Worker {
    const worker = startThread(new URL('./augment-worker.ts', import.meta.url), data);
    worker.on('message', ({ id, batch }: AugmentAnswer) => {
      this.waiting.get(id)?.resolve(batch);
      this.waiting.delete(id);
    });
    worker.on('error', (error) => this.fail(error as Error));
    worker.on('exit', (code) => this.fail(new Error(`The augmentation thread ended with exit code ${code}.`)));
    return worker;
  }

  make(epoch: number, index: number): Promise<Batch> {
    const made = new Promise<Batch>((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      const request: AugmentRequest = { id, epoch, index };
      this.workers[index % this.workers.length]!.postMessage(request);
    });
    // A batch made ahead may never be awaited, since an epoch may be left early. A caller that awaits it still gets the error.
    made.catch(() => {});
    return made;
  }

  async close(): Promise<void> {
    this.fail(new Error('The batch source was closed.'));
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  /** Keeps the first error and rejects all requests with it, present and future ones. */
  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

/** The bytes in shared memory: the same array if it is there already, otherwise a copy. */
function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function sharedNumbers(numbers: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(numbers.byteLength));
  copy.set(numbers);
  return copy;
}
