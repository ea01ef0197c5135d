import type { PhotoServices } from '../commands/emotions.ts';
import { giveBack } from './base/large-bytes.ts';
import type { Logger } from './base/log.ts';
import { usable } from './base/redis.ts';
import type { Config } from './config.ts';
import { createFaceDetector } from './photo/faces/create-detector.ts';
import type { InstalledNetwork } from './versions/instead.ts';
import { LiveClassifier } from './versions/live-classifier.ts';
import type { VersionRegistry } from './versions/registry.ts';
import type { SharedNetworks } from './versions/shared-networks.ts';

/** What reads photos, and what frees it. */
export interface Reader {
  readonly read: PhotoServices['readPhoto'];
  readonly refresh: () => Promise<void>;
  /** The network that is read with. */
  readonly installed: () => InstalledNetwork;
  readonly release: () => Promise<void>;
}

/**
 * Opens threads and networks, and has them read a picture of nothing, so that the first photo waits for nothing but itself.
 * @param signal gives up waiting for a Redis that is away
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
    // Before a network is loaded: others may have put another one in use.
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

/** The networks that machines share, brought in step; undefined where they share no Redis. @throws UserError 'bad-config' where it cannot be used */
async function openNetworks(
  { redisUrl, model }: Config,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<SharedNetworks | undefined> {
  if (redisUrl === undefined) return undefined;
  return await usable(async () =>
    (await import('./versions/shared-networks.ts')).SharedNetworks.start(redisUrl, model.directory, log, {
      ...(signal && { signal }),
    }),
  );
}

/** What frees a reader that may not have been opened yet, or cannot be. */
export function releaserOf(opening: Promise<Reader>): () => Promise<void> {
  // At once: it may reject before anybody waits for it.
  const opened = Promise.allSettled([opening]);
  return async () => {
    const [reader] = await opened;
    if (reader.status === 'fulfilled') await reader.value.release();
  };
}
