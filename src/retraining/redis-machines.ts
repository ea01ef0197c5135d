import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import type { Lease, Machines, Standing } from './machines.ts';

const KEY = `${REDIS_PREFIX}:retraining`;
/** Milliseconds that a lease lasts without renewal: after a machine has died, another may train that much later. */
const LEASE_MS = 30_000;
/** Renewals in that time. Each one also publishes the standing, and finds out whether the training has been cancelled. */
const RENEWALS = 6;

/** Takes or renews the lease. It compares the owner and sets the lease in one step. */
const HOLD = `
  local owner = redis.call('HGET', KEYS[1], 'job')
  if owner and owner ~= ARGV[1] then return 'other' end
  redis.call('HSET', KEYS[1], 'job', ARGV[1], 'standing', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return redis.call('HGET', KEYS[1], 'cancelled') and 'cancelled' or 'held'`;
const RELEASE = `if redis.call('HGET', KEYS[1], 'job') == ARGV[1] then redis.call('DEL', KEYS[1]) end`;
/** Marks the lease as cancelled, unless it has expired in the meantime. */
const CANCEL = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], 'cancelled', '1')
  return 1`;

const standingSchema = z.object({
  job: z.string(),
  architecture: z.string(),
  epoch: z.int().optional(),
  epochs: z.int().optional(),
});

/** Machines that share a Redis. The lease is a key with the training's id and a time to live. */
export class RedisMachines implements Machines {
  readonly #redis: RedisPart;
  readonly #log: Logger;
  readonly #leaseMs: number;

  private constructor(redis: RedisPart, log: Logger, leaseMs: number) {
    this.#redis = redis;
    this.#log = log;
    this.#leaseMs = leaseMs;
  }

  /**
   * @param options.leaseMs milliseconds that a lease lasts without being renewed
   * @param options.signal gives up waiting for a Redis that is away
   * @throws Error where Redis cannot be reached or refuses
   */
  static async connect(
    url: string,
    log: Logger,
    { leaseMs = LEASE_MS, signal }: { readonly leaseMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<RedisMachines> {
    return new RedisMachines(await shareRedis(url, log, signal), log, leaseMs);
  }

  async claim(
    job: string,
    options: { readonly standing: () => Standing; readonly onCancel: () => void },
  ): Promise<Lease | undefined> {
    const answer = await explained(() => this.#hold(job, options.standing()));
    if (answer === 'other') return undefined;
    if (answer === 'cancelled') options.onCancel();
    return this.#keep(job, options, answer === 'cancelled');
  }

  async current(): Promise<Standing | undefined> {
    const text = await explained(() => this.#redis.client.hget(KEY, 'standing'));
    return text === null ? undefined : standingSchema.parse(JSON.parse(text));
  }

  async cancel(): Promise<boolean> {
    return (await explained(() => this.#redis.client.eval(CANCEL, 1, KEY))) === 1;
  }

  async close(): Promise<void> {
    this.#redis.release();
  }

  async #hold(job: string, standing: Standing): Promise<unknown> {
    return await this.#redis.client.eval(HOLD, 1, KEY, job, JSON.stringify(standing), this.#leaseMs);
  }

  #keep(
    job: string,
    { standing, onCancel }: { readonly standing: () => Standing; readonly onCancel: () => void },
    isCancelled: boolean,
  ): Lease {
    const lost = new AbortController();
    let hasCancelled = isCancelled;
    // Measured before each renewal, so it is never later than the lease's own start in Redis.
    let heldSince = performance.now();
    let renewing: Promise<void> | undefined;
    const lose = () => {
      clearInterval(timer);
      lost.abort(new Error('another machine may train'));
    };
    const renew = async () => {
      const before = performance.now();
      try {
        const answer = await this.#hold(job, standing());
        if (answer === 'other') return lose();
        heldSince = before;
        if (answer === 'cancelled' && !hasCancelled) {
          hasCancelled = true;
          onCancel();
        }
      } catch (err) {
        this.#log.warn({ err }, 'the right to train among all machines could not be renewed');
        if (performance.now() - heldSince >= this.#leaseMs) lose();
      }
    };
    const timer = setInterval(() => {
      renewing ??= renew().finally(() => {
        renewing = undefined;
      });
    }, this.#leaseMs / RENEWALS).unref();
    return {
      lost: lost.signal,
      release: async () => {
        clearInterval(timer);
        await renewing;
        try {
          await this.#redis.client.eval(RELEASE, 1, KEY, job);
        } catch (err) {
          this.#log.warn({ err }, 'the right to train could not be given back; it runs out by itself');
        }
      },
    };
  }
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new UserError(
      'busy',
      'I cannot look up at the moment whether a training is under way on another machine. Try again in a minute.',
      { cause },
    );
  }
}
