import { createHash } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, UserError } from '../../base/errors.ts';
import { entriesOf, makeFolder, sha256, syncDirectory, writeDurably } from '../../base/files.ts';
import type { TrainingState } from '../../emotion/engines/engine.ts';
import { loadModel, saveModel } from '../../emotion/layers-format/layers-format.ts';
import type { Network, Weights } from '../../emotion/network.ts';
import type { FaceSet } from '../data/face-set.ts';
import { keptPlan, planDifferences, type TrainingPlan } from './plan.ts';

/** The figures of an epoch that a checkpoint and a training's status keep. */
export const epochSchema = z.object({
  loss: z.number(),
  accuracy: z.number(),
  valLoss: z.number(),
  valAccuracy: z.number(),
  /** Seconds that training took, without validation, and images a second in that time. */
  seconds: z.number(),
  imagesPerSecond: z.number(),
});

/** Result of an epoch. Losses are means a sample; accuracies are 0..1. */
export type EpochResult = Readonly<z.infer<typeof epochSchema>>;

const progressSchema = z.object({
  /** The plan of the run, as JSON: a resumed run must have the same. */
  plan: z.string(),
  /** SHA-256 over the training and validation rows: a resumed run must have the same. */
  data: z.string(),
  /** The epoch (from 0) and the batch in it (from 0) that come next. */
  epoch: z.int(),
  batch: z.int(),
  /** Sums over the batches of the current epoch so far. */
  lossSum: z.number(),
  correct: z.number(),
  seconds: z.number(),
  history: z.array(epochSchema),
  /** The commands that made the weights that the run started from, the oldest first; absent for random weights. */
  origin: z.array(z.string()).optional(),
  /** The epoch (from 0) with the best validation accuracy so far; -1 before the first. */
  bestEpoch: z.int(),
});

/** Progress of a run. Its weights and optimizer state are stored apart from it. */
export type RunProgress = Readonly<z.infer<typeof progressSchema>>;

interface Checkpoint {
  readonly weights: Weights;
  readonly state: TrainingState;
  readonly progress: RunProgress;
}

const stateSchema = z.object({
  step: z.int(),
  sha256: z.string(),
  slots: z.array(z.object({ name: z.string(), length: z.int() })),
  progress: progressSchema,
});

const STATE_FILE = 'state.json';
const SLOTS_FILE = 'slots.bin';
const NAME = /^checkpoint-(\d{9})$/;
/** How many checkpoints are kept: the newest, and the previous one in case the newest is damaged. */
const KEPT = 2;
/** The system's errors that say nothing about a file: there are too many open ones, no memory is left, or it may not be read. */
const NOT_FOR_NOW: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EACCES', 'EPERM']);

/** Fingerprint of the part of a plan that must not change between a run and its resumption. */
export function planKey(plan: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(plan).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/**
 * Writes a checkpoint into a run's directory: under a temporary name, synced to the disk, then renamed, so that a crash leaves
 * either all of it or nothing. Checkpoints older than the previous one are removed.
 */
export async function saveCheckpoint(directory: string, network: Network, checkpoint: Checkpoint): Promise<void> {
  const name = `checkpoint-${String(checkpoint.state.step).padStart(9, '0')}`;
  const aside = join(directory, `${name}.tmp`);
  // A run that was killed may have left one that it had half written.
  for (const left of await entriesOf(directory))
    if (left.endsWith('.tmp') && NAME.test(left.slice(0, -'.tmp'.length)))
      await rm(join(directory, left), { recursive: true, force: true });
  await makeFolder(aside);
  await saveModel(aside, { network, weights: checkpoint.weights });
  const slots = [...checkpoint.state.slots];
  const bytes = Buffer.concat(slots.map(([, data]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  await writeDurably(join(aside, SLOTS_FILE), bytes);
  const state: z.infer<typeof stateSchema> = {
    step: checkpoint.state.step,
    sha256: sha256(bytes),
    slots: slots.map(([slot, data]) => ({ name: slot, length: data.length })),
    progress: { ...checkpoint.progress, history: [...checkpoint.progress.history] },
  };
  await writeDurably(join(aside, STATE_FILE), JSON.stringify(state));
  await rm(join(directory, name), { recursive: true, force: true });
  await rename(aside, join(directory, name));
  await syncDirectory(directory);
  for (const old of (await checkpointNames(directory)).slice(KEPT))
    await rm(join(directory, old), { recursive: true, force: true });
}

/**
 * The newest undamaged checkpoint of a run.
 * @param onDamaged is called for each damaged one that is skipped
 * @returns undefined where there is none
 * @throws Error where one cannot be read for now: a run that began again would remove it
 */
export async function loadCheckpoint(
  directory: string,
  onDamaged: (name: string, reason: string) => void = () => {},
): Promise<Checkpoint | undefined> {
  for (const name of await checkpointNames(directory)) {
    try {
      return await readCheckpoint(join(directory, name));
    } catch (error) {
      const codes = [error, (error as Error).cause].map((one) => codeOf(one) ?? '');
      if (codes.some((code) => NOT_FOR_NOW.has(code))) throw error;
      onDamaged(name, (error as Error).message);
    }
  }
  return undefined;
}

/** Whether a folder holds a checkpoint of a run, damaged or not. */
export async function hasCheckpoints(directory: string): Promise<boolean> {
  return (await checkpointNames(directory)).length > 0;
}

/** Removes every checkpoint of a run, finished or not. */
export async function removeCheckpoints(directory: string): Promise<void> {
  for (const name of await entriesOf(directory))
    if (name.startsWith('checkpoint-')) await rm(join(directory, name), { recursive: true, force: true });
}

async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const { weights } = await loadModel(directory);
  const json = parseState(await readFile(join(directory, STATE_FILE), 'utf8'));
  const bytes = await readFile(join(directory, SLOTS_FILE));
  if (sha256(bytes) !== json.sha256) throw new UserError('bad-model', `${SLOTS_FILE} has changed or is cut short.`);
  let offset = 0;
  const slots = new Map<string, Float32Array>();
  for (const { name, length } of json.slots) {
    // A copy: the bytes of a file may not be aligned for a Float32Array.
    slots.set(name, new Float32Array(new Uint8Array(bytes.subarray(offset, offset + length * 4)).buffer));
    offset += length * 4;
  }
  return { weights, state: { step: json.step, slots }, progress: json.progress };
}

function parseState(text: string): z.infer<typeof stateSchema> {
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    // zod's own message is far too long: a page of JSON.
    throw new UserError('bad-model', `${STATE_FILE} has changed or is cut short.`, { cause: error });
  }
}

/** Names of the checkpoints that were finished, newest first. */
async function checkpointNames(directory: string): Promise<string[]> {
  return (await entriesOf(directory))
    .filter((name) => NAME.test(name))
    .sort()
    .reverse();
}

/** Parameters that a run and its resumption share. */
interface ResumedRun {
  readonly plan: TrainingPlan;
  readonly directory: string;
  readonly onWarning?: (sentence: string) => void;
}

/**
 * The checkpoint to continue from, if there is one.
 * @param data fingerprint of the data, from `fingerprint`
 * @throws UserError where the checkpoint belongs to another run
 */
export async function earlierCheckpoint(run: ResumedRun, data: string): Promise<Checkpoint | undefined> {
  const damaged: string[] = [];
  const checkpoint = await loadCheckpoint(run.directory, (name, reason) =>
    damaged.push(`${name} is damaged (${reason}).`),
  );
  const next = checkpoint
    ? 'Continuing from the one before.'
    : `There is no checkpoint in ${run.directory} to continue from: starting at the beginning.`;
  if (!checkpoint || damaged.length > 0) run.onWarning?.([...damaged, next].join(' '));
  if (!checkpoint) return undefined;
  const plan = keptPlan(checkpoint.progress.plan);
  if (planKey(plan) !== planKey(run.plan))
    throw new UserError(
      'bad-usage',
      `The run in ${run.directory} had other settings (${planDifferences(plan, run.plan)}): resume it with those, or start afresh in another folder.`,
    );
  if (checkpoint.progress.data !== data)
    throw new UserError('bad-data', `The run in ${run.directory} was trained on other data: resume it with that data.`);
  return checkpoint;
}

/** Progress of a run that is about to begin. */
export function freshProgress(plan: string, data: string, origin: readonly string[] | undefined): RunProgress {
  const start = { epoch: 0, batch: 0, lossSum: 0, correct: 0, seconds: 0, history: [], bestEpoch: -1 };
  return { plan, data, ...start, ...(origin && { origin: [...origin] }) };
}

/** SHA-256 over the pixels and labels of both sets, and over the targets. */
export function fingerprint(sets: readonly FaceSet[], targets: Float32Array | undefined): string {
  const hash = createHash('sha256');
  for (const { pixels, labels } of sets) hash.update(pixels).update(labels);
  if (targets) hash.update(Buffer.from(targets.buffer, targets.byteOffset, targets.byteLength));
  return hash.digest('hex');
}
