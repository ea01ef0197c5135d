import QuickLRU from 'quick-lru';
import { type Attachment, NO_MESSAGE, type Posted, type Reply, type Request } from '../../commands/request.ts';
import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

/** Messages whose answers, removals and edits are remembered, at least. */
const MAX_MESSAGES = 10_000;
/** Milliseconds for disconnecting, and for telling those who asked in the last moment. */
const LAST_WORDS_MS = 1000;
/** How long an event is known again: Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

/** Somebody asks something, in whatever way their platform has for that. Ids are unique on the platform. */
export interface Asking {
  /** The channel that it came from. */
  readonly channel: string;
  /** The message that asks or that is asked about: once it is removed, nobody wants an answer any more. */
  readonly message?: string;
  /** True where the bot took the event on before it was told to stop: then it is answered all the same. */
  readonly isTakenOn?: boolean;
  /** Says something that only the asker sees; absent where nobody spoke to the bot. */
  readonly tellAlone?: (text: string) => Promise<unknown>;
  /** @param signal becomes the request's own */
  readonly toRequest: (signal: AbortSignal) => Request;
  /** Called after the last word. */
  readonly end?: () => unknown;
}

const noop = () => {};

interface Work {
  readonly asking: Asking;
  readonly request: Request;
  readonly controller: AbortController;
}

interface Answer {
  /** The picture of the message that it is about; undefined where it is about all of the message, or a picture elsewhere. */
  readonly picture: string | undefined;
  /** Whether it was hidden as the picture was. */
  readonly isSpoiler: boolean;
  readonly posted: Posted;
}

/** What a session takes from its platform. */
export interface SessionOptions {
  readonly platform: string;
  readonly log: Logger;
  /** Answers a request; never rejects. */
  readonly dispatch: (request: Request) => Promise<void>;
  /** The id of the message that a picture was posted in; undefined for one that came without a message. */
  readonly messageOf: (picture: Attachment) => string | undefined;
}

/**
 * The rules that hold on every platform. What is removed takes its answers along, those under way too: a message, one
 * picture of it, a channel. What the platform tells twice is answered once. A bot that stops finishes what it has begun,
 * and tells whoever speaks to it.
 *
 * All of it is in memory: a platform that can find answers of an earlier run does so itself, where `removed` says false.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #work = new Set<Work>();
  /** What `stop` waits for: the work, and what else is being said. */
  readonly #pending = new Set<Promise<void>>();
  readonly #answers = new QuickLRU<string, readonly Answer[]>({ maxSize: MAX_MESSAGES });
  readonly #removed = new QuickLRU<string, true>({ maxSize: MAX_MESSAGES });
  /** The pictures that an edited message still has. */
  readonly #left = new QuickLRU<string, readonly string[]>({ maxSize: MAX_MESSAGES });
  /** Pictures that an edit hid. */
  readonly #spoilers = new QuickLRU<string, true>({ maxSize: MAX_MESSAGES });
  /** Pictures that are gone from wherever they were posted. */
  readonly #removedPictures = new QuickLRU<string, true>({ maxSize: MAX_MESSAGES });
  readonly #seen = new QuickLRU<string, true>({ maxSize: MAX_SEEN, maxAge: SEEN_MS });
  #isStopping = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** True from the moment that `stop` is called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /**
   * Takes an event on, by all the ids that it is known by.
   * @returns false where any of them has been taken on within a quarter of an hour
   */
  claim(...keys: readonly string[]): boolean {
    const isKnown = keys.some((key) => this.#seen.has(key));
    for (const key of keys) if (!this.#seen.has(key)) this.#seen.set(key, true);
    return !isKnown;
  }

  /**
   * Has a request answered. While the bot stops, the asker is told so instead.
   * @returns whether it was taken on
   * @throws what `asking.toRequest` throws
   */
  begin(asking: Asking): boolean {
    if (this.#isStopping && !asking.isTakenOn) {
      this.#track(this.#tellOfRestart(asking));
      return false;
    }
    const controller = new AbortController();
    const work = { asking, request: asking.toRequest(controller.signal), controller };
    this.#work.add(work);
    // The message may have gone while its event was looked at.
    this.#giveUp((begun) => begun === work && this.#lostAll(work), 'the message was removed');
    this.#track(this.#answer(work).finally(() => this.#work.delete(work)));
    return true;
  }

  /** Whether a message, or the picture of it that is named, is known to be gone. */
  isRemoved(message: string, picture?: string): boolean {
    if (this.#removed.has(message)) return true;
    if (picture === undefined) return false;
    return this.#removedPictures.has(picture) || this.#left.get(message)?.includes(picture) === false;
  }

  /**
   * A message was removed: work on it is given up, and the answers to it are removed.
   * @returns whether anything was known of it
   */
  async removed(message: string): Promise<boolean> {
    this.#removed.set(message, true);
    return await this.#takeBack([message], () => true);
  }

  /**
   * A message was edited: what it lost is treated as `removed` treats a message, and so is a picture that it hides now: an
   * answer from before would show it.
   * @param left ids of the pictures that it still has
   * @param spoilers those of them that are hidden
   * @returns whether anything was known of what it lost
   */
  async edited(message: string, left: readonly string[], spoilers: readonly string[] = []): Promise<boolean> {
    this.#left.set(message, left);
    for (const id of left) {
      if (spoilers.includes(id)) this.#spoilers.set(id, true);
      else this.#spoilers.delete(id);
    }
    return await this.#takeBack(
      [message],
      ({ picture, isSpoiler }) =>
        picture !== undefined && (!left.includes(picture) || (!isSpoiler && spoilers.includes(picture))),
    );
  }

  /**
   * A picture was removed from wherever it was posted: each message that had it has lost it.
   * @returns whether anything was known of it
   */
  async pictureRemoved(id: string): Promise<boolean> {
    this.#removedPictures.set(id, true);
    return await this.#takeBack([...this.#answers.keys()], ({ picture }) => picture === id);
  }

  /** A channel was removed, with every answer in it: work on what was asked there is given up. */
  channelRemoved(channel: string): void {
    this.#giveUp(({ asking }) => asking.channel === channel, 'the channel was removed');
  }

  /** Has `stop` wait for what is done about an event besides answering it. */
  waitFor(work: Promise<unknown>): void {
    this.#track(work.then(noop, noop));
  }

  /**
   * Takes on nothing new, and waits for what is under way; whoever asks meanwhile is told, until the last moment.
   * @param deadline once aborted, all of it is given up and not waited for any more
   * @param disconnect ends what events come over, after the work
   * @throws what `disconnect` throws
   */
  async stop(deadline: AbortSignal, disconnect: () => Promise<void> | void = noop): Promise<void> {
    this.#isStopping = true;
    try {
      await unlessAborted(this.#idle(), deadline);
    } catch (error) {
      if (!deadline.aborted) throw error;
      for (const { controller } of this.#work) controller.abort(deadline.reason);
    }
    const timeIsUp = AbortSignal.timeout(LAST_WORDS_MS);
    try {
      await unlessAborted(Promise.resolve(disconnect()), timeIsUp);
      await unlessAborted(this.#idle(), timeIsUp);
    } catch (error) {
      if (!timeIsUp.aborted) throw error;
    }
  }

  /** Resolves when nothing is under way, what came in the meantime included. */
  async #idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  #track(promise: Promise<void>): void {
    const pending = promise
      .catch((err: unknown) => {
        const { log, platform } = this.#options;
        log.warn({ platform, err }, 'a request did not end cleanly');
      })
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  async #tellOfRestart({ tellAlone, end }: Asking): Promise<void> {
    await tellAlone?.(aboutToRestart().message);
    await end?.();
  }

  async #answer({ asking, request }: Work): Promise<void> {
    try {
      await this.#options.dispatch({ ...request, reply: (reply) => this.#reply(asking, request, reply) });
    } finally {
      await asking.end?.();
    }
  }

  /** Replies, unless what the reply depends on is gone; where that goes while the reply is sent, the reply goes too. */
  async #reply(asking: Asking, request: Request, reply: Reply): Promise<Posted> {
    const picture = reply.about?.id;
    const source = reply.about && this.#options.messageOf(reply.about);
    const isUnwanted = () =>
      request.signal.aborted ||
      (asking.message !== undefined && this.isRemoved(asking.message)) ||
      (reply.about !== undefined && this.#isLost(reply.about));
    if (isUnwanted()) return NO_MESSAGE;
    const posted = await request.reply(reply);
    if (posted === NO_MESSAGE) return posted;
    if (isUnwanted()) {
      await posted.remove();
      return posted;
    }
    for (const message of new Set([asking.message, source])) {
      if (message === undefined) continue;
      const isSpoiler = reply.about?.isSpoiler === true;
      this.#remember(message, { picture: message === source ? picture : undefined, isSpoiler, posted });
    }
    return posted;
  }

  #remember(message: string, answer: Answer): void {
    this.#answers.set(message, [...(this.#answers.get(message) ?? []), answer]);
  }

  async #takeBack(messages: readonly string[], isLost: (answer: Answer) => boolean): Promise<boolean> {
    const isKnownWork = this.#giveUp((work) => this.#lostAll(work), 'the message was removed');
    const lost = messages.flatMap((message) => {
      const answers = this.#answers.peek(message) ?? [];
      const gone = answers.filter(isLost);
      const kept = answers.filter((answer) => !gone.includes(answer));
      if (kept.length === 0) this.#answers.delete(message);
      else if (gone.length > 0) this.#answers.set(message, kept);
      return gone;
    });
    await Promise.all(lost.map(({ posted }) => posted.remove()));
    return isKnownWork || lost.length > 0;
  }

  /** Whether the message that asks is gone, or every picture that came with it. */
  #lostAll({ asking, request: { attachments } }: Work): boolean {
    if (asking.message !== undefined && this.isRemoved(asking.message)) return true;
    return attachments.length > 0 && attachments.every((picture) => this.#isLost(picture));
  }

  /** Whether a picture is gone from its message, or hidden there since it was taken on. */
  #isLost(picture: Attachment): boolean {
    const source = this.#options.messageOf(picture);
    if (source === undefined) return false;
    return this.isRemoved(source, picture.id) || (picture.isSpoiler !== true && this.#spoilers.has(picture.id));
  }

  /** @returns whether there was any */
  #giveUp(which: (work: Work) => boolean, why: string): boolean {
    const given = [...this.#work].filter((work) => !work.controller.signal.aborted && which(work));
    for (const { controller } of given) controller.abort(new Error(why));
    return given.length > 0;
  }
}
