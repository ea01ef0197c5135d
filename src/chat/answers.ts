import QuickLRU from 'quick-lru';
import type { Posted } from '../../commands/request.ts';

/** Messages whose answers are remembered, at least. */
const MAX_MESSAGES = 10_000;

/** An answer of this process that stands in a channel. */
export interface Answer {
  /** The picture of the message that it is about; undefined where it is about all of the message, or a picture elsewhere. */
  readonly picture: string | undefined;
  /** Whether it was hidden as the picture was. */
  readonly isSpoiler: boolean;
  readonly posted: Posted;
}

/** What was answered to which message, so that it can be taken back. */
export class Answers {
  readonly #byMessage = new QuickLRU<string, readonly Answer[]>({ maxSize: MAX_MESSAGES });

  /** The messages that have answers. */
  get messages(): string[] {
    return [...this.#byMessage.keys()];
  }

  remember(message: string, answer: Answer): void {
    this.#byMessage.set(message, [...(this.#byMessage.get(message) ?? []), answer]);
  }

  /** Removes and forgets the answers to some messages that are lost. @returns whether there were any */
  async takeBack(messages: readonly string[], isLost: (answer: Answer) => boolean): Promise<boolean> {
    const lost = messages.flatMap((message) => {
      const answers = this.#byMessage.peek(message) ?? [];
      const gone = answers.filter(isLost);
      const kept = answers.filter((answer) => !gone.includes(answer));
      if (kept.length === 0) this.#byMessage.delete(message);
      else if (gone.length > 0) this.#byMessage.set(message, kept);
      return gone;
    });
    await Promise.all(lost.map(({ posted }) => posted.remove()));
    return lost.length > 0;
  }
}
