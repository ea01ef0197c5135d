import QuickLRU from 'quick-lru';
import { type Attachment, NO_MESSAGE, type Posted, type Reply, type Request } from '../../commands/request.ts';
import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart } from '../base/errors.ts';
import type { Job, JobKey } from '../work/journal.ts';
import { type Answer, Answers } from './answers.ts';
import type { Asking, SessionOptions } from './asking.ts';
import { Gone } from './gone.ts';
import { Owed } from './owed.ts';
import { Pending } from './pending.ts';
import { WorkUnderWay } from './work-under-way.ts';

/** Milliseconds for disconnecting, and for telling those who asked in the last moment. */
const LAST_WORDS_MS = 1000;
/** How long an event is known again: Slack's last retry comes about six minutes after the first try. */
const SEEN_MS = 15 * 60_000;
const MAX_SEEN = 5000;

const noop = () => {};

/**
 * The rules that hold on every platform. What is removed takes its answers along, those under way too: a message, one
 * picture of it, a channel. What the platform tells twice is answered once. A bot that stops finishes what it has begun,
 * and tells whoever speaks to it. What it could not finish, or was killed over, is left to its next run by the journal.
 *
 * The rest is in memory: a platform that can find answers of an earlier run does so itself, where `removed` says false.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #work = new Set<WorkUnderWay>();
  /** What `stop` waits for: the work, and what else is being said. */
  readonly #pending: Pending;
  readonly #answers = new Answers();
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
    this.#pending = new Pending((err) => log.warn({ platform, err }, 'a request did not end cleanly'));
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
      this.#pending.add(this.#turnDown(asking));
      return false;
    }
    this.#pending.add(this.#answer(this.#start(asking)));
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
    if (this.#owed) this.#pending.add(this.#owed.takeOver(bot));
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
    return await this.#takeBack(this.#answers.messages, ({ picture }) => picture === id);
  }

  /** A channel was removed, with every answer in it: work on what was asked there is given up. */
  channelRemoved(channel: string): void {
    this.#giveUp(({ asking }) => asking.channel === channel, 'the channel was removed');
  }

  /** Has `stop` wait for what is done about an event besides answering it. */
  waitFor(work: Promise<unknown>): void {
    this.#pending.add(work.then(noop, noop));
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
      await unlessAborted(this.#pending.idle(), deadline);
    } catch (error) {
      if (!deadline.aborted) throw error;
      this.#leaveAll(deadline.reason);
    }
    const timeIsUp = AbortSignal.timeout(LAST_WORDS_MS);
    try {
      await unlessAborted(Promise.resolve(disconnect()), timeIsUp);
      await unlessAborted(this.#pending.idle(), timeIsUp);
    } catch (error) {
      if (!timeIsUp.aborted) throw error;
    }
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
    for (const work of this.#work) {
      this.#leftSignals.add(work.request.signal);
      work.giveUp(reason);
    }
  }

  #start(asking: Asking, earlier?: Request['earlier'], begun = Date.now()): WorkUnderWay {
    const work = new WorkUnderWay(asking, earlier, begun);
    this.#work.add(work);
    // The message may have gone while its event was looked at.
    this.#giveUp((other) => other === work && this.#lostAll(work), 'the message was removed');
    return work;
  }

  async #answer(work: WorkUnderWay): Promise<void> {
    const { asking, request, job } = work;
    try {
      if (job) await this.#owed?.begin(job);
      await this.#options.dispatch({ ...request, reply: (reply) => this.#reply(work, reply) });
    } finally {
      this.#work.delete(work);
      if (job && !this.#leftSignals.has(request.signal)) {
        if (work.isOwed) this.#owed?.again(job);
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
      this.#pending.add(answered);
      await answered;
      return true;
    } finally {
      this.#takenUp.delete(key);
    }
  }

  #isUnderWay({ place, message }: JobKey): boolean {
    return [...this.#work].some(({ job }) => job?.place === place && job.message === message);
  }

  /** Replies, unless what the reply depends on is gone; where that goes while the reply is sent, the reply goes too. */
  async #reply(work: WorkUnderWay, reply: Reply): Promise<Posted> {
    const { asking, request } = work;
    const picture = reply.about?.id;
    const source = reply.about && this.#options.messageOf(reply.about);
    const isUnwanted = () =>
      request.signal.aborted ||
      (asking.message !== undefined && this.isRemoved(asking.message)) ||
      (reply.about !== undefined && this.#isLost(reply.about));
    if (isUnwanted()) return NO_MESSAGE;
    const posted = await work.send(reply);
    if (posted === NO_MESSAGE) return posted;
    if (isUnwanted()) {
      await posted.remove();
      return posted;
    }
    for (const message of new Set([asking.message, source])) {
      if (message === undefined) continue;
      const isSpoiler = reply.about?.isSpoiler === true;
      this.#answers.remember(message, { picture: message === source ? picture : undefined, isSpoiler, posted });
    }
    return posted;
  }

  async #takeBack(messages: readonly string[], isLost: (answer: Answer) => boolean): Promise<boolean> {
    const isKnownWork = this.#giveUp((work) => this.#lostAll(work), 'the message was removed');
    return (await this.#answers.takeBack(messages, isLost)) || isKnownWork;
  }

  /** Whether the message that asks is gone, or every picture that came with it. */
  #lostAll({ asking, request: { attachments } }: WorkUnderWay): boolean {
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
  #giveUp(which: (work: WorkUnderWay) => boolean, why: string): boolean {
    const given = [...this.#work].filter((work) => !work.request.signal.aborted && which(work));
    for (const work of given) work.giveUp(new Error(why));
    return given.length > 0;
  }
}

function keyOf({ place, message }: JobKey): string {
  return `${place} ${message}`;
}
