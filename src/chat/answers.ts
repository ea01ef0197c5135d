import type { Posted } from '../../commands/request.ts';
import { Recent } from './recent.ts';

/** At least this many messages have their answers remembered. */
const MAX_MESSAGES = 10_000;

/** An answer that this process has posted. */
export interface Answer {
  /** Id of the picture in the message that it answers; undefined where it answers the whole message, or a picture of another message. */
  readonly picture: string | undefined;
  /** Whether the answer was hidden behind a click, because the picture was. */
  readonly isSpoiler: boolean;
  readonly posted: Posted;
}

/** Remembers which answers belong to which message, so that they can be removed. */
export class Answers {
  readonly #byMessage = new Recent<readonly Answer[]>(MAX_MESSAGES);

  /** Answers that were posted until this time may be forgotten, in milliseconds since 1970; 0 where all are remembered. */
  get forgottenUntil(): number {
    return this.#byMessage.forgottenUntil;
  }

  /** The messages that have answers. */
  get messages(): string[] {
    return this.#byMessage.messages;
  }

  remember(message: string, answer: Answer): void {
    this.#byMessage.set(message, [...(this.#byMessage.get(message) ?? []), answer]);
  }

  /** Whether a picture of a message has been answered, and the answer has not been taken back. Somebody else may have removed it. */
  has(message: string, picture: string): boolean {
    return this.#byMessage.get(message)?.some((answer) => answer.picture === picture) === true;
  }

  /** Removes and forgets those answers to the given messages for which `isLost` holds. @returns whether there were any */
  async takeBack(messages: readonly string[], isLost: (answer: Answer) => boolean): Promise<boolean> {
    const lost = messages.flatMap((message) => {
      const answers = this.#byMessage.get(message) ?? [];
      const gone = answers.filter(isLost);
      const kept = answers.filter((answer) => !gone.includes(answer));
      if (kept.length === 0) this.#byMessage.delete(message);
      else if (gone.length > 0) this.#byMessage.change(message, kept);
      return gone;
    });
    await Promise.all(lost.map(({ posted }) => posted.remove()));
    return lost.length > 0;
  }
}
