import { Queue, QueueEvents } from 'bullmq';
import { unlessAborted } from '../base/aborts.ts';
import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import { type JobQueue, LeftToWorkers, QueueFull, type Removal } from './job-queue.ts';
import type { Job } from './journal.ts';
import { idOf, lineOf, markTakenOut, REMOVALS, type RemovalMessage, takeTurn } from './redis-turns.ts';

/** How often a job is tried in all where workers fail, and the first pause in milliseconds, doubled each time. */
const ATTEMPTS = 5;
const PAUSE_MS = 2000;
/** Milliseconds after which a job is checked: Redis may have lost it, or the message that it was done. */
const LOOK_MS = 10_000;
/** Milliseconds for the library to leave Redis; while Redis is away it would wait for it without end. */
const LEAVE_MS = 1000;

/** A job that this process waits for. */
interface Open {
  readonly job: Job;
  readonly channel: string;
  readonly person: string;
  since: number;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
  /** Resolves once nobody in this process waits for it any more, and no worker is at it that has it from here. */
  readonly ended: Promise<void>;
  /** True where nobody waits for it any more, but a worker is still at it. */
  isGivenUp: boolean;
}

/** The jobs of one bot account. */
interface Line {
  readonly name: string;
  readonly queue: Queue<Job>;
  readonly events: QueueEvents;
  readonly open: Map<string, Open>;
}

/** Hands jobs to workers through Redis, with BullMQ. Nothing of a job is left there once it is done. */
export class RedisJobQueue implements JobQueue {
  readonly #redis: RedisPart;
  readonly #log: Logger;
  readonly #maxWaiting: number;
  readonly #lines = new Map<string, Promise<Line>>();
  readonly #timer: NodeJS.Timeout;
  readonly #lookAtAll = () => void this.#look(0);

  private constructor(redis: RedisPart, log: Logger, maxWaiting: number, lookMs: number) {
    this.#redis = redis;
    this.#log = log;
    this.#maxWaiting = maxWaiting;
    this.#timer = setInterval(() => void this.#look(lookMs), lookMs / 2).unref();
    // A Redis that was down may have lost its data.
    redis.client.on('ready', this.#lookAtAll);
  }

  /**
   * @param options.maxWaiting how many jobs of each account may wait for a worker
   * @param options.lookMs how long no event may come for a job before it is checked, in milliseconds
   * @throws Error where Redis cannot be reached or refuses
   */
  static async connect(
    url: string,
    log: Logger,
    { maxWaiting, lookMs = LOOK_MS }: { readonly maxWaiting: number; readonly lookMs?: number },
  ): Promise<RedisJobQueue> {
    return new RedisJobQueue(await shareRedis(url, log), log, maxWaiting, lookMs);
  }

  async run(job: Job, { channel, person, signal }: Parameters<JobQueue['run']>[1]): Promise<void> {
    signal.throwIfAborted();
    const line = await unlessAborted(this.#lineOf(job.bot), signal);
    const id = idOf(job);
    // A picture that an edit adds comes with the same id as its message's first ones. Once those are done, a worker finds what is left.
    for (let before = line.open.get(id); before; before = line.open.get(id)) await unlessAborted(before.ended, signal);
    let open: Open | undefined;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Registered before the job is added: a worker may have done it before Redis confirms that it was added.
    const done = new Promise<void>((resolve, failed) => {
      open = { job, channel, person, since: Date.now(), done: resolve, failed, ended, isGivenUp: false };
      line.open.set(id, open);
    });
    try {
      await Promise.all([this.#put(line, open!, this.#maxWaiting), unlessAborted(done, signal)]);
    } catch (error) {
      if (signal.aborted) open!.isGivenUp = await this.#takeOut(line, id, signal.reason);
      throw error;
    } finally {
      const leave = () => {
        line.open.delete(id);
        end();
      };
      // Until the worker lets go of it, Redis takes no other job with its id.
      if (open!.isGivenUp) void done.then(leave, leave);
      else leave();
    }
  }

  announceRemoval(platform: string, removal: Removal): void {
    const message: RemovalMessage = { platform, loss: removal };
    this.#redis.client.publish(REMOVALS, JSON.stringify(message)).catch((err: unknown) => {
      this.#log.warn({ platform, err }, 'the workers could not be told what is gone');
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#redis.client.off('ready', this.#lookAtAll);
    const left = [...this.#lines.values()].map(async (opening) => {
      const line = await opening;
      await line.events.close();
      await line.queue.close();
    });
    try {
      await unlessAborted(Promise.all(left), AbortSignal.timeout(LEAVE_MS));
    } catch (err) {
      this.#log.debug({ err }, 'the queue of photos in Redis was left without a word');
    }
    this.#redis.release();
  }

  #lineOf(account: string): Promise<Line> {
    const known = this.#lines.get(account);
    if (known) return known;
    const opening = this.#open(lineOf(account));
    this.#lines.set(account, opening);
    opening.catch(() => this.#lines.delete(account));
    return opening;
  }

  async #open(name: string): Promise<Line> {
    // Where Redis goes away during the library's check of its version, each later job would fail for that. The events' connection checks it.
    const queue = new Queue<Job>(name, {
      connection: this.#redis.client,
      prefix: REDIS_PREFIX,
      skipVersionCheck: true,
    });
    // BullMQ connects by a copy of this. It shall wait where Redis is away: with this option it would fail, and yet connect later.
    const connection = this.#redis.client.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined });
    connection.options.lazyConnect = false;
    const events = new QueueEvents(name, { connection, prefix: REDIS_PREFIX });
    const line: Line = { name, queue, events, open: new Map() };
    const failed = (err: unknown) => this.#log.warn({ err }, 'the queue of photos in Redis failed');
    queue.on('error', failed);
    events.on('error', failed);
    events.on('completed', ({ jobId }) => line.open.get(jobId)?.done());
    events.on('failed', ({ jobId, failedReason }) => line.open.get(jobId)?.failed(new Error(failedReason)));
    await events.waitUntilReady();
    return line;
  }

  /** Adds a job to its line, unless it is there. @throws QueueFull */
  async #put({ name, queue }: Line, { job, channel, person }: Open, maxWaiting: number): Promise<void> {
    const { waiting = 0, prioritized = 0 } = await queue.getJobCounts('waiting', 'prioritized');
    if (waiting + prioritized >= maxWaiting) throw new QueueFull('too many photos wait for a worker');
    const id = idOf(job);
    const { turn, moved } = await takeTurn(this.#redis.client, name, { id, channel, person });
    await queue.add('photo', job, {
      jobId: id,
      priority: turn,
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: PAUSE_MS },
      removeOnComplete: true,
      removeOnFail: true,
    });
    await Promise.all(moved.map((other) => this.#move(queue, other)));
  }

  /** Gives a waiting job another turn. Does nothing for a job that has begun or is not there yet. Never rejects. */
  async #move(queue: Queue<Job>, { id, turn }: { readonly id: string; readonly turn: number }): Promise<void> {
    try {
      await (await queue.getJob(id))?.changePriority({ priority: turn });
    } catch (err) {
      this.#log.debug({ err }, 'a waiting photo could not be given another turn');
    }
  }

  /** Takes out a job that nobody waits for any more, unless a worker has begun it. @returns whether one has */
  async #takeOut({ name, queue }: Line, id: string, reason: unknown): Promise<boolean> {
    if (reason instanceof LeftToWorkers) return false;
    try {
      // A job that a worker has begun stays; the worker learns of the removal by `announceRemoval`.
      if ((await queue.remove(id)) !== 1) return true;
      await markTakenOut(this.#redis.client, name, id);
    } catch (err) {
      this.#log.warn({ err }, 'a photo that nobody waits for could not be taken out of the queue');
    }
    return false;
  }

  /** Adds jobs again that have vanished from their line. If one was done after all, the worker finds the answer and does nothing. */
  async #look(lookMs: number): Promise<void> {
    for (const opening of this.#lines.values()) {
      try {
        const line = await opening;
        for (const [id, open] of line.open) {
          if (Date.now() - open.since < lookMs) continue;
          open.since = Date.now();
          if ((await line.queue.getJobState(id)) !== 'unknown' || line.open.get(id) !== open) continue;
          if (open.isGivenUp) open.done();
          else await this.#put(line, open, Infinity);
        }
      } catch (err) {
        this.#log.warn({ err }, 'could not check whether photos are still in the queue');
      }
    }
  }
}
