import type { PhotoServices } from '../commands/emotions.ts';
import { giveBack } from './base/large-bytes.ts';
import type { Logger } from './base/log.ts';
import { connectOrExplain } from './base/redis.ts';
import type { Config } from './config.ts';
import { createFaceDetector } from './photo/faces/create-detector.ts';
import type { InstalledNetwork } from './versions/installed-network.ts';
import { LiveClassifier } from './versions/live-classifier.ts';
import type { VersionRegistry } from './versions/registry.ts';
import type { SharedNetworks } from './versions/shared-networks.ts';

/** Reads photos with loaded networks until it is released. */
export interface Reader {
  readonly read: PhotoServices['readPhoto'];
  readonly refresh: () => Promise<void>;
  /** The emotion network in use. */
  readonly installed: () => InstalledNetwork;
  readonly release: () => Promise<void>;
}

/**
 * Starts the threads, loads the networks and reads an empty picture with them, so that the first photo does not wait for any of that.
 * @param signal gives up waiting for a Redis that is down
 */
export async function openReader(
  config: Config,
  registry: VersionRegistry,
  log: Logger,
  signal?: AbortSignal,
): Promise<Reader> {
  const { detector: choice, openCv, concurrency, maxBytes } = config.photos;
  const { engine, threads, provider } = config.model;
  const detector = createFaceDetector({ detector: choice, openCv, threads: concurrency });
  let classifier: LiveClassifier | undefined;
  let networks: SharedNetworks | undefined;
  const release = async () => {
    await Promise.all([detector.close(), classifier?.dispose(), networks?.close()]);
  };
  try {
    // This comes before a network is loaded: another machine may have put a different one in use.
    networks = await openNetworks(config, log, signal);
    const [{ readPhoto, warmUp }, live] = await Promise.all([
      import('./photo/read-photo.ts'),
      LiveClassifier.open(registry, log, { engine, threads, provider }),
    ]);
    classifier = live;
    const tools = { detector, classifier, limits: { maxBytes } };
    await warmUp(tools);
    return {
      read: (bytes, signal, hold, moving, withCopy) =>
        readPhoto(bytes, tools, {
          annotate: true,
          signal,
          onStart: hold,
          onDecoded: () => giveBack(bytes),
          ...(moving && { moving }),
          ...(withCopy && { copy: true }),
        }),
      refresh: async () => {
        await Promise.all([networks?.look(), live.refresh()]);
      },
      installed: () => live.installed,
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Brings this machine's networks in step with those of the machines that share a Redis.
 * @returns undefined without Redis
 * @throws UserError 'bad-config' where Redis cannot be used
 */
async function openNetworks(
  { redisUrl, model }: Config,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<SharedNetworks | undefined> {
  if (redisUrl === undefined) return undefined;
  return await connectOrExplain(async () =>
    (await import('./versions/shared-networks.ts')).SharedNetworks.start(redisUrl, model.directory, log, {
      ...(signal && { signal }),
    }),
  );
}

/** Returns a function that frees a reader as soon as it has been opened, and does nothing if opening it fails. */
export function releaserOf(opening: Promise<Reader>): () => Promise<void> {
  // Handled here at once: the promise may reject before anything awaits it.
  const opened = Promise.allSettled([opening]);
  return async () => {
    const [reader] = await opened;
    if (reader.status === 'fulfilled') await reader.value.release();
  };
}
