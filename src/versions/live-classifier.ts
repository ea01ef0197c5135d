import type { Logger } from '../base/log.ts';
import type { Classifier, Reading } from '../emotion/classifier.ts';
import { FACE_PIXELS } from '../emotion/labels.ts';
import { type ClassifierOptions, loadClassifier } from '../emotion/load-classifier.ts';
import type { VersionRegistry } from './registry.ts';
import { SwappableClassifier } from './swappable-classifier.ts';

/** Milliseconds between looks at which version is in use: a small file, read whole. */
const LOOK_EVERY_MS = 1000;

/** Reads faces with the version that is in use, and follows when any process puts another one in use. */
export class LiveClassifier implements Classifier {
  readonly #registry: VersionRegistry;
  readonly #options: ClassifierOptions;
  readonly #log: Logger;
  readonly #classifier: SwappableClassifier;
  readonly #timer: NodeJS.Timeout;
  #version: number;
  /** Could not be loaded when it was put in use: not tried again and again. */
  #refused: number | undefined;
  #refreshing: Promise<void> | undefined;

  private constructor(
    registry: VersionRegistry,
    options: ClassifierOptions,
    log: Logger,
    opened: { readonly version: number; readonly classifier: Classifier },
    lookEveryMs: number,
  ) {
    this.#registry = registry;
    this.#options = options;
    this.#log = log;
    this.#version = opened.version;
    this.#classifier = new SwappableClassifier(opened.classifier);
    this.#timer = setInterval(() => void this.refresh(), lookEveryMs).unref();
  }

  /**
   * Loads the version in use; where that is damaged, the one before, then the shipped one.
   * @throws UserError 'bad-model' where none can be loaded
   */
  static async open(
    registry: VersionRegistry,
    log: Logger,
    options: ClassifierOptions = {},
    lookEveryMs = LOOK_EVERY_MS,
  ): Promise<LiveClassifier> {
    const { version, before = 0 } = await registry.inUse();
    const candidates = [...new Set([version, before, 0])];
    for (const candidate of candidates.slice(0, -1)) {
      try {
        const classifier = await load(registry, candidate, options);
        return new LiveClassifier(registry, options, log, { version: candidate, classifier }, lookEveryMs);
      } catch (error) {
        log.error({ err: error, version: candidate }, 'a version cannot be loaded; taking the one before');
      }
    }
    const last = candidates.at(-1)!;
    const classifier = await load(registry, last, options);
    return new LiveClassifier(registry, options, log, { version: last, classifier }, lookEveryMs);
  }

  /** The version that faces are read with. */
  get version(): number {
    return this.#version;
  }

  classify(crops: readonly Uint8Array[]): Promise<Reading[]> {
    return this.#classifier.classify(crops);
  }

  /** Looks now rather than at the next tick. Never rejects: a version that cannot be loaded leaves the old one in use. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#follow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async dispose(): Promise<void> {
    clearInterval(this.#timer);
    await this.#refreshing;
    await this.#classifier.dispose();
  }

  async #follow(): Promise<void> {
    let wanted: number | undefined;
    try {
      wanted = (await this.#registry.inUse()).version;
      if (wanted !== this.#refused) this.#refused = undefined;
      if (wanted === this.#version || wanted === this.#refused) return;
      const next = await load(this.#registry, wanted, this.#options);
      this.#version = wanted;
      this.#log.info({ version: wanted }, 'another version of the network is in use');
      // Not awaited: photos under way end in the old one, which is freed after the last of them.
      void this.#classifier.swap(next);
    } catch (error) {
      this.#refused = wanted;
      this.#log.error({ err: error, version: wanted }, 'a version could not be put in use; the old one stays');
    }
  }
}

/** Loads a version and reads one face with it, so that the first photo does not wait for the network to get ready. */
async function load(registry: VersionRegistry, version: number, options: ClassifierOptions): Promise<Classifier> {
  await registry.verify(version);
  const classifier = await loadClassifier(registry.directoryOf(version), options);
  await classifier.classify([new Uint8Array(FACE_PIXELS)]);
  return classifier;
}
