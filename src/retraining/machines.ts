/** How far the training under way is, on whichever machine. It carries neither names nor a channel. */
export interface Standing {
  /** The training's id. */
  readonly job: string;
  readonly architecture: string;
  /** The epoch under way, from 1, and how many there are; absent before the first. */
  readonly epoch?: number;
  readonly epochs?: number;
}

/** The right to train, which only one machine has at a time. It ends if it is not renewed. */
export interface Lease {
  /** Aborted once another machine may have the right: the training has to pause. */
  readonly lost: AbortSignal;
  /** Gives the right back. Never rejects: a lease that cannot be given back expires by itself. */
  release(): Promise<void>;
}

/** A group of machines, one of which may train at a time. */
export interface Machines {
  /**
   * Takes the right to train. It is renewed until it is released, and expires soon after its machine dies. A training that had the right
   * can take it again, since it is bound to the training's id.
   * @param options.standing what other machines are told; called at each renewal
   * @param options.onCancel called once another machine cancels the training
   * @returns undefined where another training has the right
   * @throws UserError 'busy' where Redis does not answer
   */
  claim(
    job: string,
    options: { readonly standing: () => Standing; readonly onCancel: () => void },
  ): Promise<Lease | undefined>;
  /** The training under way; undefined where there is none. @throws as `claim` does */
  current(): Promise<Standing | undefined>;
  /** Cancels the training under way. @returns false where there is none @throws as `claim` does */
  cancel(): Promise<boolean>;
  close(): Promise<void>;
}
