import type { Logger } from '../log.ts';
import type { Notice } from './retraining-words.ts';

/** Where a training tells how it goes. */
export interface NoticeBoard {
  /** Sends an ordinary message. `update` resolves to false where somebody has deleted it. */
  post(notice: Notice): Promise<{ update(notice: Notice): Promise<boolean> }>;
}

/** Platforms bound how often a message may be edited. */
const EDIT_EVERY_MS = 5000;
/** Editing a message older than an hour is bounded more tightly still. */
const FRESH_EVERY_MS = 50 * 60_000;

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
  #editedAt = Number.NEGATIVE_INFINITY;
  #pending: string | undefined;
  #shown: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(board: NoticeBoard, log: Logger) {
    this.#board = board;
    this.#log = log;
  }

  /** Shows this text as soon as it may. Never throws. */
  show(text: string): void {
    this.#pending = text;
    if (this.#timer) return;
    const wait = Math.max(0, this.#editedAt + EDIT_EVERY_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#sending.then(() => this.#send());
    }, wait);
  }

  /** Takes what waits off, and lets what is being sent arrive. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending;
  }

  async #send(): Promise<void> {
    const text = this.#pending;
    if (text === undefined || text === this.#shown) return;
    this.#editedAt = Date.now();
    try {
      if (this.#editedAt - this.#postedAt >= FRESH_EVERY_MS) {
        this.#postedAt = this.#editedAt;
        this.#message = await this.#board.post({ text });
      } else if (this.#message && !(await this.#message.update({ text }))) {
        this.#message = undefined;
      }
      this.#shown = text;
    } catch (error) {
      this.#log.warn({ err: error }, 'the progress of a training could not be shown');
    }
  }
}
