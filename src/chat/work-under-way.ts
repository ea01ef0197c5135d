import { PHOTO_COMMAND } from '../../commands/registry.ts';
import type { Posted, Reply, Request } from '../../commands/request.ts';
import type { Job } from '../work/journal.ts';
import type { Inquiry } from './inquiry.ts';

/** A request that is being answered. */
export class WorkUnderWay {
  readonly inquiry: Inquiry;
  readonly request: Request;
  /** Its entry in the journal; absent where it is not about photos, or need not survive the end of the process. */
  readonly job: Job | undefined;
  readonly #controller = new AbortController();
  /** Pictures whose answer could not be sent; '' stands for an answer to all of them. */
  readonly #unsent = new Set<string>();

  /**
   * @param earlier what its request says about earlier runs that began it
   * @param begun when work on it first began, in milliseconds since 1970
   * @throws what `inquiry.toRequest` throws
   */
  constructor(inquiry: Inquiry, earlier: Request['earlier'], begun: number) {
    this.inquiry = inquiry;
    const request = { ...inquiry.toRequest(this.#controller.signal), ...(earlier && { earlier }) };
    const { command, attachments } = request;
    const isAboutPhotos = command === undefined || command.name === PHOTO_COMMAND;
    const files = attachments.map(({ id }) => id);
    this.job = inquiry.job && isAboutPhotos ? { ...inquiry.job, files, begun } : undefined;
    this.request = this.job ? { ...request, tryAgain: () => this.postpone() } : request;
  }

  /** Whether an answer could not be sent, and somebody still waits for it. */
  get isUnsent(): boolean {
    return this.#unsent.size > 0 && !this.request.signal.aborted;
  }

  /** Marks it as unanswered: nothing could be sent yet, and somebody still waits for it. */
  postpone(): void {
    this.#unsent.add('');
  }

  giveUp(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Sends a reply, and remembers whether that failed. */
  async send(reply: Reply): Promise<Posted> {
    const about = reply.about?.id ?? '';
    try {
      const posted = await this.request.reply(reply);
      if (about === '') this.#unsent.clear();
      else this.#unsent.delete(about);
      return posted;
    } catch (error) {
      this.#unsent.add(about);
      throw error;
    }
  }
}
