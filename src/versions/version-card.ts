import { z } from 'zod';
import { EMOTIONS } from '../emotion/labels.ts';
import { versionId } from './shipped.ts';

const share = z.number().min(0).max(1);

const figuresSchema = z.object({
  images: z.int(),
  accuracy: share,
  macroRecall: share,
  /** Per emotion; null where it does not occur. */
  recall: z.record(z.enum(EMOTIONS), share.nullable()),
});

/** How good a network is on one split. */
type VersionFigures = Readonly<z.infer<typeof figuresSchema>>;

const bothSchema = z.object({ publicTest: figuresSchema, privateTest: figuresSchema });

/** The card of a trained version: what is known about it, besides its network. */
export const versionCardSchema = bothSchema.extend({
  version: z.int().min(1),
  /** The training that made it. */
  job: z.string(),
  created: z.string(),
  architecture: z.string(),
  /** The command that trains it again. */
  command: z.string(),
  /** Epochs that were trained. `plannedEpochs` is larger where the training ended early. */
  epochs: z.int(),
  plannedEpochs: z.int().optional(),
  /** The epoch, from 1, whose network this is. */
  bestEpoch: z.int(),
  /** Figures, on the same images, of the network that was in use when this one was made; absent where it could not be read. */
  against: bothSchema.extend({ version: versionId }).optional(),
  /** The labels that its figures are measured by; absent for FER2013's own. */
  measure: z.literal('votes').optional(),
  /** True where the network in use learned from votes and no votes were there to compare by. */
  incomparable: z.boolean().optional(),
  /** SHA-256 of the version's files by name. */
  files: z.record(z.string(), z.string().length(64)),
});

export type VersionCard = Readonly<z.infer<typeof versionCardSchema>>;

/** A card before its version is stored. */
export type NewVersion = Omit<VersionCard, 'version' | 'files' | 'created'>;

/** The part of an evaluation that a card keeps. */
export function figuresOf({ images, accuracy, macroRecall, recall }: VersionFigures): VersionFigures {
  return { images, accuracy, macroRecall, recall };
}
