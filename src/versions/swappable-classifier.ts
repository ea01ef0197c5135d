import type { Classifier, Reading } from '../emotion/classifier.ts';

/** A classifier, the calls under way in it, and whether it has been replaced. */
interface Held {
  readonly classifier: Classifier;
  calls: number;
  retired: boolean;
  readonly disposed: PromiseWithResolvers<void>;
}

/** A classifier whose network can be replaced while it answers: a call ends in the network that it began with. */
export class SwappableClassifier implements Classifier {
  #current: Held;

  constructor(first: Classifier) {
    this.#current = hold(first);
  }

  async classify(crops: readonly Uint8Array[]): Promise<Reading[]> {
    const held = this.#current;
    held.calls++;
    try {
      return await held.classifier.classify(crops);
    } finally {
      held.calls--;
      freeIfUnused(held);
    }
  }

  /**
   * Answers with another classifier from now on.
   * @returns when the one before has ended its last call and is freed
   */
  swap(next: Classifier): Promise<void> {
    const before = this.#current;
    this.#current = hold(next);
    return retire(before);
  }

  /** Frees the present classifier once its last call has ended. */
  dispose(): Promise<void> {
    return retire(this.#current);
  }
}

function hold(classifier: Classifier): Held {
  const disposed = withResolvers<void>();
  // Whoever swaps need not wait for the old one; an error is then nobody's, and none of the answers depends on it.
  disposed.promise.catch(() => {});
  return { classifier, calls: 0, retired: false, disposed };
}

function retire(held: Held): Promise<void> {
  if (!held.retired) {
    held.retired = true;
    freeIfUnused(held);
  }
  return held.disposed.promise;
}

function freeIfUnused(held: Held): void {
  if (!held.retired || held.calls > 0) return;
  held.classifier.dispose().then(held.disposed.resolve, held.disposed.reject);
}

/** Promise.withResolvers, which Node 20 lacks. */
interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
