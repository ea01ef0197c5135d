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
  /** The bot's accounts whose jobs are taken. */
  readonly accounts: readonly string[];
  /** Jobs that are under way at a time, of each account. */
  readonly concurrency: number;
  /** Does a job; where it rejects, the job is tried again after a while, here or elsewhere. */
  readonly perform: (job: Job, turn: Turn) => Promise<void>;
  /** Is told of what people take away. */
  readonly onLoss: (platform: string, loss: Loss) => void;
  /** As `LOST_MS`. */
  readonly lostMs?: number;
}

/** Takes jobs out of Redis and does them. */
export class RedisWorker {
  readonly #client: Redis;
  readonly #listening: Redis;
  readonly #workers: readonly Worker<Job>[];

  private constructor(client: Redis, listening: Redis, workers: readonly Worker<Job>[]) {
    this.#client = client;
    this.#listening = listening;
    this.#workers = workers;
  }

  /** @throws Error where Redis cannot be reached or refuses */
  static async start(url: string, log: Logger, options: TakeOptions): Promise<RedisWorker> {
    const { accounts, concurrency, perform, onLoss, lostMs = LOST_MS } = options;
    const client = await connectRedis(url, log, { waits: true });
    const listening = client.duplicate();
    listening.on('error', (err) => log.warn({ err }, 'the connection to Redis is lost'));
    listening.on('message', (_, text: string) => {
      const { platform, loss } = JSON.parse(text) as { readonly platform: string; readonly loss: Loss };
      onLoss(platform, loss);
    });
    await listening.subscribe(LOSSES);
    const workers = accounts.map((account) => {
      const line = lineOf(account);
      const worker = new Worker<Job>(
        line,
        async (job, token) => {
          await served(client, line, job.id!, job.priority);
          await perform(job.data, {
            lost: job.stalledCounter,
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
          connection: client,
          prefix: REDIS_PREFIX,
          concurrency,
          lockDuration: lostMs,
          stalledInterval: Math.min(LOOK_MS, lostMs),
          maxStalledCount: MAX_LOST,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
        },
      );
      worker.on('error', (err) => log.warn({ err }, 'taking photos from Redis failed'));
      worker.on('failed', (_, err) => log.warn({ err }, 'a photo could not be answered; it is tried again'));
      return worker;
    });
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    return new RedisWorker(client, listening, workers);
  }

  /** Takes nothing more. Resolves when what is under way has ended. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    this.#listening.disconnect();
    this.#client.disconnect();
  }
}
