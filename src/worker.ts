import { Dispatcher } from '../commands/dispatcher.ts';
import type { PhotoServices } from '../commands/emotions.ts';
import { createCommands } from '../commands/index.ts';
import { unlessAborted } from './base/aborts.ts';
import { UserError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { connectOrExplain, isRedisConnected } from './base/redis.ts';
import { createChatWorkers } from './chat/chat-workers.ts';
import { startPlatforms } from './chat/start-platforms.ts';
import type { Config } from './config.ts';
import { openSettings } from './settings/open-settings.ts';
import { Opinions } from './settings/opinions.ts';
import { openCooldown } from './work/open-shared.ts';
import { FairQueue } from './work/queue.ts';
import { RedisWorker } from './work/redis-worker.ts';

/** Milliseconds for telling Redis that the last jobs have ended. While Redis is away, that would never end. */
const LAST_WORD_MS = 2000;

/** A process that answers photos which bots have put into Redis. */
export interface PhotoWorker {
  /** Why it does not answer on other chats, one line each. */
  readonly troubles: readonly string[];
  /**
   * Accepts nothing new, finishes running work within the configured time, leaves the rest to other workers. Later calls wait for the
   * first.
   */
  stop(): Promise<void>;
}

/**
 * Takes photos from Redis and answers them, on every platform that the configuration holds credentials for. Where Redis is down, it waits
 * for it. A chat that cannot be reached is tried again until it can.
 * @param readPhoto finds, reads and draws the faces of a picture file
 * @param ready resolves once the networks are loaded; no photo is taken before
 * @throws UserError 'bad-config' where there is no Redis or no platform, or where Redis or all platforms refuse the worker
 */
export async function startWorker(
  config: Config,
  log: Logger,
  readPhoto: PhotoServices['readPhoto'],
  ready: Promise<unknown> = Promise.resolve(),
): Promise<PhotoWorker> {
  const { redisUrl, shutdownMs } = config;
  const { lostMs } = config.internal;
  const { concurrency, maxWaiting, maxBytes, readsForwards, asksIfRight } = config.photos;
  if (redisUrl === undefined)
    throw new UserError('bad-config', 'REDIS_URL is missing: a worker takes photos from there.');
  if (config.discord === undefined && config.slack === undefined) {
    throw new UserError('bad-config', 'There is no token: a worker needs those of the bot that it answers for.');
  }
  const metrics =
    config.metrics && (await (await import('./metrics/server.ts')).startMetricsServer(config.metrics, log));
  const ends: (() => Promise<void> | void)[] = [() => metrics?.close()];
  const end = async () => {
    for (const one of ends.splice(0).reverse()) await one();
  };
  const queue = new FairQueue({ concurrency, maxWaiting });
  const ending = new AbortController();
  let readiness: () => Promise<Readonly<Record<string, boolean>>> = async () => ({});
  metrics?.watch({
    queue,
    training: async () => undefined,
    unanswered: async () => undefined,
    parts: async () => ({
      redis: await isRedisConnected(redisUrl),
      network: false,
      accepting: false,
      ...(await readiness()),
    }),
  });
  try {
    const settings = await openSettings(config, log);
    ends.push(() => settings.close());
    const cooldown = await openCooldown(config, log);
    ends.push(() => cooldown.close?.());
    const opinions = asksIfRight && { opinions: new Opinions(settings, metrics?.observe) };
    const services = { readPhoto, queue, maxBytes, readsForwards, settings, cooldown, ...opinions };
    const commands = createCommands(services);
    const dispatcher = new Dispatcher(commands, log, metrics?.observe);
    const dispatch = dispatcher.dispatch.bind(dispatcher);
    const photos = { readPhoto, queue, maxBytes };
    const chats = await createChatWorkers({ config, log, commands, settings, photos, ...opinions, dispatch });
    const taking = await connectOrExplain(() =>
      RedisWorker.start(redisUrl, log, {
        ...(lostMs !== undefined && { lostMs }),
        // One photo may be read while the answer to another is sent.
        concurrency: 2 * concurrency,
        onRemoval: (platform, removal) => chats.find(({ name }) => name === platform)?.onRemoval(removal),
      }),
    );
    ends.push(() => taking.disconnect());
    const takers = chats.map((chat) => ({
      name: chat.name,
      start: async () => {
        const account = await chat.start();
        await ready;
        await taking.take(account, async (job, turn) => await chat.perform(job, turn));
        return account;
      },
    }));
    const [started] = await Promise.all([startPlatforms(takers, undefined, log, ending.signal), ready]);
    let stopped: Promise<void> | undefined;
    readiness = async () => ({
      network: true,
      settings: await settings.isReachable(),
      ...Object.fromEntries(takers.map((taker) => [taker.name, started.has(taker)])),
      accepting: stopped === undefined,
    });
    const stop = async () => {
      ending.abort(new Error('the worker is stopping'));
      const deadline = AbortSignal.timeout(shutdownMs);
      const closed = taking.close();
      await Promise.all(chats.map((chat) => chat.stop(deadline)));
      // Photos that were given up stop at the next check of their signal.
      await unlessAborted(queue.close(), deadline).catch(() => {});
      try {
        await unlessAborted(closed, AbortSignal.timeout(LAST_WORD_MS));
      } catch (err) {
        log.warn({ err }, 'Redis could not be told of the last photos; another worker looks whether they are answered');
      }
      await end();
    };
    return {
      troubles: started.troubles,
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    ending.abort(error);
    await end();
    throw error;
  }
}
