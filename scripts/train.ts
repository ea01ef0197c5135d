import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, UserError } from '../src/base/errors.ts';
import { explainedIn, explainWrite } from '../src/base/files.ts';
import { acquireLock, type FileLock } from '../src/base/lock.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { shellWord } from '../src/base/shell-words.ts';
import { ARCHITECTURES, architectureOf } from '../src/emotion/architectures.ts';
import { createEngine } from '../src/emotion/engines/create-engine.ts';
import { ENGINE_CHOICES } from '../src/emotion/engines/engine.ts';
import { loadModel } from '../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../src/emotion/network.ts';
import type { FaceSet } from '../src/training/data/face-set.ts';
import { learningSets, votesFor } from '../src/training/data/votes.ts';
import { DEFAULT_AUGMENTATION } from '../src/training/run/augment.ts';
import { hasCheckpoints } from '../src/training/run/checkpoint.ts';
import { commandOf, FACE_API, LABELS, type TrainingPlan, trainingPlan } from '../src/training/run/plan.ts';
import { epochLine, progressLine, type TrainingProgress } from '../src/training/run/progress.ts';
import { recognitionStart } from '../src/training/run/recognition.ts';
import { BEST, type TrainingRun, train } from '../src/training/run/trainer.ts';
import { type Call, inRepository, type Output, parseOptions, runAsProcess, tool } from './command-line.ts';
import { choice, flag, number, refuseWords, text, texts, type Values } from './options.ts';
import { readData } from './read-data.ts';
import { recipeOf } from './recipe.ts';

const originSchema = z.object({ command: z.string(), origin: z.array(z.string()).optional() });

const DEFAULTS = trainingPlan();
/** The training plan checks the bounds of its settings. */
const BY_PLAN = {};
const architectures = [...ARCHITECTURES.values()].map(({ name, summary }) => `${name}: ${summary}`);

const OPTIONS = {
  architecture: text('NAME', architectures.join('\n'), DEFAULTS.architecture),
  epochs: number('N', 'passes over the training set', BY_PLAN, DEFAULTS.epochs),
  data: text('DIR', 'the folder with the FER2013 chunks', 'data'),
  labels: choice(
    LABELS,
    "votes: what ten people voted for each face (FER+); fer2013: FER2013's own labels; both: votes with a share of the label",
    DEFAULTS.labels,
  ),
  votes: text('FILE', "FER+'s fer2013new.csv (looked for beside the chunks)"),
  output: text('DIR', 'checkpoints and the best network (default: training/<architecture>)'),
  like: text('DIR', 'train by the recipe of the network in DIR'),
  resume: flag('continue the run in the output folder; give the same settings again'),
  fresh: flag('start from the beginning, and replace a run that the output folder has already'),
  from: text(
    'DIR',
    "start from the weights of the model in DIR, which may be narrower, with a fresh optimizer; face-api: from those of face-api's face recognition (resnet)",
  ),
  teacher: texts('DIR', 'learn also from what the model in DIR says of the faces; several teachers are averaged'),
  'teacher-weight': number('SHARE', "the teachers' share of the targets", BY_PLAN, 0.7),
  engine: choice(ENGINE_CHOICES, 'what computes', 'auto'),
  threads: number('N', 'threads that compute (default: one a core)', { whole: true, least: 1, most: 64 }),
  batch: number('N', 'images a step', BY_PLAN, DEFAULTS.batchSize),
  'learning-rate': number('X', 'the highest of the cycle', BY_PLAN, DEFAULTS.learningRate),
  'warm-up': number('SHARE', 'share of the steps in which the learning rate rises', BY_PLAN, DEFAULTS.warmUp),
  seed: number('N', 'decides every random draw', BY_PLAN, DEFAULTS.seed),
  optimizer: choice(['sgd', 'adam'], 'how a step follows from the gradient', DEFAULTS.optimizer),
  'weight-decay': number('X', 'how much the weights are drawn to 0', BY_PLAN, DEFAULTS.weightDecay),
  'label-smoothing': number(
    'X',
    'share of a target that is spread evenly over all emotions',
    BY_PLAN,
    DEFAULTS.labelSmoothing,
  ),
  'clip-norm': number('X', 'longest gradient; 0 is off', BY_PLAN, DEFAULTS.clipNorm),
  'average-decay': number('X', 'moving average of the weights; 0 is off', BY_PLAN, DEFAULTS.averageDecay),
  'class-weights': choice(['none', 'balanced'], 'balanced: rare emotions get more say', DEFAULTS.classWeights),
  'no-augmentation': flag('learn from the faces as they are'),
  erasing: number('SHARE', 'share of the faces of which a part is erased', BY_PLAN, DEFAULT_AUGMENTATION.erasing),
  tone: number('SHARE', 'share of the faces whose light and sharpness vary', BY_PLAN, DEFAULT_AUGMENTATION.tone),
  'label-weight': number(
    'SHARE',
    "with --labels both: the label's share of the targets",
    BY_PLAN,
    DEFAULTS.labelWeight,
  ),
  patience: number('EPOCHS', 'stop after so many without a better accuracy; 0 is off', BY_PLAN, DEFAULTS.patience),
};

export const main = tool(
  {
    usage: ['npm run train -- [options]'],
    about: `Trains a network on FER2013. Without --architecture, --from or --teacher it trains by the recipe of the network in model/ (with
--labels fer2013 by that of model/fer2013, with --like by another network's): the training commands that its file lists, one after the
other. Options that are given change the last of them. With one of the three, options that are not given have the defaults below.`,
    options: OPTIONS,
    footer: 'Ctrl-C or SIGTERM stops after a checkpoint; --resume continues from there.',
  },
  async (call) => {
    const { values, given, words, say } = call;
    refuseWords(words);
    if (values.resume && values.fresh) throw new UserError('bad-usage', 'Give --resume or --fresh, not both.');
    if (values['no-augmentation'] && given.includes('erasing'))
      throw new UserError('bad-usage', '--no-augmentation leaves nothing for --erasing to do: give one of them.');
    if (given.includes('teacher-weight') && !values.teacher)
      throw new UserError('bad-usage', '--teacher-weight needs a --teacher.');
    const steps = await stepsOf(values, given);
    for (const { directory } of steps) {
      if (values.resume || values.fresh || !(await hasCheckpoints(directory).catch(explainedIn(directory)))) continue;
      throw new UserError(
        'bad-usage',
        `${directory} has a training run already: --resume continues it, --fresh replaces it with this one, --output takes another folder.`,
      );
    }
    for (const [k, step] of steps.entries()) {
      if (steps.length > 1) say(`Training ${k + 1} of ${steps.length}, in ${step.directory}: ${commandOf(step.plan)}`);
      const code = await trainOne(step, call);
      if (code !== 0) return code;
    }
    say(`To put it in use, if it is better than the network in use: ${shipCommand(steps.at(-1)!, values, given)}`);
    return 0;
  },
);

/** The command that puts the trained network in use. */
function shipCommand(
  { plan, directory }: Step,
  { data, votes }: Values<typeof OPTIONS>,
  given: readonly string[],
): string {
  return [
    `npm run ship -- ${shellWord(directory)}`,
    ...(plan.labels === 'fer2013' ? ['--to model/fer2013'] : []),
    ...(given.includes('data') ? [`--data ${shellWord(data)}`] : []),
    ...(votes === undefined ? [] : [`--votes ${shellWord(votes)}`]),
  ].join(' ');
}

/** One training, and its output folder. */
interface Step {
  readonly plan: TrainingPlan;
  readonly directory: string;
}

/**
 * The trainings to run. Where the options name a network, this is one training with these options. Otherwise they are the trainings of a
 * recipe, and the options given change the last of them.
 */
async function stepsOf(values: Values<typeof OPTIONS>, given: readonly string[]): Promise<Step[]> {
  const named = ['architecture', 'from', 'teacher'].find((name) => given.includes(name));
  if (named !== undefined) {
    if (values.like !== undefined)
      throw new UserError('bad-usage', `--like takes over how a network was made, --${named} too: give one of them.`);
    const plan = planOf(values);
    return [{ plan, directory: values.output ?? join('training', architectureOf(plan.architecture).name) }];
  }
  const labels = given.includes('labels') ? values.labels : undefined;
  const steps = await recipeOf(values.like ?? inRepository('model'), labels, values.output);
  const changed = Object.fromEntries(Object.entries(values).filter(([name]) => given.includes(name)));
  return steps.map(({ words, from, output }, k) => {
    const kept = parseOptions(OPTIONS, words).values!;
    const settings = k === steps.length - 1 ? { ...kept, ...changed } : kept;
    return { plan: planOf({ ...settings, from: from ?? settings.from }), directory: output };
  });
}

function planOf(values: Values<typeof OPTIONS>): TrainingPlan {
  return trainingPlan({
    architecture: values.architecture,
    epochs: values.epochs,
    batchSize: values.batch,
    learningRate: values['learning-rate'],
    warmUp: values['warm-up'],
    seed: values.seed,
    optimizer: values.optimizer,
    weightDecay: values['weight-decay'],
    labelSmoothing: values['label-smoothing'],
    clipNorm: values['clip-norm'],
    averageDecay: values['average-decay'],
    classWeights: values['class-weights'],
    augmentation: values['no-augmentation']
      ? 'none'
      : { ...DEFAULT_AUGMENTATION, erasing: values.erasing, tone: values.tone },
    labels: values.labels,
    labelWeight: values['label-weight'],
    from: values.from,
    teacher: values.teacher && { folders: [...values.teacher], weight: values['teacher-weight'] },
    patience: values.patience,
  });
}

/** Runs one training. @returns the exit code */
async function trainOne({ plan, directory }: Step, call: Call<Values<typeof OPTIONS>>): Promise<number> {
  const { values, signal, print, say, terminal } = call;
  const architecture = architectureOf(plan.architecture);
  const network = unroll(architecture);
  const engine = await createEngine(values.engine, values.threads === undefined ? {} : { threads: values.threads });
  const data = await readData(values.data, { signal, say }, { splits: ['Training', 'PublicTest'] });
  const votes =
    plan.labels === 'fer2013'
      ? undefined
      : await votesFor(data, { directory: values.data, file: values.votes, signal }).catch(orByLabels);
  const { training, targets, validation } = learningSets(plan, data.sets, votes);
  if (training.count === 0 || validation.count === 0)
    throw new UserError('bad-data', `${values.data} has no rows of Training or none of PublicTest: both are needed.`);
  say(
    `${architecture.name}, ${network.parameters.toLocaleString('en')} parameters, on ${engine.name} (${engine.device}); ` +
      `${training.count} images to train on, ${validation.count} to validate.`,
  );
  const from = await startingPoint(plan, training);
  const lock = await lockOf(directory);
  signal.addEventListener('abort', () => say('\nStopping after this step and a checkpoint.'));
  const outcome = await train({
    engine,
    network,
    plan,
    training,
    targets,
    validation,
    directory,
    start: values.resume ? 'resume' : 'fresh',
    from,
    signal,
    onProgress: progressOn(terminal.stderr),
    onWarning: (sentence) => say(sentence),
  })
    .catch(explainedIn(directory))
    .finally(() => lock.release());
  const best = outcome.history[outcome.bestEpoch - 1];
  if (best)
    print(
      `Best epoch ${outcome.bestEpoch}: PublicTest accuracy ${exactPercent(best.valAccuracy)}, in ${join(directory, BEST)}`,
    );
  if (outcome.ended !== 'stopped') return 0;
  say(`Stopped: to continue, give the same command with --resume.`);
  return 130;
}

/** File systems without hard links, such as exFAT, have no locks: there a folder is trained in without one. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
const NO_LOCK: FileLock = { release: async () => {} };

/** Takes a run's folder for one training: two would remove each other's checkpoints. @throws UserError busy */
async function lockOf(directory: string): Promise<FileLock> {
  const lock = await acquireLock(directory, 'training').catch((error: unknown) => {
    if (NO_LINKS.has(codeOf(error) ?? '')) return NO_LOCK;
    throw explainWrite(directory, error);
  });
  if (lock) return lock;
  throw new UserError(
    'busy',
    `${directory} is being trained in by another process: wait for it, or take another folder.`,
  );
}

/** Adds to the error for missing votes how to train without them. */
function orByLabels(error: unknown): never {
  if (!(error instanceof UserError && error.code === 'no-data')) throw error;
  const sentence = `${error.message} Without votes: npm run train -- --labels fer2013`;
  throw new UserError(error.code, sentence, { cause: error });
}

/** The network to start from, with the commands that made it where its file has them; undefined where the plan names none. */
async function startingPoint({ from, seed }: TrainingPlan, training: FaceSet): Promise<TrainingRun['from']> {
  if (from === undefined) return undefined;
  if (from === FACE_API) return await recognitionStart(training, seed);
  const { network, weights, metadata } = await loadModel(from);
  const trained = originSchema.safeParse(metadata.trained).data;
  return { network, weights, ...(trained && { origin: [...(trained.origin ?? []), trained.command] }) };
}

/** Shows progress: on a terminal as one line that is rewritten; elsewhere, such as in a log, as a new line every half minute. */
function progressOn(output: Output): (progress: TrainingProgress) => void {
  const gap = output.isTTY ? 200 : 30_000;
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (!progress.epochEnded && now - last < gap) return;
    last = now;
    const line = progress.epochEnded ? epochLine(progress) : progressLine(progress);
    if (!output.isTTY) output.write(`${line}\n`);
    else output.write(`\r\u001b[K${line}${progress.epochEnded ? '\n' : ''}`);
  };
}

await runAsProcess(import.meta.url, main);
