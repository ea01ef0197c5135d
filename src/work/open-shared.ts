import type { Logger } from '../base/log.ts';
import { connectOrExplain } from '../base/redis.ts';
import type { Config } from '../config.ts';
import { type Cooldown, PhotoCooldown } from './cooldown.ts';
import type { JobQueue } from './job-queue.ts';
import type { RedisClaims } from './redis-claims.ts';

/**
 * Opens the limits on photos, which hold for all processes that share a Redis.
 * @throws UserError 'bad-config' where Redis cannot be used
 */
export async function openCooldown(
  { redisUrl, cooldown }: Pick<Config, 'redisUrl' | 'cooldown'>,
  log: Logger,
): Promise<Cooldown & { close?(): Promise<void> }> {
  if (redisUrl === undefined) return new PhotoCooldown(cooldown);
  return await connectOrExplain(async () =>
    (await import('./redis-cooldown.ts')).RedisCooldown.connect(redisUrl, log, cooldown),
  );
}

/**
 * Opens the claims on commands that several processes receive.
 * @returns undefined without Redis
 * @throws UserError 'bad-config' where Redis cannot be used
 */
export async function openClaims(
  { redisUrl }: Pick<Config, 'redisUrl'>,
  log: Logger,
): Promise<RedisClaims | undefined> {
  if (redisUrl === undefined) return undefined;
  return await connectOrExplain(async () => (await import('./redis-claims.ts')).RedisClaims.connect(redisUrl, log));
}

/**
 * Opens the queue that hands posted photos to workers.
 * @returns undefined where the bot reads them itself
 * @throws UserError 'bad-config' where Redis cannot be used
 */
export async function openJobQueue(config: Config, log: Logger): Promise<JobQueue | undefined> {
  const { redisUrl, usesWorkers, photos } = config;
  if (redisUrl === undefined || !usesWorkers) return undefined;
  const { maxWaiting } = photos;
  return await connectOrExplain(async () =>
    (await import('./redis-queue.ts')).RedisJobQueue.connect(redisUrl, log, { maxWaiting }),
  );
}
