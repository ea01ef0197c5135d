import { Dispatcher } from '../commands/dispatcher.ts';
import type { PhotoServices } from '../commands/emotions.ts';
import { createCommands } from '../commands/index.ts';
import type { RetrainServices } from '../commands/retrain.ts';
import { unlessAborted } from './base/aborts.ts';
import type { Logger } from './base/log.ts';
import { isRedisConnected } from './base/redis.ts';
import { shutFolder } from './base/shut-folder.ts';
import type { Platform, PlatformContext } from './chat/platform.ts';
import { createPage, createPlatforms } from './chat/platforms.ts';
import { startPlatforms } from './chat/start-platforms.ts';
import type { Config } from './config.ts';
import type { MetricsServer } from './metrics/server.ts';
import type { TrainingFigures, Unanswered } from './metrics/sources.ts';
import { DamagedVersionWatch } from './retraining/damaged-version-watch.ts';
import { RetrainingFiles } from './retraining/files.ts';
import type { BoardFinder } from './retraining/notice-boards.ts';
import { openSettings } from './settings/open-settings.ts';
import { Opinions } from './settings/opinions.ts';
import type { Journal } from './work/journal.ts';
import { openJournal } from './work/open-journal.ts';
import { openClaims, openCooldown, openJobQueue } from './work/open-shared.ts';
import { FairQueue } from './work/queue.ts';

/** A bot that is talking to people. */
export interface Bot {
  /** Where people can talk to the bot, one line for each platform. */
  readonly addresses: readonly string[];
  /** Why other platforms are not connected, one line each. */
  readonly troubles: readonly string[];
  /** Accepts nothing new, finishes running work within the configured time and gives up the rest. Later calls wait for the first. */
  stop(): Promise<void>;
}

/**
 * Connects every platform that the configuration holds credentials for. With no credentials, or while no platform can be reached, it
 * opens the page on this machine. Where Redis is down, it waits for it.
 * @param readPhoto finds, reads and draws the faces of a picture file
 * @param training what /retrain works with; without it the command says that it cannot
 * @param ready resolves once the networks are loaded, which happens while the platforms connect. The bot has started only then; if this
 *   rejects, it does not start
 * @throws UserError 'bad-config' where the settings of people and channels cannot be opened
 * @throws Error where no platform can connect and trying again would not help
 */
export async function startBot(
  config: Config,
  log: Logger,
  readPhoto: PhotoServices['readPhoto'],
  training?: RetrainServices | Promise<RetrainServices>,
  ready?: Promise<unknown>,
): Promise<Bot> {
  // Handled here at once: the promise may reject before anything awaits it.
  void Promise.allSettled([training]);
  const metrics =
    config.metrics && (await (await import('./metrics/server.ts')).startMetricsServer(config.metrics, log));
  try {
    const bot = await connect(config, log, readPhoto, training, ready, metrics);
    return {
      ...bot,
      addresses: [...bot.addresses, ...(metrics ? [`Figures at ${metrics.origin}/metrics`] : [])],
      stop: () => bot.stop().finally(() => metrics?.close()),
    };
  } catch (error) {
    await metrics?.close();
    throw error;
  }
}

async function connect(
  config: Config,
  log: Logger,
  readPhoto: PhotoServices['readPhoto'],
  openTraining: RetrainServices | Promise<RetrainServices> | undefined,
  ready: Promise<unknown> = Promise.resolve(),
  metrics: MetricsServer | undefined,
): Promise<Bot> {
  const { concurrency, maxWaiting, maxBytes, readsForwards } = config.photos;
  let isLoaded = false;
  // Handled here at once: the promise may reject before anything awaits it.
  void ready.then(
    () => {
      isLoaded = true;
    },
    () => {},
  );
  const queue = new FairQueue({ concurrency, maxWaiting });
  const redis = async () => config.redisUrl !== undefined && { redis: await isRedisConnected(config.redisUrl) };
  metrics?.watch({
    queue,
    training: async () => undefined,
    unanswered: async () => undefined,
    parts: async () => ({ network: isLoaded, ...(await redis()), accepting: false }),
  });
  await shutState(config.stateDirectory, log);
  const settings = await openSettings(config, log);
  const journal = await openJournal(config, log);
  const cooldown = await openCooldown(config, log);
  const jobs = await openJobQueue(config, log);
  const claims = await openClaims(config, log);
  const training = await openTraining;
  const opinions = config.photos.asksIfRight && { opinions: new Opinions(settings, metrics?.observe) };
  const commands = createCommands(
    {
      readPhoto,
      queue,
      maxBytes,
      readsForwards,
      settings,
      cooldown,
      ...opinions,
    },
    training,
  );
  const dispatcher = new Dispatcher(commands, log, metrics?.observe, claims && ((command) => claims.claim(command)));
  const context: PlatformContext = {
    config,
    log,
    commands,
    settings,
    photos: { readPhoto, queue, maxBytes },
    ...opinions,
    ...(journal && { journal }),
    ...(jobs && { queue: jobs }),
    dispatch: (request) => dispatcher.dispatch(request),
  };
  const platforms = await createPlatforms(context);
  const openPage = async () => {
    const page = await createPage(context);
    platforms.push(page);
    return page;
  };
  const ending = new AbortController();
  let stopped: Promise<void> | undefined;
  metrics?.watch({
    queue,
    training: async () => await trainingFigures(training, log),
    unanswered: async () => await unansweredBy(journal, log),
    parts: async () => ({
      network: isLoaded,
      ...(await redis()),
      settings: await settings.isReachable(),
      ...Object.fromEntries(platforms.map(({ name, isConnected }) => [name, isConnected])),
      accepting: stopped === undefined,
    }),
  });
  const damage = watchDamage(config, training, log);
  const stop = () => {
    ending.abort();
    stopped ??= stopAll(platforms, queue, training, config.shutdownMs, log).finally(async () => {
      await damage?.stop();
      await Promise.all([settings.close(), journal?.close(), cooldown.close?.(), jobs?.close(), claims?.close()]);
    });
    return stopped;
  };
  try {
    const [started] = await Promise.all([startPlatforms(platforms, openPage, log, ending.signal), ready]);
    const named = (name: string) => platforms.find((platform) => platform.name === name && started.has(platform));
    const findBoard: BoardFinder = async (name, channel) => named(name)?.channel(channel);
    const serves = (name: string) => named(name) !== undefined;
    await training?.retraining.begin(findBoard, serves);
    await damage?.begin(findBoard, serves);
    return { addresses: started.addresses, troubles: started.troubles, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function watchDamage(
  { stateDirectory }: Config,
  training: RetrainServices | undefined,
  log: Logger,
): DamagedVersionWatch | undefined {
  if (training?.reading === undefined) return undefined;
  const { registry, reading, refresh } = training;
  return new DamagedVersionWatch({ files: new RetrainingFiles(stateDirectory), registry, reading, refresh, log });
}

async function trainingFigures(
  training: RetrainServices | undefined,
  log: Logger,
): Promise<TrainingFigures | undefined> {
  try {
    const status = (await training?.retraining.status())?.status;
    if (status === undefined) return undefined;
    const { progress } = status;
    const last = progress?.history.at(-1);
    return {
      running: status.state === 'running',
      epoch: progress?.history.length ?? 0,
      epochs: progress?.epochs ?? 0,
      ...(last && { accuracy: last.valAccuracy }),
    };
  } catch (err) {
    log.debug({ err }, 'the status of the training cannot be read');
    return undefined;
  }
}

async function unansweredBy(journal: Journal | undefined, log: Logger): Promise<Unanswered | undefined> {
  try {
    const open = await journal?.countOpen();
    return open && { count: open.count, oldestMs: open.since === undefined ? 0 : Math.max(0, Date.now() - open.since) };
  } catch (err) {
    log.warn({ err }, 'the jobs in the journal cannot be counted');
    return undefined;
  }
}

/** Whether a file in the state folder is the bot's own: its databases with their side files, or the folder of /retrain. */
const isState = (name: string) => name === 'retraining' || /\.db(\W|$)/.test(name);

/** Closes the state folder to other users of this machine, since it holds people's settings. Logs where it was open. */
async function shutState(directory: string, log: Logger): Promise<void> {
  try {
    const { shut, staysOpen } = await shutFolder(directory, isState);
    if (shut > 0)
      log.warn({ directory, shut }, 'the state folder was open to other users of this machine: I closed it');
    if (staysOpen) {
      log.warn(
        { directory },
        'other users may read the state folder. It holds other files too, so I leave it open: set STATE_DIR to a folder of its own',
      );
    }
  } catch (error) {
    log.warn({ directory, err: error }, 'the state folder may be open to other users, and I could not close it');
  }
}

async function stopAll(
  platforms: readonly Platform[],
  queue: FairQueue,
  training: RetrainServices | undefined,
  boundMs: number,
  log: Logger,
): Promise<void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error('the bot is stopping')), boundMs);
  const trainingStopped = training?.retraining.stop(deadline.signal);
  const results = await Promise.allSettled(platforms.map((platform) => platform.stop(deadline.signal)));
  for (const [p, result] of results.entries()) {
    if (result.status === 'rejected') {
      log.error({ platform: platforms[p]!.name, err: result.reason }, 'a platform did not stop cleanly');
    }
  }
  // Photos that were given up stop at the next check of their signal. The engine must not be released before that.
  await unlessAborted(queue.close(), deadline.signal).catch((error: unknown) => {
    if (!deadline.signal.aborted) throw error;
  });
  await trainingStopped;
  clearTimeout(timer);
}
