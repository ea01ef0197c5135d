/** The status of a training, for metrics. */
export interface TrainingFigures {
  readonly running: boolean;
  /** How many epochs have ended, and how many there will be at most. */
  readonly epoch: number;
  readonly epochs: number;
  /** Accuracy on PublicTest after the last epoch, 0..1; absent before the first one has ended. */
  readonly accuracy?: number;
}

/** What is queried on each request for metrics. */
export interface Sources {
  readonly queue: {
    /** How many photos wait for their turn, and how many are under way. */
    readonly waiting: number;
    readonly running: number;
    /** How long the oldest has waited, in milliseconds; 0 where none waits. */
    readonly oldestMs: number;
  };
  /** @returns undefined where nothing was ever trained */
  training(): Promise<TrainingFigures | undefined>;
  /** Whether each part that is needed for answering is ready: the network, each chat, the store of settings. */
  parts(): Promise<Readonly<Record<string, boolean>>>;
}
