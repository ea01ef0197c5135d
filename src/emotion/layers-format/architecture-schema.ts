import { z } from 'zod';
import type { Architecture, Layer } from '../architectures.ts';

/** Checks architectures that come from a file; the types in architectures.ts say what each property means. */

const count = z.int().positive();
const padding = z.enum(['same', 'valid']).optional();
const window = { kernel: count, stride: count.optional(), padding, bias: z.boolean().optional() };
const pool = { size: count, stride: count.optional(), padding };

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
    z.strictObject({ kind: z.literal('softmax') }),
  ],
  { error: ({ input }) => `unknown layer ${JSON.stringify((input as { kind?: unknown } | null)?.kind ?? input)}` },
);

export const architectureSchema: z.ZodType<Architecture> = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/, 'a name has lower-case letters, digits and dashes'),
  summary: z.string(),
  input: z.tuple([count, count, count]),
  layers: z.array(layer),
});
