import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, UserError } from '../../base/errors.ts';
import { makeFolder, readIfThere, sha256, writeDurably } from '../../base/files.ts';
import type { Architecture, Layer } from '../architectures.ts';
import { type Network, unroll, type Weights } from '../network.ts';
import { topologyOf } from './topology.ts';
import { byteLength, decodeWeights, encodeWeights, inNetworkOrder, type Quantization } from './weights-file.ts';

/**
 * Networks on disk in the TensorFlow.js layers format: a directory with model.json (the topology, the list of weights
 * and our metadata) and one file of weights. tf.loadLayersModel reads it; this module needs no TensorFlow.js.
 */

export interface StoredModel {
  readonly network: Network;
  /** All weights of the network, by name, in TensorFlow's layout. */
  readonly weights: Weights;
  /** What was given to saveModel, as JSON keeps it. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** SHA-256 of the weights file, 64 hexadecimal digits: the model's identity. */
  readonly sha256: string;
}

interface ModelToSave {
  readonly network: Network;
  readonly weights: Weights;
  /** Anything that JSON can hold; the names `architecture` and `sha256` are taken. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** float16 halves the file, for shipping; float32 (the default) keeps every bit. */
  readonly quantization?: Quantization;
}

const MODEL_FILE = 'model.json';

/**
 * The two names that the weights file can have. No file system replaces two files at once, so a save never touches the
 * file that the present model.json refers to. It writes the other name and replaces model.json in one rename. Only then
 * it removes the old weights. A crash at any moment leaves a model.json whose weights are whole and its own.
 */
const WEIGHTS_FILES = ['weights.bin', 'weights-2.bin'] as const;

/** A reader gives up after this many attempts, each of which a save interrupted. */
const READ_ATTEMPTS = 3;

/**
 * Writes a model into a directory, which is created if needed. It replaces a model that is there: a crash at any moment leaves
 * the old model or the new one. There may be one writer at a time; others may read meanwhile.
 *
 * @throws Error where the weights are not those of the network
 * @throws UserError 'bad-model' where a weight is too large for float16
 * @throws the file system's error, such as ENOSPC; the old model is then still there
 */
export async function saveModel(directory: string, model: ModelToSave): Promise<void> {
  const { network, metadata } = model;
  const { entries, bytes } = encodeWeights(inNetworkOrder(network, model.weights), model.quantization);
  await makeFolder(directory);
  const inUse = await weightsFilesInUse(directory);
  const [first, second] = WEIGHTS_FILES;
  const [file, other] = inUse.includes(first) ? [second, first] : [first, second];
  const json = {
    format: 'layers-model',
    generatedBy: 'emotion-bot',
    convertedBy: null,
    modelTopology: topologyOf(network),
    weightsManifest: [{ paths: [file], weights: entries }],
    userDefinedMetadata: { ...metadata, architecture: network.architecture, sha256: sha256(bytes) },
  };
  await writeDurably(join(directory, file), bytes);
  await writeDurably(join(directory, MODEL_FILE), `${JSON.stringify(json)}\n`);
  await rm(join(directory, other), { force: true });
}

/** The files of a model's directory by name. Each is read once and hashed once. */
interface ModelFiles {
  /** @throws the file system's error, such as ENOENT */
  bytes(name: string): Promise<Uint8Array>;
  /** SHA-256, 64 hexadecimal digits. @throws the file system's error, such as ENOENT */
  checksum(name: string): Promise<string>;
}

export function filesIn(
  directory: string,
  read: (path: string) => Promise<Uint8Array> = readFile,
  hash: (bytes: Uint8Array) => string = sha256,
): ModelFiles {
  const contents = new Map<string, Promise<Uint8Array>>();
  const checksums = new Map<string, Promise<string>>();
  const bytes = (name: string) => once(contents, name, () => read(join(directory, name)));
  return { bytes, checksum: (name) => once(checksums, name, async () => hash(await bytes(name))) };
}

function once<T>(known: Map<string, T>, name: string, make: () => T): T {
  const value = known.get(name) ?? make();
  known.set(name, value);
  return value;
}

/**
 * Reads the model that saveModel wrote into a directory. float32 weights are read bit for bit. float16 weights become the same
 * float32 numbers as with tf.loadLayersModel.
 *
 * @param open gives the directory's files; called again if a save may have replaced them meanwhile
 * @throws UserError 'bad-model' where a file is missing, cut or changed, or the network has a layer this version
 * does not know
 */
export async function loadModel(directory: string, open = () => filesIn(directory)): Promise<StoredModel> {
  for (let attempt = 1; ; attempt++) {
    const files = open();
    const json = await readModelFile(directory, files);
    try {
      return await readGeneration(directory, json, files);
    } catch (error) {
      // Another attempt only helps if a save replaced the model between the two reads.
      if (attempt === READ_ATTEMPTS || json === (await readModelFile(directory, open()))) throw error;
    }
  }
}

/**
 * Reads a model's model.json, without its weights.
 * @throws UserError 'bad-model' if the file is missing or is not a model.json of this program
 */
export async function loadDescription(
  directory: string,
): Promise<{ readonly architecture: Architecture; readonly metadata: Readonly<Record<string, unknown>> }> {
  const model = parse(directory, await readModelFile(directory, filesIn(directory)));
  const { architecture, sha256: _, ...metadata } = model.userDefinedMetadata;
  return { architecture, metadata };
}

// Architectures that come from a file; the types in architectures.ts say what each property means.

const count = z.int().positive();
const padding = z.enum(['same', 'valid']).optional();
const window = { kernel: count, stride: count.optional(), padding, bias: z.boolean().optional() };
const pool = { size: count, stride: count.optional(), padding };

const layers = z.lazy(() => z.array(layer));
// Strict objects: a property that this version does not know would change what the network computes.
const layer: z.ZodType<Layer> = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('conv'), filters: count, ...window }),
    z.strictObject({
      kind: z.literal('batchNorm'),
      momentum: z.number().min(0).max(1).optional(),
      epsilon: z.number().positive().optional(),
    }),
    z.strictObject({ kind: z.literal('relu') }),
    z.strictObject({ kind: z.literal('maxPool'), ...pool }),
    z.strictObject({ kind: z.literal('averagePool'), ...pool }),
    z.strictObject({ kind: z.literal('globalAveragePool') }),
    z.strictObject({ kind: z.literal('flatten') }),
    z.strictObject({ kind: z.literal('dropout'), rate: z.number().min(0).lt(1) }),
    z.strictObject({ kind: z.literal('dense'), units: count, bias: z.boolean().optional() }),
    z.strictObject({ kind: z.literal('residual'), body: layers, shortcut: layers.optional() }),
    z.strictObject({ kind: z.literal('softmax') }),
  ],
  { error: ({ input }) => `unknown layer ${JSON.stringify((input as { kind?: unknown } | null)?.kind ?? input)}` },
);

const architectureSchema: z.ZodType<Architecture> = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/, 'a name has lower-case letters, digits and dashes'),
  summary: z.string(),
  input: z.tuple([count, count, count]),
  layers,
});

const entrySchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.literal('float32'),
  quantization: z.object({ dtype: z.literal('float16'), original_dtype: z.literal('float32').optional() }).optional(),
});

const modelSchema = z.object({
  format: z.literal('layers-model'),
  weightsManifest: z.tuple([
    z.object({
      // A name, not a path: what is read must lie in the model's directory.
      paths: z.tuple([z.string().regex(/^[\w-][\w.-]*$/, 'the weights must lie beside model.json')]),
      weights: z.array(entrySchema),
    }),
  ]),
  userDefinedMetadata: z.looseObject({ architecture: architectureSchema, sha256: z.string() }),
});

/** The part of any model.json that says where its weights are. */
const manifestSchema = z.object({ weightsManifest: z.array(z.object({ paths: z.array(z.string()) })) });

/** Reads the weights that this content of model.json refers to. */
async function readGeneration(directory: string, json: string, files: ModelFiles): Promise<StoredModel> {
  const model = parse(directory, json);
  const { architecture, sha256: checksum, ...metadata } = model.userDefinedMetadata;
  const { paths, weights: entries } = model.weightsManifest[0];
  const network = unrollStored(directory, architecture);
  const expected = network.weights.map(({ name, shape }) => `${name} ${shape.join('x')}`);
  const found = new Set(entries.map(({ name, shape }) => `${name} ${shape.join('x')}`));
  const missing = expected.find((weight) => !found.has(weight));
  if (missing !== undefined) throw bad(directory, `its weights lack ${missing}`);
  if (entries.length !== expected.length)
    throw bad(directory, `it lists ${entries.length} weights where ${architecture.name} has ${expected.length}`);

  const bytes = await readOrRefuse(directory, paths[0], files);
  const length = byteLength(entries);
  if (bytes.length !== length)
    throw bad(directory, `${paths[0]} has ${bytes.length} bytes where model.json says ${length}`);
  if ((await files.checksum(paths[0])) !== checksum)
    throw bad(directory, `${paths[0]} is not the file that model.json was written with`);
  return { network, weights: decodeWeights(bytes, entries), metadata, sha256: checksum };
}

function parse(directory: string, json: string) {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw bad(directory, 'model.json is not JSON', error);
  }
  const result = modelSchema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw bad(directory, `model.json is not one that this program wrote (${path.join('.')}: ${message})`);
}

function unrollStored(directory: string, architecture: Network['architecture']): Network {
  try {
    return unroll(architecture);
  } catch (error) {
    throw bad(directory, `its layers do not fit together (${(error as Error).message})`, error);
  }
}

async function readModelFile(directory: string, files: ModelFiles): Promise<string> {
  return new TextDecoder().decode(await readOrRefuse(directory, MODEL_FILE, files));
}

async function readOrRefuse(directory: string, file: string, files: ModelFiles): Promise<Uint8Array> {
  try {
    return await files.bytes(file);
  } catch (error) {
    throw unreadable(directory, file, error);
  }
}

/** The weights files that the directory's model.json lists, whichever program wrote it; none if it has no list. */
async function weightsFilesInUse(directory: string): Promise<readonly string[]> {
  const json = await readIfThere(join(directory, MODEL_FILE));
  if (json === undefined) return [];
  try {
    return manifestSchema.parse(JSON.parse(json)).weightsManifest.flatMap((group) => group.paths);
  } catch {
    // Nothing can load such a model, so the save need not spare its weights.
    return [];
  }
}

function unreadable(directory: string, file: string, error: unknown): UserError {
  const why = codeOf(error) === 'ENOENT' ? 'is missing' : `cannot be read (${(error as Error).message})`;
  return bad(directory, `${file} ${why}`, error);
}

function bad(directory: string, why: string, cause?: unknown): UserError {
  return new UserError('bad-model', `No usable model in ${directory}: ${why}. Train it or copy it again.`, {
    cause,
  });
}
