import QuickLRU from 'quick-lru';
import { PHOTO_COMMAND } from '../../commands/registry.ts';
import { type Attachment, NO_MESSAGE, type Posted, type Reply, type Request } from '../../commands/request.ts';
import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Job, JobKey, Journal } from '../work/journal.ts';
import type { Asking } from './asking.ts';
import { Gone } from './gone.ts';
import { Owed } from './owed.ts';

/** Messages whose answers are remembered, at least. */
const MAX_MESSAGES = 10_000;
/** Milliseconds for disconnecting, and for telling those who asked in the last moment. */
const LAST_WORDS_MS = 1000;
/** How long an event is known again: Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

const noop = () => {};

interface Work {
  readonly asking: Asking;
  readonly request: Request;
  readonly controller: AbortController;
  /** What it is written down as; absent where it is not about photos, or need not outlive the process. */
  readonly job: Job | undefined;
  /** Pictures whose answer could not be sent; '' stands for an answer to all of them. */
  readonly unsent: Set<string>;
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
  /** Where work is written down; without it, what is under way ends with the process. */
  readonly journal?: Journal;
  /**
   * Makes a job of before an asking again, for what of it has not been answered.
   * @returns undefined where all of it was answered, or is gone
   * @throws where that cannot be found out just now
   */
  readonly revive?: (job: Job) => Promise<Asking | undefined>;
}

/**
 * The rules that hold on every platform. What is removed takes its answers along, those under way too: a message, one
 * picture of it, a channel. What the platform tells twice is answered once. A bot that stops finishes what it has begun,
 * and tells whoever speaks to it. What it could not finish, or was killed over, is left to its next run by the journal.
 *
 * The rest is in memory: a platform that can find answers of an earlier run does so itself, where `removed` says false.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #work = new Set<Work>();
  /** What `stop` waits for: the work, and what else is being said. */
  readonly #pending = new Set<Promise<void>>();
  readonly #answers = new QuickLRU<string, readonly Answer[]>({ maxSize: MAX_MESSAGES });
  readonly #gone = new Gone();
  /** Signals of work that is left to the next run. */
  readonly #leftSignals = new WeakSet<AbortSignal>();
  readonly #seen = new QuickLRU<string, true>({ maxSize: MAX_SEEN, maxAge: SEEN_MS });
  /** Jobs of before that are being looked for or answered. */
  readonly #takenUp = new Set<string>();
  readonly #owed: Owed | undefined;
  #isStopping = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { journal, platform, log } = options;
    const takeUp = (job: Job, earlier: Request['earlier']) => this.#takeUp(job, earlier);
    this.#owed = journal && new Owed({ platform, log, journal, takeUp });
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
      this.#track(this.#turnDown(asking));
      return false;
    }
    this.#track(this.#answer(this.#start(asking)));
    return true;
  }

  /** Writes down what has been asked before it is looked at more closely: `settle` forgets it unless it has been begun. Never rejects. */
  async note(job: Job): Promise<void> {
    await this.#owed?.begin(job);
  }

  /** Forgets what was noted, unless work on it is under way or to be tried again. */
  async settle(job: JobKey): Promise<void> {
    const isOpen = this.#isUnderWay(job) || this.#takenUp.has(keyOf(job)) || this.#owed?.isLater(job);
    if (!isOpen && !this.#isStopping) await this.#owed?.end(job);
  }

  /** Has what earlier runs of an account have left answered, beside what is asked now. To be called once the bot can answer. */
  takeOver(bot: string): void {
    if (this.#owed) this.#track(this.#owed.takeOver(bot));
  }

  /** Has messages answered that came while the bot could not hear of them, unless they have been. */
  async takeUp(jobs: readonly Job[]): Promise<void> {
    await this.#owed?.takeUp(jobs);
  }

  /** Whether a message, or the picture of it that is named, is known to be gone. */
  isRemoved(message: string, picture?: string): boolean {
    return this.#gone.has(message, picture);
  }

  /**
   * A message was removed: work on it is given up, and the answers to it are removed.
   * @returns whether anything was known of it
   */
  async removed(message: string): Promise<boolean> {
    this.#gone.removed(message);
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
    this.#gone.edited(message, left, spoilers);
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
    this.#gone.pictureRemoved(id);
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
    this.#owed?.stop();
    try {
      await unlessAborted(this.#idle(), deadline);
    } catch (error) {
      if (!deadline.aborted) throw error;
      this.#leaveAll(deadline.reason);
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

  /** Tells whoever speaks to the bot that it stops; a photo that was only posted is left to the next run. */
  async #turnDown({ tellAlone, job, end }: Asking): Promise<void> {
    if (tellAlone) await tellAlone(aboutToRestart().message);
    else if (job) await this.note({ ...job, files: [], begun: Date.now() });
    await end?.();
  }

  /** Gives up what is under way; what is written down stays there. */
  #leaveAll(reason: unknown): void {
    const { log, platform } = this.#options;
    const left = [...this.#work].filter(({ job }) => job !== undefined).length;
    if (left > 0) log.info({ platform, left }, 'photos are left to the next start');
    for (const { controller } of this.#work) {
      this.#leftSignals.add(controller.signal);
      controller.abort(reason);
    }
  }

  #start(asking: Asking, earlier?: Request['earlier'], begun = Date.now()): Work {
    const controller = new AbortController();
    const request = { ...asking.toRequest(controller.signal), ...(earlier && { earlier }) };
    const isAboutPhotos = request.command === undefined || request.command.name === PHOTO_COMMAND;
    const files = request.attachments.map(({ id }) => id);
    const job = asking.job && isAboutPhotos ? { ...asking.job, files, begun } : undefined;
    const work: Work = { asking, request, controller, job, unsent: new Set() };
    this.#work.add(work);
    // The message may have gone while its event was looked at.
    this.#giveUp((other) => other === work && this.#lostAll(work), 'the message was removed');
    return work;
  }

  async #answer(work: Work): Promise<void> {
    const { asking, request, job, unsent } = work;
    const { signal } = request;
    try {
      if (job) await this.#owed?.begin(job);
      await this.#options.dispatch({ ...request, reply: (reply) => this.#reply(work, reply) });
    } finally {
      this.#work.delete(work);
      if (job && !this.#leftSignals.has(signal)) {
        if (unsent.size > 0 && !signal.aborted) this.#owed?.again(job);
        else await this.#owed?.end(job);
      }
      await asking.end?.();
    }
  }

  /** @returns whether it need not be forgotten: it has been answered now, or is under way */
  async #takeUp(job: Job, earlier: Request['earlier']): Promise<boolean> {
    const key = keyOf(job);
    // The platform may tell of it again while it is looked for.
    if (this.#takenUp.has(key) || this.#isUnderWay(job)) return true;
    this.#takenUp.add(key);
    try {
      const asking = await this.#options.revive?.(job);
      if (asking === undefined) return false;
      if (this.#isStopping || this.#isUnderWay(job)) return true;
      const answered = this.#answer(this.#start(asking, earlier, job.begun));
      this.#track(answered);
      await answered;
      return true;
    } finally {
      this.#takenUp.delete(key);
    }
  }

  #isUnderWay({ place, message }: JobKey): boolean {
    return [...this.#work].some(({ job }) => job?.place === place && job.message === message);
  }

  /** Sends a reply, and keeps in mind which could not be sent. */
  async #send({ request, unsent }: Work, reply: Reply): Promise<Posted> {
    const about = reply.about?.id ?? '';
    try {
      const posted = await request.reply(reply);
      if (about === '') unsent.clear();
      else unsent.delete(about);
      return posted;
    } catch (error) {
      unsent.add(about);
      throw error;
    }
  }

  /** Replies, unless what the reply depends on is gone; where that goes while the reply is sent, the reply goes too. */
  async #reply(work: Work, reply: Reply): Promise<Posted> {
    const { asking, request } = work;
    const picture = reply.about?.id;
    const source = reply.about && this.#options.messageOf(reply.about);
    const isUnwanted = () =>
      request.signal.aborted ||
      (asking.message !== undefined && this.isRemoved(asking.message)) ||
      (reply.about !== undefined && this.#isLost(reply.about));
    if (isUnwanted()) return NO_MESSAGE;
    const posted = await this.#send(work, reply);
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
    return this.isRemoved(source, picture.id) || (picture.isSpoiler !== true && this.#gone.isHidden(picture.id));
  }

  /** @returns whether there was any */
  #giveUp(which: (work: Work) => boolean, why: string): boolean {
    const given = [...this.#work].filter((work) => !work.controller.signal.aborted && which(work));
    for (const { controller } of given) controller.abort(new Error(why));
    return given.length > 0;
  }
}

function keyOf({ place, message }: JobKey): string {
  return `${place} ${message}`;
}
