import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, waitForRedis } from '../base/redis.ts';
import type { Removal, Turn } from './job-queue.ts';
import type { Job } from './journal.ts';
import { lineOf, markServed, REMOVALS, type RemovalMessage } from './redis-turns.ts';

/** A worker counts as lost after so many milliseconds without a sign of life. It gives one in half that time. */
const LOST_MS = 15_000;
/** How often a worker looks for jobs of lost workers, in milliseconds. */
const LOOK_MS = 5000;
/** How many workers may be lost during one job. Its picture is given up long before that, and people are told so. */
const MAX_LOST = 20;
/** Milliseconds between questions over the connection that removals come over: without one, nobody would notice that it was cut. */
const ASK_MS = 10_000;

interface TakeOptions {
  /** How many jobs of each account run at a time. */
  readonly concurrency: number;
  /** Called with what people remove or hide. */
  readonly onRemoval: (platform: string, removal: Removal) => void;
  /** Milliseconds without a sign of life after which a worker counts as lost; 15,000 by default. */
  readonly lostMs?: number;
  /** Milliseconds without a due answer after which a connection counts as lost; see `connectRedis`. */
  readonly silentMs?: number;
}

/** A job as it is stored in Redis once a worker has begun it. */
type TakenJob = Job & Partial<Pick<Turn, 'whispers'>>;

/** Does a job. If it rejects, the job is tried again after a while, here or by another worker. */
type Perform = (job: Job, turn: Turn) => Promise<void>;

/** Takes jobs out of Redis and does them. */
export class RedisWorker {
  readonly #client: Redis;
  readonly #listening: Redis;
  readonly #log: Logger;
  readonly #options: Required<Pick<TakeOptions, 'concurrency' | 'lostMs'>>;
  readonly #workers: Worker<TakenJob>[] = [];
  readonly #asking: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  private constructor(client: Redis, listening: Redis, log: Logger, options: TakeOptions) {
    const { concurrency, lostMs = LOST_MS, silentMs = ASK_MS } = options;
    this.#client = client;
    this.#listening = listening;
    this.#log = log;
    this.#options = { concurrency, lostMs };
    this.#asking = setInterval(() => {
      if (listening.status === 'ready') listening.ping().catch(() => {});
    }, silentMs).unref();
  }

  /** Connects, without taking jobs yet. If Redis is down, it waits for it. @throws Error where there is no Redis, or Redis refuses */
  static async start(url: string, log: Logger, options: TakeOptions): Promise<RedisWorker> {
    // BullMQ needs a client that waits without limit for Redis, and duplicates it for each account.
    const { silentMs } = options;
    const client = await waitForRedis(url, log, { waits: true, ...(silentMs !== undefined && { silentMs }) });
    const listening = client.duplicate();
    listening.on('error', (err) => log.warn({ err }, 'the connection to Redis is lost'));
    listening.on('message', (_, text: string) => {
      const { platform, loss } = JSON.parse(text) as RemovalMessage;
      options.onRemoval(platform, loss);
    });
    await listening.subscribe(REMOVALS);
    return new RedisWorker(client, listening, log, options);
  }

  /** Starts to take the jobs of a bot account. */
  async take(account: string, perform: Perform): Promise<void> {
    if (this.#closed) return;
    const { concurrency, lostMs } = this.#options;
    const line = lineOf(account);
    const worker = new Worker<TakenJob>(
      line,
      async (job, token) => {
        await markServed(this.#client, line, job.id!, job.priority);
        const { whispers = 0, ...data } = job.data;
        await perform(data, {
          lost: job.stalledCounter,
          whispers,
          markWhisper: async (couldNot = false) => {
            try {
              await job.updateData({ ...data, whispers: couldNot ? whispers : whispers + 1 });
            } catch (err) {
              this.#log.warn({ err }, 'could not record that a private reply is being sent');
            }
          },
          isAgain: job.stalledCounter + job.attemptsMade > 0,
          isMine: async () => {
            try {
              return (await job.extendLock(token!, lostMs)) === 1;
            } catch {
              // Without Redis nobody can tell. Saying no makes sure that the job is not answered twice.
              return false;
            }
          },
        });
      },
      {
        connection: this.#client,
        prefix: REDIS_PREFIX,
        concurrency,
        lockDuration: lostMs,
        stalledInterval: Math.min(LOOK_MS, lostMs),
        maxStalledCount: MAX_LOST,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    this.#workers.push(worker);
    worker.on('error', (err) => this.#log.warn({ err }, 'taking photos from Redis failed'));
    worker.on('failed', (_, err) => this.#log.warn({ err }, 'a photo could not be answered; it is tried again'));
    await worker.waitUntilReady();
  }

  /**
   * Takes no more jobs. Resolves when the jobs under way have ended and Redis knows it, which may be never while Redis is away. Later calls
   * wait for the first.
   */
  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#workers.map((worker) => worker.close())).then(() => this.disconnect());
    return this.#closed;
  }

  /** Leaves Redis at once. Jobs under way are taken over by other workers. Call `close` before, so that no more jobs are taken. */
  disconnect(): void {
    // The library's promise may never settle, as it waits for a connection that is not there.
    for (const worker of this.#workers) void worker.disconnect().catch(() => {});
    clearInterval(this.#asking);
    this.#listening.disconnect();
    this.#client.disconnect();
  }
}
