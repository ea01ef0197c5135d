/** How a training stands, as far as figures tell. */
export interface TrainingFigures {
  readonly running: boolean;
  /** Epochs that have ended, and how many there will be at most. */
  readonly epoch: number;
  readonly epochs: number;
  /** Share of PublicTest that the last epoch read right, 0..1; absent before the first one has ended. */
  readonly accuracy?: number;
}

/** What is asked whenever somebody looks. */
export interface Sources {
  readonly queue: {
    /** Photos that wait for their turn, and those under way. */
    readonly waiting: number;
    readonly running: number;
    /** Milliseconds that the oldest has waited; 0 where none waits. */
    readonly oldestMs: number;
  };
  /** @returns undefined where nothing was ever trained */
  training(): Promise<TrainingFigures | undefined>;
  /** Each part that answering takes, and whether it is there: the network, each chat, the store of settings. */
  parts(): Promise<Readonly<Record<string, boolean>>>;
}
