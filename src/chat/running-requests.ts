interface Running<About> {
  readonly controller: AbortController;
  readonly about: About;
}

/** The requests that a platform is having answered, each with what it has to know to give them up one by one. */
export class RunningRequests<About> {
  readonly #running = new Map<Promise<void>, Running<About>>();

  /**
   * Counts a request as running until its answer has ended.
   * @param controller aborts it
   */
  add(answer: Promise<void>, controller: AbortController, about: About): void {
    const running = answer.finally(() => this.#running.delete(running));
    this.#running.set(running, { controller, about });
  }

  /** Aborts those that `which` picks. */
  giveUp(which: (about: About) => boolean, reason: unknown): void {
    for (const { controller, about } of this.#running.values()) if (which(about)) controller.abort(reason);
  }

  /**
   * Waits for what runs.
   * @param deadline once aborted, all of it is given up and not waited for any more
   * @param also what must have ended as well
   */
  async end(deadline: AbortSignal, also?: Promise<void>): Promise<void> {
    const all = Promise.all([also, ...this.#running.keys()]);
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        this.giveUp(() => true, deadline.reason);
        resolve();
      };
      if (deadline.aborted) giveUp();
      deadline.addEventListener('abort', giveUp, { once: true });
      all.then(() => resolve(), reject).finally(() => deadline.removeEventListener('abort', giveUp));
    });
  }
}
