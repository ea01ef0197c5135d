import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UserError } from '../src/base/errors.ts';
import { explainWrite } from '../src/base/files.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { ARCHITECTURES } from '../src/emotion/architectures.ts';
import { createEngine } from '../src/emotion/engines/create-engine.ts';
import { ENGINE_CHOICES, type EngineChoice } from '../src/emotion/engines/engine.ts';
import { loadModel } from '../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../src/emotion/network.ts';
import { readFer2013 } from '../src/training/data/fer2013.ts';
import { learningSets, votesFor } from '../src/training/data/votes.ts';
import { hasCheckpoints } from '../src/training/run/checkpoint.ts';
import { trainingPlan } from '../src/training/run/plan.ts';
import { epochLine, progressLine } from '../src/training/run/progress-line.ts';
import { BEST, type TrainingProgress, type TrainingRun, train } from '../src/training/run/trainer.ts';
import { runTool } from './command-line.ts';

const HELP = `Trains a network on FER2013.

  npm run train -- [options]

  --architecture NAME   ${[...ARCHITECTURES.values()].map(({ name, summary }) => `${name}: ${summary}`).join('\n                        ')}
  --epochs N            passes over the training set (22)
  --data DIR            the folder with the FER2013 chunks (data)
  --labels NAME         votes: what ten people voted for each face (FER+); fer2013: FER2013's own labels; both: votes with a share of the label
  --votes FILE          FER+'s fer2013new.csv (looked for beside the chunks)
  --output DIR          checkpoints and the best network (training/<architecture>)
  --resume              go on with the run in the output folder, with its settings as given here again
  --fresh               start anew where the output folder has a run already, which is then gone
  --from DIR            start from the weights of the model in DIR, with a fresh optimizer
  --teacher DIR         learn also from what the model in DIR says of the faces; several teachers are averaged
  --engine NAME         auto, onnx or tensorflow (auto)
  --threads N           threads that compute (one a core)

The recipe, with the values that trained the shipped network in brackets:
  --batch N (64)  --learning-rate X (0.1)  --warm-up SHARE (0.15)  --seed N (1)  --optimizer sgd|adam (sgd)
  --weight-decay X (0.0005)  --label-smoothing X (0.1)  --clip-norm X (0: off)  --average-decay X (0: off)
  --class-weights none|balanced (none)  --no-augmentation  --erasing SHARE (0.3)  --tone SHARE (0)  --label-weight SHARE (0.25, with --labels both)
  --teacher-weight SHARE (0.7, of the targets)  --patience EPOCHS (0: off)

Ctrl-C stops after a checkpoint; --resume goes on from there.
`;

const originSchema = z.object({ command: z.string(), origin: z.array(z.string()).optional() });

await runTool(async (signal) => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      architecture: { type: 'string' },
      epochs: { type: 'string' },
      data: { type: 'string', default: 'data' },
      output: { type: 'string' },
      resume: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      from: { type: 'string' },
      teacher: { type: 'string', multiple: true },
      'teacher-weight': { type: 'string' },
      engine: { type: 'string', default: 'auto' },
      threads: { type: 'string' },
      batch: { type: 'string' },
      'learning-rate': { type: 'string' },
      'warm-up': { type: 'string' },
      seed: { type: 'string' },
      optimizer: { type: 'string' },
      'weight-decay': { type: 'string' },
      'label-smoothing': { type: 'string' },
      'clip-norm': { type: 'string' },
      'average-decay': { type: 'string' },
      'class-weights': { type: 'string' },
      'no-augmentation': { type: 'boolean', default: false },
      erasing: { type: 'string' },
      tone: { type: 'string' },
      labels: { type: 'string' },
      'label-weight': { type: 'string' },
      votes: { type: 'string' },
      patience: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.resume && values.fresh) throw new UserError('bad-usage', 'Give --resume or --fresh, not both.');
  if (values['no-augmentation'] && values.erasing !== undefined)
    throw new UserError('bad-usage', '--no-augmentation leaves nothing for --erasing to do: give one of them.');
  if (values['teacher-weight'] !== undefined && !values.teacher)
    throw new UserError('bad-usage', '--teacher-weight needs a --teacher.');
  const defaults = trainingPlan();
  const plan = trainingPlan({
    architecture: values.architecture,
    epochs: number('epochs', values.epochs),
    batchSize: number('batch', values.batch),
    learningRate: number('learning-rate', values['learning-rate']),
    warmUp: number('warm-up', values['warm-up']),
    seed: number('seed', values.seed),
    optimizer: values.optimizer as 'sgd' | undefined,
    weightDecay: number('weight-decay', values['weight-decay']),
    labelSmoothing: number('label-smoothing', values['label-smoothing']),
    clipNorm: number('clip-norm', values['clip-norm']),
    averageDecay: number('average-decay', values['average-decay']),
    classWeights: values['class-weights'] as 'none' | undefined,
    augmentation: values['no-augmentation']
      ? 'none'
      : defaults.augmentation === 'none'
        ? defaults.augmentation
        : {
            ...defaults.augmentation,
            ...(values.erasing !== undefined && { erasing: number('erasing', values.erasing)! }),
            ...(values.tone !== undefined && { tone: number('tone', values.tone)! }),
          },
    labels: values.labels as 'votes' | undefined,
    labelWeight: number('label-weight', values['label-weight']),
    from: values.from,
    teacher: values.teacher && {
      folders: values.teacher,
      weight: number('teacher-weight', values['teacher-weight']) ?? 0.7,
    },
    patience: number('patience', values.patience),
  });
  const architecture = ARCHITECTURES.get(plan.architecture);
  if (!architecture)
    throw new UserError(
      'bad-usage',
      `There is no architecture called ${plan.architecture}: choose ${[...ARCHITECTURES.keys()].join(', ')}.`,
    );
  if (!ENGINE_CHOICES.includes(values.engine as EngineChoice))
    throw new UserError('bad-usage', `--engine is one of ${ENGINE_CHOICES.join(', ')}.`);
  const threads = number('threads', values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw new UserError('bad-usage', '--threads must be a whole number from 1 to 64.');
  const directory = values.output ?? join('training', architecture.name);
  const explain = (error: unknown): never => {
    throw explainWrite(directory, error);
  };
  if (!values.resume && !values.fresh && (await hasCheckpoints(directory).catch(explain)))
    throw new UserError(
      'bad-usage',
      `${directory} has a training run already: --resume goes on with it, --fresh puts this one in its place, --output takes another folder.`,
    );
  const network = unroll(architecture);
  const engine = await createEngine(values.engine as EngineChoice, threads === undefined ? {} : { threads });
  const data = await readFer2013(values.data, { splits: ['Training', 'PublicTest'], signal });
  for (const warning of data.warnings) console.error(warning);
  for (const { file, line, reason } of data.skipped.slice(0, 10)) console.error(`${file}:${line} skipped: ${reason}`);
  if (data.skipped.length > 10) console.error(`... and ${data.skipped.length - 10} more rows skipped`);
  const votes =
    plan.labels === 'fer2013'
      ? undefined
      : await votesFor(data, { directory: values.data, file: values.votes, signal });
  const { training, targets, validation } = learningSets(plan, data.sets, votes);
  if (training.count === 0 || validation.count === 0)
    throw new UserError('bad-data', `${values.data} has no rows of Training or none of PublicTest: both are needed.`);
  console.error(
    `${architecture.name}, ${network.parameters.toLocaleString('en')} parameters, on ${engine.name} (${engine.device}); ` +
      `${training.count} images to train on, ${validation.count} to validate.`,
  );
  signal.addEventListener('abort', () => console.error('\nStopping after this step and a checkpoint.'));
  const outcome = await train({
    engine,
    network,
    plan,
    training,
    targets,
    validation,
    directory,
    start: values.resume ? 'resume' : 'fresh',
    from: values.from === undefined ? undefined : await startingPoint(values.from),
    signal,
    onProgress: terminalProgress(),
    onWarning: (sentence) => console.error(sentence),
  }).catch(explain);
  const best = outcome.history[outcome.bestEpoch - 1];
  if (best)
    console.log(
      `Best epoch ${outcome.bestEpoch}: PublicTest accuracy ${exactPercent(best.valAccuracy)}, in ${join(directory, BEST)}`,
    );
  if (outcome.ended !== 'stopped') return 0;
  console.error(`Stopped: go on with the same command and --resume.`);
  return 130;
});

/** A network to start from, with the commands that made it as far as its file tells. */
async function startingPoint(directory: string): Promise<TrainingRun['from']> {
  const { weights, metadata } = await loadModel(directory);
  const trained = originSchema.safeParse(metadata.trained).data;
  return { weights, ...(trained && { origin: [...(trained.origin ?? []), trained.command] }) };
}

/** A line that is rewritten on a terminal; elsewhere, such as in a log, a line every half minute. */
function terminalProgress(): (progress: TrainingProgress) => void {
  const terminal = process.stderr.isTTY;
  const gap = terminal ? 200 : 30_000;
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (!progress.epochEnded && now - last < gap) return;
    last = now;
    const line = progress.epochEnded ? epochLine(progress) : progressLine(progress);
    if (!terminal) process.stderr.write(`${line}\n`);
    else process.stderr.write(`\r\u001b[K${line}${progress.epochEnded ? '\n' : ''}`);
  };
}

/** A number from the command line; undefined where it was not given. */
function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new UserError('bad-usage', `--${name} ${text} is no number.`);
  return value;
}
