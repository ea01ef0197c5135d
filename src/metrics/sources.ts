/** The status of a training, for metrics. */
export interface TrainingFigures {
  readonly running: boolean;
  /** How many epochs have ended, and how many there will be at most. */
  readonly epoch: number;
  readonly epochs: number;
  /** Accuracy on PublicTest after the last epoch, 0..1; absent before the first one has ended. */
  readonly accuracy?: number;
}

/** Messages and commands that the bot has written down and has yet to answer, wherever they wait. */
export interface Unanswered {
  readonly count: number;
  /** How long ago work on the oldest began, in milliseconds; 0 where there is none. */
  readonly oldestMs: number;
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
  /** @returns undefined where no journal is kept */
  unanswered(): Promise<Unanswered | undefined>;
  /** Whether each part that is needed for answering is ready: the network, each chat, the store of settings. */
  parts(): Promise<Readonly<Record<string, boolean>>>;
}
