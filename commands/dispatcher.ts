import { ChatFailed, OutOfReach, UserError, type UserErrorCode } from '../src/base/errors.ts';
import type { Logger } from '../src/base/log.ts';
import {
  type Happening,
  type Observer,
  type Outcome,
  report,
  requestId,
  timeStep,
  withinRequest,
} from '../src/base/observing.ts';
import type { Command, Options } from './command.ts';
import { checkOptions } from './options.ts';
import { shortName } from './photo-reply.ts';
import { isAsked, noPicture, prepare, requireAccess, standsAlone } from './preconditions.ts';
import { type CommandRegistry, PHOTO_COMMAND } from './registry.ts';
import type { Attachment, Reply, Request } from './request.ts';

/** Errors that hold for all pictures of a message: the bot says them once and skips the remaining pictures. */
const HOLDS_FOR_ALL: readonly UserErrorCode[] = ['busy', 'cooldown', 'opted-out', 'switched-off'];

/** The log line of each event. */
const LOG_MESSAGES: Readonly<Record<Happening['kind'], string>> = {
  outcome: 'a request ended',
  step: 'a step ended',
  download: 'a file was loaded',
  'failed-download': 'a file could not be loaded',
  opinion: 'somebody said what a reading should have been',
};

/**
 * Runs the command of every request of every platform, once access and preconditions hold. Only this class turns errors into replies.
 * A UserError becomes its sentence. Any other error becomes a reply with the request's id; every log line of the request has that id.
 */
export class Dispatcher {
  readonly #registry: CommandRegistry;
  readonly #log: Logger;
  readonly #observe: Observer;
  readonly #claim: (command: string) => Promise<boolean>;

  /**
   * @param observe called with each step of a request and with its outcome
   * @param claim claims a command by its platform and id; false where another process has claimed it. Several processes may receive
   *   the same command.
   */
  constructor(
    registry: CommandRegistry,
    log: Logger,
    observe: Observer = () => {},
    claim: (command: string) => Promise<boolean> = async () => true,
  ) {
    this.#registry = registry;
    this.#log = log;
    this.#claim = claim;
    this.#observe = (happening) => {
      const { kind, ...figures } = happening;
      log.debug(figures, LOG_MESSAGES[kind]);
      observe(happening);
    };
  }

  /**
   * Answers a request. Never rejects: platforms call it from event handlers, where nobody would catch it.
   *
   * Several pictures are answered one after the other, so that answers keep the message's order and one message takes
   * one place in the queue. An error in one picture does not stop the others, unless it holds for all of them.
   */
  async dispatch(request: Request): Promise<void> {
    await withinRequest(this.#observe, async () => {
      this.#log.debug(this.#whereOf(request), 'a request came in');
      await this.#explainErrors(request, undefined, async () => {
        if (!(await this.#claims(request))) return reportOutcome(request, 'silent');
        const { command, options } = this.#resolve(request);
        await requireAccess(request, command, options);
        for (const run of runs(request, command, options)) {
          if (request.signal.aborted) return;
          if (holdsForAll(await this.#run(request, command, run))) return;
        }
      });
    });
  }

  /**
   * Claims a command, so that it runs in one process only. A photo needs no claim: the chats recognise a second answer by what it is
   * about.
   * @returns false where another process has claimed the command
   */
  async #claims({ command, earlier, platform, id }: Request): Promise<boolean> {
    return command === undefined || earlier !== undefined || (await this.#claim(`${platform} ${id}`));
  }

  /** Runs a command once. @returns the error that was explained, if there was one */
  async #run(request: Request, command: Command, { options, about }: Run): Promise<unknown> {
    let hasReplied = false;
    const tracked: Request = {
      ...request,
      reply: async (reply) => {
        const posted = await timeStep('reply', () => request.reply(reply));
        hasReplied = true;
        return posted;
      },
    };
    return await this.#explainErrors(request, about, async () => {
      const ready = await prepare(tracked, command, options);
      if (ready !== undefined) await command.run(tracked, ready);
      reportOutcome(request, hasReplied ? 'answered' : 'silent');
    });
  }

  #resolve(request: Request): { readonly command: Command; readonly options: Options } {
    if (request.command === undefined) {
      if (request.attachments.length === 0) {
        throw noPicture();
      }
      return { command: this.#registry.find(PHOTO_COMMAND), options: {} };
    }
    const command = this.#registry.find(request.command.name);
    return { command, options: checkOptions(command, request.command.input) };
  }

  /** Does some work, and turns an error of it into a reply. @returns that error, if there was one */
  async #explainErrors(request: Request, about: Attachment | undefined, work: () => Promise<void>): Promise<unknown> {
    try {
      await work();
    } catch (error) {
      if (request.tryAgain && isTemporary(request, error)) {
        this.#log.warn(
          { ...this.#whereOf(request), err: error },
          'a request cannot be answered at the moment; it is tried again later',
        );
        request.tryAgain();
      } else if (!request.signal.aborted) {
        // After an abort nobody waits for this answer: the message was deleted or the bot is stopping.
        await this.#explain(request, holdsForAll(error) && !isPostedAlone(request) ? undefined : about, error);
      }
      if (error instanceof UserError) reportOutcome(request, 'refused', error.code);
      else reportOutcome(request, 'failed');
      return error;
    }
  }

  /** What log lines say of a request. A name that is no command's is a word of somebody's message, which no log may hold. */
  #whereOf({ platform, id, command }: Request) {
    const name = command?.name ?? 'photo';
    return { platform, request: id, command: command === undefined || this.#registry.has(name) ? name : 'unknown' };
  }

  async #explain(request: Request, about: Attachment | undefined, error: unknown): Promise<void> {
    const where = this.#whereOf(request);
    let text: string;
    if (error instanceof UserError) {
      const cause = error.cause === undefined ? {} : { err: error.cause };
      this.#log.info({ ...where, code: error.code, ...cause }, 'a request could not be answered');
      text = error.message;
    } else {
      this.#log.error({ ...where, err: error }, 'a request failed');
      text = `Something went wrong on my side. Whoever runs me finds it in the log as ${requestId()}.`;
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

/**
 * Whether an error passes by itself, so that the request can be tried again without a word. Somebody who asked is told when a file's host
 * is out of reach; somebody who only posted a photo is not.
 */
function isTemporary(request: Request, error: unknown): boolean {
  return error instanceof ChatFailed || (error instanceof OutOfReach && !isAsked(request));
}

/**
 * Whether a request is one picture that somebody posted without asking. What is said of it stands with the picture, where a later run
 * finds it. What only the poster sees cannot be found, so it could be said twice.
 */
function isPostedAlone(request: Request): boolean {
  return request.attachments.length === 1 && !isAsked(request);
}

function holdsForAll(error: unknown): boolean {
  return error instanceof UserError && HOLDS_FOR_ALL.includes(error.code);
}

/** Reports how a request ended. The outcome of an aborted request is always 'gone'. */
function reportOutcome({ platform, signal }: Request, outcome: Outcome, code?: string): void {
  if (signal.aborted) report({ kind: 'outcome', platform, outcome: 'gone' });
  else report({ kind: 'outcome', platform, outcome, ...(code !== undefined && { code }) });
}

/** One run of a command: its options, and the picture that it is about. */
interface Run {
  readonly options: Options;
  readonly about?: Attachment;
}

/** One run, or one for each picture of the message where the command takes a picture and the options name none. */
function runs(request: Request, command: Command, options: Options): readonly Run[] {
  const picture = command.options.find((option) => option.type === 'picture');
  const given = picture === undefined || options[picture.name] !== undefined || request.attachments.length === 0;
  if (given || standsAlone(command, options)) return [{ options }];
  return request.attachments.map((about) => ({ options: { ...options, [picture.name]: about }, about }));
}
