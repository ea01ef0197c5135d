import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { entriesOf } from '../base/files.ts';
import { loadDescription } from '../emotion/layers-format/layers-format.ts';
import { LABELS } from '../training/run/plan.ts';

/** The name of a shipped network that is not in the model directory itself: that of its folder. */
const SHIPPED_NAME = /^[a-z][\w-]{0,39}$/i;

/** Identifies a version: the number of a trained one, 0 for the network in the model directory, or the name of another shipped one. */
export const versionId = z.union([z.int().min(0), z.string().regex(SHIPPED_NAME)]);

export type VersionId = z.infer<typeof versionId>;

const pairSchema = z.object({
  publicTest: z.object({ accuracy: z.number() }),
  privateTest: z.object({ accuracy: z.number() }),
});

/** The metadata in a network's file: how it was trained and how good it is. */
const toldSchema = z.object({
  trained: z
    .object({
      command: z.string(),
      /** The commands that made the weights which it started from, the oldest first. */
      origin: z.array(z.string()).optional(),
      labels: z.enum(LABELS).optional(),
    })
    .optional()
    .catch(undefined),
  figures: pairSchema.extend({ votes: pairSchema.optional() }).optional().catch(undefined),
});

/** A network that ships, as its file describes it. */
export interface ShippedNetwork extends z.infer<typeof toldSchema> {
  readonly directory: string;
  /** Name of its architecture. */
  readonly architecture: string;
}

/**
 * The folder that holds all shipped networks: the model directory, or its parent folder if that holds a network too (model/ for
 * model/fer2013).
 */
function rootOf(modelDirectory: string): string {
  const around = dirname(resolve(modelDirectory));
  return existsSync(join(around, 'model.json')) ? around : resolve(modelDirectory);
}

/** The folder of a shipped network, by its name. */
export function shippedFolder(modelDirectory: string, name: string): string {
  const root = rootOf(modelDirectory);
  return name === basename(root) ? root : join(root, name);
}

/** The names of the networks that ship beside the one in the model directory. */
export async function shippedBeside(modelDirectory: string): Promise<string[]> {
  const root = rootOf(modelDirectory);
  const names = [basename(root), ...(await entriesOf(root)).sort()];
  return names.filter((name) => {
    const folder = shippedFolder(modelDirectory, name);
    return SHIPPED_NAME.test(name) && folder !== resolve(modelDirectory) && existsSync(join(folder, 'model.json'));
  });
}

/** Reads a network's description from its file, without its weights. @throws UserError 'bad-model' */
export async function describeNetwork(directory: string): Promise<ShippedNetwork> {
  const { architecture, metadata } = await loadDescription(directory);
  return { directory, architecture: architecture.name, ...toldSchema.parse(metadata) };
}
