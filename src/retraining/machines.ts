/** How the training stands that is under way, on whichever machine. No names, no channel. */
export interface Standing {
  /** The training's id. */
  readonly job: string;
  readonly architecture: string;
  /** The epoch under way, from 1, and how many there are; absent before the first. */
  readonly epoch?: number;
  readonly epochs?: number;
}

/** The right to be the one training among all machines, as long as it lasts. */
export interface Lease {
  /** Fires once another machine may have the right: the training has to pause. */
  readonly lost: AbortSignal;
  /** Lets other machines have it. Never rejects: what cannot be given back runs out by itself. */
  release(): Promise<void>;
}

/** Machines of which one trains at a time. */
export interface Machines {
  /**
   * Takes the right to train. It is renewed until it is released, and runs out soon after its machine dies; a training has it again
   * by its id.
   * @param options.standing what other machines are told, asked at each renewal
   * @param options.onCancel called once another machine calls the training off
   * @returns undefined where another training has it
   * @throws UserError 'busy' where that cannot be found out
   */
  claim(
    job: string,
    options: { readonly standing: () => Standing; readonly onCancel: () => void },
  ): Promise<Lease | undefined>;
  /** The training that is under way; undefined where there is none. Errors as of `claim`. */
  current(): Promise<Standing | undefined>;
  /** Calls off the training that is under way. @returns false where there is none; errors as of `claim` */
  cancel(): Promise<boolean>;
  close(): Promise<void>;
}
