/**
 * Runs in a worker thread, since a network is loaded, warmed up and run on the thread that calls it. The thread does one task
 * at a time, so a network is never replaced while it reads faces.
 */
import { UserError, type UserErrorCode } from '../base/errors.ts';
import { type Classifier, createClassifier, type Reading } from '../emotion/classifier.ts';
import { createEngine } from '../emotion/engines/create-engine.ts';
import type { Engine, EngineChoice, Provider } from '../emotion/engines/engine.ts';
import { FACE_PIXELS } from '../emotion/labels.ts';
import { VersionRegistry } from './registry.ts';
import type { VersionId } from './shipped.ts';

/** A version of the network, and the engine that it runs on. */
export interface NetworkChoice {
  readonly modelDirectory: string;
  readonly version: VersionId;
  readonly engine: EngineChoice;
  /** onnxruntime's execution provider; the CPU by default, and where the chosen one is not available. */
  readonly provider?: Provider;
  /** Threads to compute with; the engine's choice by default. */
  readonly threads?: number;
}

export type ClassifierTask =
  /** Loads a network and uses it from now on. Where it cannot be loaded, the previous one stays. */
  | { readonly kind: 'use'; readonly network: NetworkChoice }
  /**
   * Reads crops, n * 2304 gray bytes one after the other, with the network in use; `network` is loaded where the thread has
   * none yet.
   */
  | { readonly kind: 'read'; readonly network: NetworkChoice; readonly crops: Uint8Array }
  /** Frees the network. */
  | { readonly kind: 'free' };

/** A UserError is passed as its code and message, since errors lose their class between threads. `trouble` is the engine's. */
export type ClassifierAnswer =
  | { readonly readings: readonly Reading[]; readonly trouble?: string }
  | { readonly mistake: { readonly code: UserErrorCode; readonly message: string } };

let engine: Promise<Engine> | undefined;
let inUse: Classifier | undefined;

export default async function runTask(task: ClassifierTask): Promise<ClassifierAnswer> {
  try {
    const readings = await answer(task);
    const trouble = (await engine)?.trouble;
    return { readings, ...(trouble !== undefined && { trouble }) };
  } catch (error) {
    if (error instanceof UserError) return { mistake: { code: error.code, message: error.message } };
    throw error;
  }
}

async function answer(task: ClassifierTask): Promise<Reading[]> {
  if (task.kind === 'read') {
    inUse ??= await load(task.network);
    try {
      return await inUse.classify(cropsOf(task.crops));
    } catch (error) {
      // Its graphics card was reset, say: the next faces load the network anew.
      const broken = inUse;
      inUse = undefined;
      await broken.dispose().catch(() => {});
      throw error;
    }
  }
  const next = task.kind === 'use' ? await load(task.network) : undefined;
  const former = inUse;
  inUse = next;
  // One that a reset card has taken along may not let itself be freed. The new one is in use all the same.
  await former?.dispose().catch(() => {});
  return [];
}

/** Loads a network and reads one face with it, so that the first photo does not wait for the warm-up. */
async function load({
  modelDirectory,
  version,
  engine: choice,
  threads,
  provider,
}: NetworkChoice): Promise<Classifier> {
  engine ??= createEngine(choice, {
    ...(threads === undefined ? {} : { threads }),
    ...(provider === undefined ? {} : { provider }),
  }).catch((error: unknown) => {
    // For want of memory, say: the next task tries again.
    engine = undefined;
    throw error;
  });
  const options = { engine: await engine, ...(threads === undefined ? {} : { threads }) };
  const registry = new VersionRegistry(modelDirectory);
  const model = await registry.load(version);
  const classifier = await createClassifier(model, registry.directoryOf(version), options);
  try {
    await classifier.classify([new Uint8Array(FACE_PIXELS)]);
    return classifier;
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

function cropsOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / FACE_PIXELS }, (_, k) =>
    bytes.subarray(k * FACE_PIXELS, (k + 1) * FACE_PIXELS),
  );
}
