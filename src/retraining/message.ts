import type { Logger } from '../base/log.ts';
import type { Notice } from './words.ts';

/** Where a training tells how it goes. */
export interface NoticeBoard {
  /** Sends an ordinary message. `update` resolves to false where somebody has deleted it. */
  post(notice: Notice): Promise<{ update(notice: Notice): Promise<boolean> }>;
}

/** Platforms bound how often a message may be edited. */
const EDIT_EVERY_MS = 5000;
/** Editing a message older than an hour is bounded more tightly still. */
const FRESH_EVERY_MS = 50 * 60_000;
/** What could not be shown is tried again after this long: a platform that is out of reach is so for a while. */
const RETRY_MS = 60_000;

/**
 * A message that follows a training: edited at most every 5 s with the newest text, replaced by a fresh one every 50
 * minutes. Nothing that goes wrong with it reaches the training; one that somebody deleted stays away until it is time for a
 * fresh one.
 */
export class ProgressMessage {
  readonly #board: NoticeBoard;
  readonly #log: Logger;
  #message: { update(notice: Notice): Promise<boolean> } | undefined;
  #postedAt = Number.NEGATIVE_INFINITY;
  /** When the next text may be sent. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #pending: string | undefined;
  #shown: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(board: NoticeBoard, log: Logger) {
    this.#board = board;
    this.#log = log;
  }

  /** Shows this text as soon as it may. Never throws. */
  show(text: string): void {
    this.#pending = text;
    this.#schedule();
  }

  /**
   * Takes what waits off and lets what is being sent arrive; then the message says how it ended. Never rejects.
   * @param last absent where the training goes on without this message
   */
  async close(last?: string): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    const wait = this.#nextAt - Date.now();
    // Where it could not be shown a moment ago, nobody waits for it.
    if (last === undefined || !this.#message || wait > EDIT_EVERY_MS) return;
    await new Promise((done) => setTimeout(done, Math.max(0, wait)));
    await this.#try(() => this.#edit(last));
  }

  /** One text is on its way at a time: a platform that holds one up must not get those of meanwhile all at once. */
  #schedule(): void {
    if (this.#timer || this.#sending || this.#closed || this.#pending === this.#shown) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#sending = this.#send(this.#pending!).finally(() => {
          this.#sending = undefined;
          this.#schedule();
        });
      },
      Math.max(0, this.#nextAt - Date.now()),
    );
  }

  async #send(text: string): Promise<void> {
    await this.#try(async () => {
      const now = Date.now();
      if (now - this.#postedAt < FRESH_EVERY_MS) return await this.#edit(text);
      this.#message = await this.#board.post({ text });
      this.#postedAt = now;
      this.#shown = text;
    });
  }

  async #edit(text: string): Promise<void> {
    if (this.#message && !(await this.#message.update({ text }))) this.#message = undefined;
    this.#shown = text;
  }

  async #try(sending: () => Promise<void>): Promise<void> {
    try {
      await sending();
      this.#nextAt = Date.now() + EDIT_EVERY_MS;
    } catch (error) {
      this.#nextAt = Date.now() + RETRY_MS;
      this.#log.warn({ err: error }, 'the progress of a training could not be shown');
    }
  }
}
