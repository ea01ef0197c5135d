import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { createWorkerPool, type WorkerPool } from '../base/workers.ts';
import type { Classifier, Reading } from '../emotion/classifier.ts';
import type { EngineChoice, Provider } from '../emotion/engines/engine.ts';
import { FACE_PIXELS } from '../emotion/labels.ts';
import { joinCrops } from '../emotion/views.ts';
import type { ClassifierAnswer, ClassifierTask, NetworkChoice } from './classifier-worker.ts';
import type { InstalledNetwork } from './installed-network.ts';
import type { VersionRegistry } from './registry.ts';
import type { VersionId } from './shipped.ts';

/** Milliseconds between looks at which version is in use. A look reads one small file. */
const LOOK_EVERY_MS = 1000;
/** Milliseconds until a version that could not be loaded is tried again: its file may have been repaired, or memory was short. */
const AGAIN_MS = 10 * 60_000;

interface LiveOptions {
  /** The engine; onnx by default. */
  readonly engine?: EngineChoice;
  /** Threads to compute with; the engine's choice by default. */
  readonly threads?: number;
  /** onnxruntime's execution provider; the CPU by default. Where the chosen one is not available the CPU is used and the log says so. */
  readonly provider?: Provider;
  readonly lookEveryMs?: number;
  /** Milliseconds until a version that could not be loaded is tried again. */
  readonly againMs?: number;
}

/**
 * Reads faces with the version that is in use, and follows when any process puts another one in use. The network lives on a
 * thread of its own: this thread neither loads nor computes.
 */
export class LiveClassifier implements Classifier {
  readonly #registry: VersionRegistry;
  readonly #options: Omit<NetworkChoice, 'version'>;
  readonly #log: Logger;
  readonly #worker: WorkerPool<ClassifierTask, ClassifierAnswer>;
  #timer: NodeJS.Timeout | undefined;
  #version: VersionId = 0;
  /** The version that could not be loaded when it was put in use. It is tried again after a while, or once it is chosen again. */
  #refused: VersionId | undefined;
  #refusedAt = 0;
  readonly #againMs: number;
  #refreshing: Promise<void> | undefined;
  /** The engine's trouble that was logged last. */
  #trouble: string | undefined;

  private constructor(registry: VersionRegistry, log: Logger, options: LiveOptions) {
    const { engine = 'onnx', threads, provider, againMs = AGAIN_MS } = options;
    this.#registry = registry;
    this.#againMs = againMs;
    this.#options = {
      modelDirectory: registry.directoryOf(0),
      engine,
      ...(threads === undefined ? {} : { threads }),
      ...(provider === undefined ? {} : { provider }),
    };
    this.#log = log;
    const worker = new URL('./classifier-worker.ts', import.meta.url);
    this.#worker = createWorkerPool(worker, { threads: 1, uninterruptible: true });
  }

  /**
   * Loads the version in use. Where that is damaged it tries the previous one, then the shipped one, then all others.
   * @throws UserError 'bad-model' where none can be loaded, 'bad-usage' where the engine cannot
   */
  static async open(registry: VersionRegistry, log: Logger, options: LiveOptions = {}): Promise<LiveClassifier> {
    const live = new LiveClassifier(registry, log, options);
    try {
      await live.#start();
    } catch (error) {
      await live.#worker.close();
      throw error;
    }
    live.#timer = setInterval(() => void live.refresh(), options.lookEveryMs ?? LOOK_EVERY_MS).unref();
    return live;
  }

  /** The version that faces are read with, and the version in use if that could not be loaded. */
  get installed(): InstalledNetwork {
    return { version: this.#version, ...(this.#refused !== undefined && { refused: this.#refused }) };
  }

  async classify(crops: readonly Uint8Array[], signal?: AbortSignal): Promise<Reading[]> {
    if (crops.length === 0) return [];
    // Shared memory, so that nothing is copied on the way to the thread.
    const bytes = joinCrops(crops, new Uint8Array(new SharedArrayBuffer(crops.length * FACE_PIXELS)));
    return await this.#run({ kind: 'read', network: this.#choose(this.#version), crops: bytes }, signal);
  }

  /** Looks now rather than at the next tick. Never rejects: where a version cannot be loaded, the old one stays in use. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#follow().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Ends the thread once the calls under way have been answered. */
  async dispose(): Promise<void> {
    clearInterval(this.#timer);
    await this.#refreshing;
    await this.#run({ kind: 'free' });
    await this.#worker.close();
  }

  async #start(): Promise<void> {
    const { version, before = 0 } = await this.#registry.inUse();
    const refusals: { readonly version: VersionId; readonly err: unknown }[] = [];
    for (const candidate of new Set([version, before, 0, ...(await this.#others())])) {
      try {
        await this.#use(candidate);
        if (candidate !== version) this.#refuse(version);
        for (const refusal of refusals) this.#log.error(refusal, 'a version cannot be loaded; taking another');
        return;
      } catch (error) {
        // Without an engine no version can be loaded.
        if (error instanceof UserError && error.code === 'bad-usage') throw error;
        refusals.push({ version: candidate, err: error });
      }
    }
    throw refusals[0]!.err;
  }

  /** All other versions: trained ones, the newest first, then the shipped ones. */
  async #others(): Promise<VersionId[]> {
    const [trained, shipped] = await Promise.all([this.#registry.list(), this.#registry.shipped()]);
    return [...trained.reverse(), ...shipped].map(({ version }) => version);
  }

  async #follow(): Promise<void> {
    let wanted: VersionId | undefined;
    try {
      wanted = (await this.#registry.inUse()).version;
      if (wanted !== this.#refused) this.#refused = undefined;
      const isTooSoon = performance.now() - this.#refusedAt < this.#againMs;
      if (wanted === this.#version || (wanted === this.#refused && isTooSoon)) return;
      await this.#use(wanted);
      this.#refused = undefined;
      this.#log.info({ version: wanted }, 'another version of the network is in use');
    } catch (error) {
      this.#refuse(wanted);
      this.#log.error({ err: error, version: wanted }, 'a version could not be put in use; the old one stays');
    }
  }

  #refuse(version: VersionId | undefined): void {
    this.#refused = version;
    this.#refusedAt = performance.now();
  }

  async #use(version: VersionId): Promise<void> {
    await this.#run({ kind: 'use', network: this.#choose(version) });
    this.#version = version;
  }

  #choose(version: VersionId): NetworkChoice {
    return { ...this.#options, version };
  }

  async #run(task: ClassifierTask, signal?: AbortSignal): Promise<Reading[]> {
    const answer = await this.#worker.run(task, signal);
    if ('mistake' in answer) throw new UserError(answer.mistake.code, answer.mistake.message);
    const { trouble } = answer;
    if (trouble !== undefined && trouble !== this.#trouble)
      this.#log.warn({ trouble }, 'faces are read on the processor instead of a card');
    this.#trouble = trouble;
    return [...answer.readings];
  }
}
