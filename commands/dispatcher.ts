import { randomBytes } from 'node:crypto';
import { UserError, type UserErrorCode } from '../src/base/errors.ts';
import type { Logger } from '../src/base/log.ts';
import type { Command, Options } from './command.ts';
import { checkOptions } from './options.ts';
import { shortName } from './photo-reply.ts';
import { prepare, requireAccess, standsAlone } from './preconditions.ts';
import { type CommandRegistry, PHOTO_COMMAND } from './registry.ts';
import type { Attachment, Reply, Request } from './request.ts';

/** Mistakes that hold for the rest of a message's pictures too: said once, and the rest is left. */
const HOLDS_FOR_ALL: readonly UserErrorCode[] = ['busy', 'cooldown', 'opted-out', 'switched-off'];

/**
 * Takes every request of every platform to its command, once access and preconditions hold. The only place that turns errors into
 * replies: a person's mistake into its sentence, anything else into an id that stands in the log beside the error.
 */
export class Dispatcher {
  readonly #registry: CommandRegistry;
  readonly #log: Logger;

  constructor(registry: CommandRegistry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
  }

  /**
   * Answers a request. Never rejects: platforms call it from event handlers, where nobody would catch it.
   *
   * Several pictures are answered one after the other, so that answers keep the message's order and one message takes
   * one place in the queue; a mistake in one does not keep the others from being answered, unless it holds for all.
   */
  async dispatch(request: Request): Promise<void> {
    await this.#atTheEdge(request, undefined, async () => {
      const { command, options } = this.#resolve(request);
      await requireAccess(request, command, options);
      for (const run of runs(request, command, options)) {
        if (request.signal.aborted) return;
        const error = await this.#atTheEdge(request, run.about, async () => {
          const ready = await prepare(request, command, run.options);
          if (ready !== undefined) await command.run(request, ready);
        });
        if (holdsForAll(error)) return;
      }
    });
  }

  #resolve(request: Request): { readonly command: Command; readonly options: Options } {
    if (request.command === undefined) {
      if (request.attachments.length === 0) {
        throw new UserError('no-picture', 'There is no picture in this message. Post a photo, or type /help.');
      }
      return { command: this.#registry.find(PHOTO_COMMAND), options: {} };
    }
    const command = this.#registry.find(request.command.name);
    return { command, options: checkOptions(command, request.command.input) };
  }

  /** @returns the error that has been explained, if there was one */
  async #atTheEdge(request: Request, about: Attachment | undefined, work: () => Promise<void>): Promise<unknown> {
    try {
      await work();
    } catch (error) {
      // Nobody waits for this answer any more: the message was deleted or the bot is stopping.
      if (!request.signal.aborted) await this.#explain(request, holdsForAll(error) ? undefined : about, error);
      return error;
    }
  }

  async #explain(request: Request, about: Attachment | undefined, error: unknown): Promise<void> {
    const where = { platform: request.platform, request: request.id, command: request.command?.name ?? 'photo' };
    let text: string;
    if (error instanceof UserError) {
      const cause = error.cause === undefined ? {} : { err: error.cause };
      this.#log.info({ ...where, code: error.code, ...cause }, 'a request could not be answered');
      text = error.message;
    } else {
      const errorId = randomBytes(4).toString('hex');
      this.#log.error({ ...where, errorId, err: error }, 'a request failed');
      text = `Something went wrong on my side. Whoever runs me finds it in the log as ${errorId}.`;
    }
    const prefix = about && request.attachments.length > 1 ? `${shortName(about.name)}: ` : '';
    const reply: Reply = { text: `${prefix}${text}`, ...(about ? { about, removable: true } : { private: true }) };
    try {
      await request.reply(reply);
    } catch (replyError) {
      if (!request.signal.aborted) this.#log.error({ ...where, err: replyError }, 'a reply could not be sent');
    }
  }
}

function holdsForAll(error: unknown): boolean {
  return error instanceof UserError && HOLDS_FOR_ALL.includes(error.code);
}

/** One run, or one for each picture of the message where the command takes a picture and none was named. */
function runs(
  request: Request,
  command: Command,
  options: Options,
): readonly { readonly options: Options; readonly about?: Attachment }[] {
  const picture = command.options.find((option) => option.type === 'picture');
  const given = picture === undefined || options[picture.name] !== undefined || request.attachments.length === 0;
  if (given || standsAlone(command, options)) return [{ options }];
  return request.attachments.map((about) => ({ options: { ...options, [picture.name]: about }, about }));
}
