import type { Posted, Reply, Request } from '../../commands/request.ts';
import { unlessAborted } from '../base/aborts.ts';
import { aboutToRestart } from '../base/errors.ts';
import type { Turn } from '../work/job-queue.ts';
import { type Job, type JobKey, MOST_WHISPERS } from '../work/journal.ts';
import { type Answer, Answers } from './answers.ts';
import { Claims } from './claims.ts';
import type { Inquiry, SessionOptions } from './inquiry.ts';
import { Pending } from './pending.ts';
import { RemoteWork } from './remote-work.ts';
import { Removals } from './removals.ts';
import { Replies } from './replies.ts';
import { UnansweredJobs } from './unanswered-jobs.ts';
import { WorkUnderWay } from './work-under-way.ts';

/** After this many lost workers a picture is given up. Fewer prove nothing: most workers are lost for other reasons. */
const WORKERS_LOST = 8;
/** Milliseconds for disconnecting, and for telling people who asked at the last moment. */
const LAST_WORDS_MS = 1000;
const noop = () => {};

/**
 * The rules that hold on every platform. When a message, a picture of it or a channel is removed, its answers are removed and work on it is
 * given up. An event that the platform sends twice is answered once. A bot that stops finishes what it has begun, and tells people who
 * address it. The journal keeps for the next run what the bot could not finish, or was killed during.
 *
 * The rest is in memory. Where `removed` returns false, a platform that can find the answers of an earlier run removes them itself.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #work = new Set<WorkUnderWay>();
  /** What `stop` waits for: the work, and other messages that are being sent. */
  readonly #pending: Pending;
  readonly #answers = new Answers();
  readonly #removals = new Removals();
  readonly #replies: Replies;
  /** Signals of work that is left to the next run. */
  readonly #leftSignals = new WeakSet<AbortSignal>();
  readonly #claims = new Claims();
  /** Keys of earlier runs' jobs that are being looked up or answered. */
  readonly #claimed = new Set<string>();
  readonly #jobs: UnansweredJobs | undefined;
  readonly #remote: RemoteWork | undefined;
  #isStopping = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { journal, queue, platform, log } = options;
    this.#replies = new Replies(this.#removals, this.#answers, options.messageOf);
    this.#pending = new Pending((err) => log.warn({ platform, err }, 'a request did not end cleanly'));
    const answerJob = (job: Job, earlier: Request['earlier']) => this.#answerJob(job, earlier);
    this.#remote = queue && new RemoteWork(queue, platform, log);
    this.#jobs = journal && new UnansweredJobs({ platform, log, journal, answerJob, handsOver: queue !== undefined });
  }

  /** True from the moment that `stop` is called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Claims an event by all its ids. @returns false where any of them was claimed within the last quarter of an hour */
  claim(...keys: readonly string[]): boolean {
    return this.#claims.claim(keys);
  }

  /**
   * Starts to answer a request. While the bot is stopping, the asker is told so instead.
   * @returns whether the request was accepted
   * @throws what `inquiry.toRequest` throws
   */
  begin(inquiry: Inquiry): boolean {
    const isAccepted = inquiry.isAccepted === true || !this.#isStopping;
    this.#pending.add(isAccepted ? this.#answer(this.#start(inquiry)) : this.#turnDown(inquiry));
    return isAccepted;
  }

  /** Records a job before it has been examined; `settle` deletes it unless work on it has begun. Never rejects. */
  async note(job: Job): Promise<void> {
    await this.#jobs?.begin(job);
  }

  /** Deletes a job that was noted, unless work on it is under way or will be tried again. */
  async settle(job: JobKey): Promise<void> {
    const isOpen = this.#underWay(job).length > 0 || this.#claimed.has(keyOf(job)) || this.#jobs?.isScheduled(job);
    if (!isOpen && !this.#isStopping) await this.#jobs?.end(job);
  }

  /** Starts to answer what earlier runs of an account have left, beside new requests. Call it once the bot can answer. */
  answerLeftJobs(bot: string, isOurs?: (place: string) => Promise<boolean>): void {
    if (this.#jobs) this.#pending.add(this.#jobs.answerLeftJobs(bot, isOurs));
  }

  /** Answers noted jobs, of messages that came while the bot was not connected or earlier, unless they have been answered. */
  async answerJobs(jobs: readonly Job[]): Promise<void> {
    await this.#jobs?.answerJobs(jobs);
  }

  /**
   * Answers a job that another process was asked, unless it has been answered.
   * @throws where that cannot be found out, the answer could not be sent, or the bot stops
   */
  async perform(job: Job, { isAgain, lost, whispers, isMine, markWhisper }: Turn): Promise<void> {
    if (whispers >= MOST_WHISPERS) return;
    const inquiry = this.#replies.unanswered(await this.#options.revive?.(job));
    if (inquiry === undefined) return;
    if (this.#isStopping) throw aboutToRestart();
    const earlier = isAgain ? { brokeDown: lost >= WORKERS_LOST } : undefined;
    const work = this.#start({ ...inquiry, mayReply: isMine, markWhisper }, earlier, job.begun);
    const answered = this.#answer(work);
    this.#pending.add(answered);
    await answered;
    if (work.isUnsent || this.#leftSignals.has(work.request.signal)) throw new Error('a photo could not be answered');
  }

  /** Whether answers to a message, posted at a time in ms since 1970, may not be remembered here: too old, or another process's. */
  mayBeForgotten(message: string, postedAt: number): boolean {
    return postedAt < this.#answers.forgottenUntil || this.#remote?.has(message, postedAt) === true;
  }

  /** Whether a message, or the given picture of it, is known to be gone. */
  isRemoved(message: string, picture?: string): boolean {
    return this.#removals.has(message, picture);
  }

  /**
   * A message was removed: work on it is given up, and the answers to it are removed.
   * @returns whether there was any work or answer
   */
  async removed(message: string): Promise<boolean> {
    this.#removals.removed(message);
    this.#remote?.announceRemoval({ kind: 'message', message });
    return await this.#takeBack([message], () => true);
  }

  /**
   * A message was edited. Pictures that it lost are treated as removed. So are pictures that it hides now, since an earlier
   * answer would show them.
   * @param left ids of the pictures that it still has
   * @param spoilers those of them that are hidden
   * @returns whether there was any work on them, or answer to them
   */
  async edited(message: string, left: readonly string[], spoilers: readonly string[] = []): Promise<boolean> {
    this.#removals.edited(message, left, spoilers);
    this.#remote?.announceRemoval({ kind: 'edit', message, left, hidden: spoilers });
    return await this.#takeBack(
      [message],
      ({ picture, isSpoiler }) =>
        picture !== undefined && (!left.includes(picture) || (!isSpoiler && spoilers.includes(picture))),
    );
  }

  /**
   * A picture was removed everywhere: each message that had it has lost it.
   * @returns whether there was any work or answer
   */
  async pictureRemoved(id: string): Promise<boolean> {
    this.#removals.pictureRemoved(id);
    this.#remote?.announceRemoval({ kind: 'picture', picture: id });
    return await this.#takeBack(this.#answers.messages, ({ picture }) => picture === id);
  }

  /** A channel was removed, with every answer in it: work on what was asked there is given up. */
  channelRemoved(channel: string): void {
    this.#remote?.announceRemoval({ kind: 'channel', channel });
    this.#giveUp(({ inquiry }) => inquiry.channel === channel, 'the channel was removed');
  }

  /** Makes `stop` wait for work on an event that is not an answer. Errors are ignored. */
  waitFor(work: Promise<unknown>): void {
    this.#pending.add(work.then(noop, noop));
  }

  /**
   * Accepts nothing new, and waits for the work under way. People who still ask are told that the bot is stopping.
   * @param deadline once aborted, the work is given up and no longer waited for
   * @param disconnect closes the connection that events come over; called after the work
   * @throws what `disconnect` throws
   */
  async stop(deadline: AbortSignal, disconnect: () => Promise<void> | void = noop): Promise<void> {
    this.#isStopping = true;
    this.#jobs?.stop();
    for (const { request } of this.#remote?.leave() ?? []) this.#leftSignals.add(request.signal);
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

  /** Tells people who address the bot that it is stopping. A photo that was only posted is left to the next run. */
  async #turnDown({ replyPrivately, job, end }: Inquiry): Promise<void> {
    if (replyPrivately) await replyPrivately(aboutToRestart().message);
    else if (job) await this.#jobs?.leave({ ...job, files: [], begun: Date.now() });
    await end?.();
  }

  /** Gives up the work under way. Its jobs stay in the journal. */
  #leaveAll(reason: unknown): void {
    const { log, platform } = this.#options;
    const left = [...this.#work].filter(({ job }) => job !== undefined).length;
    if (left > 0) log.info({ platform, left }, 'photos are left to the next start');
    for (const work of this.#work) {
      this.#leftSignals.add(work.request.signal);
      work.giveUp(reason);
    }
  }

  #start(inquiry: Inquiry, earlier?: Request['earlier'], begun = Date.now()): WorkUnderWay {
    const work = new WorkUnderWay(inquiry, earlier, begun);
    this.#work.add(work);
    // The message may have been removed while its event was examined.
    this.#giveUp((other) => other === work && this.#replies.lostAll(work), 'the message was removed');
    return work;
  }

  async #answer(work: WorkUnderWay): Promise<void> {
    const { inquiry, request, job } = work;
    try {
      if (job) await this.#jobs?.begin(job);
      const isDone = this.#remote?.takes(work) && (await this.#remote.answer(work));
      if (!isDone) await this.#options.dispatch({ ...request, reply: (reply) => this.#reply(work, reply) });
    } finally {
      this.#work.delete(work);
      if (job && !this.#leftSignals.has(request.signal)) {
        if (work.isUnsent) this.#jobs?.tryLater(job);
        // A picture that an edit added may still be read: its message has one job.
        else if (this.#underWay(job).length === 0 && !this.#jobs?.isScheduled(job)) await this.#jobs?.end(job);
      }
      await inquiry.end?.();
    }
  }

  async #reply(work: WorkUnderWay, reply: Reply): Promise<Posted> {
    const { job, inquiry } = work;
    if (!reply.private || job === undefined) return await this.#replies.reply(work, reply);
    const markWhisper =
      inquiry.markWhisper ?? (async (couldNot?: boolean) => await this.#jobs?.markWhisper(job, couldNot));
    await markWhisper();
    try {
      return await this.#replies.reply(work, reply);
    } catch (error) {
      await markWhisper(true);
      throw error;
    }
  }

  /** @returns false where the job can be deleted; true where it has just been answered, or is under way */
  async #answerJob(job: Job, earlier: Request['earlier']): Promise<boolean> {
    const key = keyOf(job);
    const underWay = this.#underWay(job);
    // A picture that an edit has added waits until those before it are answered.
    const isAdded = (file: string) => underWay.every((work) => !work.job?.files.includes(file));
    if (underWay.length > 0 && job.files.some(isAdded)) this.#jobs?.tryLater(job);
    // The platform may send the event again while the job is looked up.
    if (underWay.length > 0 || this.#claimed.has(key)) return true;
    this.#claimed.add(key);
    try {
      const inquiry = this.#replies.unanswered(await this.#options.revive?.(job));
      if (inquiry === undefined) return false;
      if (this.#isStopping || this.#underWay(job).length > 0) return true;
      const work = this.#start(inquiry, earlier, job.begun);
      const answered = this.#answer(work);
      this.#pending.add(answered);
      // Workers have a queue of their own.
      if (!this.#remote?.takes(work)) await answered;
      return true;
    } finally {
      this.#claimed.delete(key);
    }
  }

  #underWay({ place, message }: JobKey): WorkUnderWay[] {
    return [...this.#work].filter(({ job }) => job?.place === place && job.message === message);
  }

  async #takeBack(messages: readonly string[], isLost: (answer: Answer) => boolean): Promise<boolean> {
    const isKnownWork = this.#giveUp((work) => this.#replies.lostAll(work), 'the message was removed');
    return (await this.#answers.takeBack(messages, isLost)) || isKnownWork;
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
