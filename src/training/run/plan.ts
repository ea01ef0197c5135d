import { z } from 'zod';
import { listIfFew } from '../../base/did-you-mean.ts';
import { UserError } from '../../base/errors.ts';
import { shellWord } from '../../base/shell-words.ts';
import { DEFAULT_ARCHITECTURE } from '../../emotion/architectures.ts';
import type { OptimizerOptions, TrainerOptions } from '../../emotion/engines/engine.ts';
import { DEFAULT_AUGMENTATION } from './augment.ts';
import { balancedClassWeights } from './targets.ts';

/** Kinds of labels that a network may learn from. */
export const LABELS = ['votes', 'fer2013', 'both'] as const;

/** Value of a plan's `from` for a network that starts from face-api's face recognition: see recognition.ts. */
export const FACE_API = 'face-api';

/** Smallest and largest values of settings that people may also set in a chat. */
export const BOUNDS = {
  epochs: { min: 1, max: 1000 },
  batchSize: { min: 2, max: 4096 },
  seed: { min: 0, max: 0xffff_ffff },
  patience: { min: 0, max: 1000 },
} as const;
/** The largest learning rate. There is no smallest one, but it must be positive. */
export const MOST_LEARNING_RATE = 10;

function whole({ min, max }: { readonly min: number; readonly max: number }) {
  return z.int().min(min).max(max);
}

const share = z.number().min(0).max(1);
const augmentation = z.strictObject({
  flip: share,
  rotation: z.number().min(0).max(180),
  scale: z.number().min(0).max(0.9),
  shift: share,
  contrast: share,
  brightness: share,
  erasing: share,
  tone: share.default(0),
});

/**
 * Everything that decides what a training does, except the data: two runs of one plan on one data set with one thread
 * end in the same weights. The defaults are those of a plain training; shipped networks keep the commands that made them.
 */
const schema = z.strictObject({
  architecture: z.string().default(DEFAULT_ARCHITECTURE),
  epochs: whole(BOUNDS.epochs).default(22),
  batchSize: whole(BOUNDS.batchSize).default(64),
  /** Highest learning rate of the one-cycle schedule. */
  learningRate: z.number().positive().max(MOST_LEARNING_RATE).default(0.1),
  /** Share of the steps in which the learning rate rises. */
  warmUp: share.default(0.15),
  finalDivisor: z.number().min(1).default(10_000),
  seed: whole(BOUNDS.seed).default(1),
  optimizer: z.enum(['sgd', 'adam']).default('sgd'),
  momentum: share.default(0.9),
  weightDecay: z.number().min(0).max(1).default(5e-4),
  labelSmoothing: share.default(0.1),
  /** Gradients with a larger norm are clipped to it; 0 switches clipping off. */
  clipNorm: z.number().min(0).default(0),
  /** Decay of the moving average of the weights that is then validated and kept; 0 switches it off. */
  averageDecay: share.default(0),
  /** What is learned: people's votes (FER+), FER2013's own labels, or votes mixed with a share of the label. */
  labels: z.enum(LABELS).default('fer2013'),
  /** The share of FER2013's label in the targets where `labels` is 'both'. */
  labelWeight: share.default(0.25),
  /** 'balanced' gives rare emotions more weight, proportional to 1 / sqrt(images of the emotion). */
  classWeights: z.enum(['none', 'balanced']).default('none'),
  augmentation: z.union([augmentation, z.literal('none')]).default(DEFAULT_AUGMENTATION),
  /** The folder of the network whose weights the run starts from, in place of random ones, or `FACE_API`. */
  from: z.string().optional(),
  /** Trained networks to learn from besides the labels, and their share of the targets. */
  teacher: z.strictObject({ folders: z.array(z.string()).min(1), weight: share }).optional(),
  /** Epochs without a better validation accuracy after which training stops; 0 never stops early. */
  patience: whole(BOUNDS.patience).default(0),
});

export type TrainingPlan = Readonly<z.infer<typeof schema>>;
export type TrainingPlanInput = Readonly<z.input<typeof schema>>;

/** Fills in the defaults. @throws UserError 'bad-usage' that names the setting and its bounds */
export function trainingPlan(input: TrainingPlanInput = {}): TrainingPlan {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UserError('bad-usage', `The training's ${settingName(issue.path)} ${complaint(issue)}.`);
}

/** A run's stored plan. Settings added later have their defaults; settings that were removed later stay in it. */
export function keptPlan(text: string): object {
  const kept: object = JSON.parse(text);
  return { ...kept, ...schema.strip().safeParse(kept).data };
}

/** A setting's name for people: that of its option of `npm run train`, where it has one. */
function settingName(path: readonly PropertyKey[]): string {
  const name = String(path.at(-1) ?? 'settings');
  return name in OPTIONS ? OPTIONS[name as keyof typeof OPTIONS] : name;
}

/** What is wrong with a setting, as the end of a sentence. */
function complaint(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `must be ${issue.inclusive ? 'at least' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive ? 'at most' : 'below'} ${issue.maximum}`;
    case 'invalid_value':
      return `must be ${listIfFew(issue.values.map(String)) ?? 'another word'}`;
    case 'invalid_type':
      return `must be ${issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`}`;
    case 'unrecognized_keys':
      return `cannot have ${issue.keys.join(', ')}: there is no such setting`;
    default:
      return `cannot be used (${issue.message})`;
  }
}

/** Which settings of two plans differ, for people: "epochs 2, not 4; seed 1, not 2". */
export function planDifferences(before: object, now: object): string {
  const [a, b] = [new Map(Object.entries(before)), new Map(Object.entries(now))];
  const shown = (value: unknown) =>
    value === undefined ? 'not set' : typeof value === 'string' ? value : JSON.stringify(value);
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => shown(a.get(key)) !== shown(b.get(key)))
    .map((key) => `${settingName([key])} ${shown(a.get(key))}, not ${shown(b.get(key))}`)
    .join('; ');
}

/** The optimizer of a plan; Adam's other constants are those of its paper (arXiv 1412.6980), epsilon TensorFlow's. */
export function optimizerOf(plan: TrainingPlan): OptimizerOptions {
  return plan.optimizer === 'sgd'
    ? { kind: 'sgd', momentum: plan.momentum, nesterov: true }
    : { kind: 'adam', beta1: plan.momentum, beta2: 0.999, epsilon: 1e-7 };
}

/** The part of a plan that an engine's training needs. @param batchSize images a step; less than the plan's where the set is smaller */
export function trainerOptions(plan: TrainingPlan, batchSize = plan.batchSize): TrainerOptions {
  const { weightDecay, clipNorm, averageDecay, seed } = plan;
  return { batchSize, optimizer: optimizerOf(plan), weightDecay, clipNorm, averageDecay, seed };
}

/** One factor an emotion; undefined for a plan without class weights. */
export function classWeightsOf(plan: TrainingPlan, labels: Uint8Array): readonly number[] | undefined {
  return plan.classWeights === 'none' ? undefined : balancedClassWeights(labels, 0.5);
}

/** The options of `npm run train` by the setting that each changes. */
const OPTIONS = {
  architecture: 'architecture',
  epochs: 'epochs',
  batchSize: 'batch',
  learningRate: 'learning-rate',
  warmUp: 'warm-up',
  seed: 'seed',
  optimizer: 'optimizer',
  weightDecay: 'weight-decay',
  labelSmoothing: 'label-smoothing',
  clipNorm: 'clip-norm',
  averageDecay: 'average-decay',
  labels: 'labels',
  labelWeight: 'label-weight',
  classWeights: 'class-weights',
  patience: 'patience',
  from: 'from',
} as const satisfies Partial<Record<keyof TrainingPlan, string>>;

/** The command that trains by a plan. It names architecture, epochs and seed always, and other settings where they are not the default. */
export function commandOf(plan: TrainingPlan): string {
  const defaults = trainingPlan();
  const always = new Set<string>(['architecture', 'epochs', 'seed']);
  const options = Object.entries(OPTIONS).flatMap(([key, option]) => {
    const value = plan[key as keyof typeof OPTIONS];
    return value !== undefined && (always.has(key) || value !== defaults[key as keyof typeof OPTIONS])
      ? [`--${option} ${shellWord(String(value))}`]
      : [];
  });
  if (plan.teacher)
    options.push(
      ...plan.teacher.folders.map((name) => `--teacher ${shellWord(name)}`),
      `--teacher-weight ${plan.teacher.weight}`,
    );
  if (plan.augmentation === 'none') options.push('--no-augmentation');
  else if (defaults.augmentation !== 'none')
    for (const name of ['erasing', 'tone'] as const)
      if (plan.augmentation[name] !== defaults.augmentation[name]) options.push(`--${name} ${plan.augmentation[name]}`);
  return `npm run train -- ${options.join(' ')}`;
}

/**
 * One cycle of the learning rate (Smith & Topin 2018, arXiv 1708.07120): up from peak / 25 and down to almost nothing,
 * each along half a cosine.
 */
interface OneCycle {
  /** The highest learning rate. */
  readonly peak: number;
  /** Share of the steps in which it rises, 0..1. */
  readonly warmUp: number;
  /** The last learning rate is the first one divided by this. */
  readonly finalDivisor: number;
}

/** The first learning rate is the peak divided by this, as in PyTorch's OneCycleLR. */
const START_DIVISOR = 25;

/** The learning rate of step `step` (from 0) of `steps`. */
export function oneCycle({ peak, warmUp, finalDivisor }: OneCycle, step: number, steps: number): number {
  const start = peak / START_DIVISOR;
  const top = Math.max(0, warmUp * steps - 1);
  if (step < top) return along(start, peak, step / top);
  const rest = steps - 1 - top;
  return along(peak, start / finalDivisor, rest > 0 ? Math.min(1, (step - top) / rest) : 1);
}

/** From `a` at 0 to `b` at 1 along half a cosine. */
function along(a: number, b: number, share: number): number {
  return b + ((a - b) * (1 + Math.cos(Math.PI * share))) / 2;
}
