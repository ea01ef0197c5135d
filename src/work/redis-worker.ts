import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../base/log.ts';
import { connectRedis, REDIS_PREFIX } from '../base/redis.ts';
import type { Loss, Turn } from './job-queue.ts';
import type { Job } from './journal.ts';
import { LOSSES, lineOf, served } from './redis-line.ts';

/** Milliseconds without a sign of life after which a worker counts as lost; a sign is given in half of that. */
const LOST_MS = 15_000;
/** How often a worker looks for jobs of lost ones, in milliseconds. */
const LOOK_MS = 5000;
/** Workers that may be lost over a job; its picture is left alone long before, and that is said. */
const MAX_LOST = 20;

interface TakeOptions {
  /** Jobs that are under way at a time, of each account. */
  readonly concurrency: number;
  /** Is told of what people take away. */
  readonly onLoss: (platform: string, loss: Loss) => void;
  /** As `LOST_MS`. */
  readonly lostMs?: number;
}

/** A job as it stands in Redis once a worker has had it. */
type TakenJob = Job & Partial<Pick<Turn, 'whispers'>>;

/** Does a job; where it rejects, the job is tried again after a while, here or elsewhere. */
type Perform = (job: Job, turn: Turn) => Promise<void>;

/** Takes jobs out of Redis and does them. */
export class RedisWorker {
  readonly #client: Redis;
  readonly #listening: Redis;
  readonly #log: Logger;
  readonly #options: Required<Pick<TakeOptions, 'concurrency' | 'lostMs'>>;
  readonly #workers: Worker<TakenJob>[] = [];
  #closed: Promise<void> | undefined;

  private constructor(client: Redis, listening: Redis, log: Logger, { concurrency, lostMs = LOST_MS }: TakeOptions) {
    this.#client = client;
    this.#listening = listening;
    this.#log = log;
    this.#options = { concurrency, lostMs };
  }

  /** Connects, and takes nothing yet. @throws Error where Redis cannot be reached or refuses */
  static async start(url: string, log: Logger, options: TakeOptions): Promise<RedisWorker> {
    // BullMQ wants one that waits for as long as it takes, and makes another of it for each account.
    const client = await connectRedis(url, log, { waits: true });
    const listening = client.duplicate();
    listening.on('error', (err) => log.warn({ err }, 'the connection to Redis is lost'));
    listening.on('message', (_, text: string) => {
      const { platform, loss } = JSON.parse(text) as { readonly platform: string; readonly loss: Loss };
      options.onLoss(platform, loss);
    });
    await listening.subscribe(LOSSES);
    return new RedisWorker(client, listening, log, options);
  }

  /** Takes the jobs of one of the bot's accounts from now on. */
  async take(account: string, perform: Perform): Promise<void> {
    if (this.#closed) return;
    const { concurrency, lostMs } = this.#options;
    const line = lineOf(account);
    const worker = new Worker<TakenJob>(
      line,
      async (job, token) => {
        await served(this.#client, line, job.id!, job.priority);
        const { whispers = 0, ...data } = job.data;
        await perform(data, {
          lost: job.stalledCounter,
          whispers,
          whisper: async (couldNot = false) => {
            try {
              await job.updateData({ ...data, whispers: couldNot ? whispers : whispers + 1 });
            } catch (err) {
              this.#log.warn({ err }, 'it could not be noted that something is said to its asker alone');
            }
          },
          isAgain: job.stalledCounter + job.attemptsMade > 0,
          isMine: async () => {
            try {
              return (await job.extendLock(token!, lostMs)) === 1;
            } catch {
              // Without Redis nobody can tell; it is not answered twice for that.
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

  /** Takes nothing more. Resolves when what is under way has ended. Later calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#listening.disconnect();
    this.#client.disconnect();
  }
}
