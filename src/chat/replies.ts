import { type Attachment, NO_MESSAGE, type Posted, type Reply } from '../../commands/request.ts';
import type { Answers } from './answers.ts';
import type { Inquiry, SessionOptions } from './inquiry.ts';
import type { Removals } from './removals.ts';
import type { WorkUnderWay } from './work-under-way.ts';

/** Sends replies that are still wanted, and remembers them. */
export class Replies {
  readonly #removals: Removals;
  readonly #answers: Answers;
  readonly #messageOf: SessionOptions['messageOf'];

  constructor(removals: Removals, answers: Answers, messageOf: SessionOptions['messageOf']) {
    this.#removals = removals;
    this.#answers = answers;
    this.#messageOf = messageOf;
  }

  /**
   * Sends a reply, unless the message or picture that it answers is gone. If that is removed while it is sent, the reply is removed
   * too.
   */
  async reply(work: WorkUnderWay, reply: Reply): Promise<Posted> {
    const { inquiry, request } = work;
    const picture = reply.about?.id;
    const source = reply.about && this.#messageOf(reply.about);
    const isUnwanted = () =>
      request.signal.aborted ||
      (inquiry.message !== undefined && this.#removals.has(inquiry.message)) ||
      (reply.about !== undefined && this.#isLost(reply.about));
    if (isUnwanted()) return NO_MESSAGE;
    if ((await inquiry.mayReply?.()) === false) {
      work.giveUp(new Error('another process answers this'));
      return NO_MESSAGE;
    }
    const posted = await work.send(reply);
    if (posted === NO_MESSAGE) return posted;
    if (isUnwanted()) {
      await posted.remove();
      return posted;
    }
    for (const message of new Set([inquiry.message, source])) {
      if (message === undefined) continue;
      const isSpoiler = reply.about?.isSpoiler === true;
      this.#answers.remember(message, { picture: message === source ? picture : undefined, isSpoiler, posted });
    }
    return posted;
  }

  /**
   * What is left of a posted message that is tried again: the pictures that this process has not answered. Somebody may have removed an
   * answer since, so that the platform does not find it.
   * @returns undefined where all of them were answered
   */
  unanswered(inquiry: Inquiry | undefined): Inquiry | undefined {
    const { message, job } = inquiry ?? {};
    if (inquiry === undefined || message === undefined || job?.kind !== 'posted') return inquiry;
    const isOpen = ({ id }: Attachment) => !this.#answers.has(message, id);
    const { attachments } = inquiry.toRequest(new AbortController().signal);
    if (attachments.every(isOpen)) return inquiry;
    if (!attachments.some(isOpen)) return undefined;
    const toRequest = (signal: AbortSignal) => {
      const request = inquiry.toRequest(signal);
      return { ...request, attachments: request.attachments.filter(isOpen) };
    };
    return { ...inquiry, toRequest };
  }

  /** Whether the message that asks is gone, or every picture that came with it. */
  lostAll({ inquiry, request: { attachments } }: WorkUnderWay): boolean {
    if (inquiry.message !== undefined && this.#removals.has(inquiry.message)) return true;
    return attachments.length > 0 && attachments.every((picture) => this.#isLost(picture));
  }

  /** Whether a picture is gone from its message, or was hidden there after it was asked about. */
  #isLost(picture: Attachment): boolean {
    const source = this.#messageOf(picture);
    if (source === undefined) return false;
    return (
      this.#removals.has(source, picture.id) || (picture.isSpoiler !== true && this.#removals.isHidden(picture.id))
    );
  }
}
