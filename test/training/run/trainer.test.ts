import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { shuffledOrder } from '../../../src/base/random.ts';
import { ARCHITECTURES } from '../../../src/emotion/architectures.ts';
import type { Engine, TrainerOptions, TrainingBatch } from '../../../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { loadModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { unroll, type Weights } from '../../../src/emotion/network.ts';
import { selectFaces } from '../../../src/training/data/face-set.ts';
import { augmentBatch, DEFAULT_AUGMENTATION } from '../../../src/training/run/augment.ts';
import { loadCheckpoint } from '../../../src/training/run/checkpoint.ts';
import { initialWeights } from '../../../src/training/run/initial-weights.ts';
import { oneCycle, optimizerOf, type TrainingPlanInput, trainingPlan } from '../../../src/training/run/plan.ts';
import type { TrainingProgress } from '../../../src/training/run/progress.ts';
import { balancedClassWeights } from '../../../src/training/run/targets.ts';
import { BEST, type TrainingRun, train } from '../../../src/training/run/trainer.ts';
import { readRun } from '../../../src/versions/ship.ts';
import { temporaryFolder, tinyRows, tinySet } from '../../helpers/tiny-fer2013.ts';

const rows = tinyRows(4, ['Training', 'PublicTest']);
const training = tinySet(rows.filter(({ split }) => split === 'Training'));
const validation = tinySet(rows.filter(({ split }) => split === 'PublicTest'));

/** A run on one thread, whose arithmetic comes out the same to the bit every time. */
function runIn(directory: string, plan: TrainingPlanInput = {}, more: Partial<TrainingRun> = {}): TrainingRun {
  return {
    engine: createOnnxEngine({ threads: 1 }),
    network: unroll(ARCHITECTURES.get('tiny')!),
    plan: trainingPlan({ architecture: 'tiny', epochs: 3, batchSize: 7, averageDecay: 0.9, ...plan }),
    training,
    validation,
    directory,
    start: 'fresh',
    augmentationThreads: 0,
    ...more,
  };
}

const LEARNING = { learningRate: 0.05, averageDecay: 0, augmentation: 'none' } as const;

let learning: ReturnType<typeof learn> | undefined;
afterAll(async () => {
  if (learning) await rm((await learning).directory, { recursive: true });
});

/** A run of 18 epochs that has learned to tell the faces apart: one for all tests, which leave its folder as it is. */
function learned(): ReturnType<typeof learn> {
  learning ??= learn();
  return learning;
}

async function learn() {
  const directory = await mkdtemp(join(tmpdir(), 'learned-'));
  const told: TrainingProgress[] = [];
  const outcome = await train(
    runIn(directory, { ...LEARNING, epochs: 18 }, { onProgress: (progress) => told.push(progress) }),
  );
  return { directory, told, outcome };
}

let plain: ReturnType<typeof trainPlainly> | undefined;
afterAll(async () => {
  if (plain) await rm((await plain).directory, { recursive: true });
});

async function trainPlainly() {
  const directory = await mkdtemp(join(tmpdir(), 'plain-'));
  const told: TrainingProgress[] = [];
  const { history } = await train(runIn(directory, {}, { onProgress: (progress) => told.push(progress) }));
  return { directory, told, history };
}

/** A run of the three epochs that `runIn` plans: trained once for all tests, each of which gets a folder of its own with it. */
async function plainRun(): ReturnType<typeof trainPlainly> {
  plain ??= trainPlainly();
  const directory = await temporaryFolder();
  const { directory: source, ...rest } = await plain;
  await cp(source, directory, { recursive: true });
  return { directory, ...rest };
}

/** Options that stop a run once `when` says so. */
function stopping(when: (progress: TrainingProgress) => boolean): Partial<TrainingRun> {
  const stop = new AbortController();
  return { signal: stop.signal, onProgress: (progress) => when(progress) && stop.abort() };
}

const checkpoints = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.startsWith('checkpoint-'));

function expectSameWeights(a: Weights, b: Weights): void {
  for (const [name, data] of a) expect(b.get(name), name).toEqual(data);
}

/** The onnx engine, with what it was asked to do. */
function watchedEngine() {
  const real = createOnnxEngine({ threads: 1 });
  const seen = {
    options: [] as TrainerOptions[],
    steps: [] as { readonly batch: TrainingBatch; readonly rate: number }[],
    averages: [] as Weights[],
    validated: [] as Weights[],
  };
  const engine: Engine = {
    ...real,
    predictor(network, weights, options) {
      seen.validated.push(weights);
      return real.predictor(network, weights, options);
    },
    async trainer(network, weights, options) {
      seen.options.push(options);
      const session = await real.trainer(network, weights, options);
      return {
        step(batch, rate) {
          seen.steps.push({ batch, rate });
          return session.step(batch, rate);
        },
        async average() {
          const average = await session.average();
          if (average) seen.averages.push(average);
          return average;
        },
        weights: () => session.weights(),
        state: () => session.state(),
        dispose: () => session.dispose(),
      };
    },
  };
  return { engine, seen };
}

test('every setting of the plan reaches the engine, and the average of the weights is validated', async () => {
  const { engine, seen } = watchedEngine();
  const plan = trainingPlan({
    architecture: 'tiny',
    epochs: 2,
    batchSize: 7,
    learningRate: 0.03,
    warmUp: 0.4,
    seed: 9,
    weightDecay: 0.002,
    labelSmoothing: 0.2,
    clipNorm: 1.5,
    averageDecay: 0.8,
    classWeights: 'balanced',
  });
  // Emotions of unlike frequency, and a black crop, which is left out.
  const uneven = tinySet(rows.filter(({ split, label }, k) => split === 'Training' && (label < 3 || k % 2 === 0)));
  const black = { ...uneven, pixels: uneven.pixels.slice() };
  black.pixels.fill(0, 0, FACE_PIXELS);
  await train(runIn(await temporaryFolder(), plan, { engine, training: black }));

  const { weightDecay, clipNorm, averageDecay, seed } = plan;
  expect(seen.options).toEqual([
    { batchSize: 7, optimizer: optimizerOf(plan), weightDecay, clipNorm, averageDecay, seed },
  ]);
  const steps = seen.steps.length;
  const cycle = { peak: 0.03, warmUp: 0.4, finalDivisor: plan.finalDivisor };
  expect(seen.steps.map(({ rate }) => rate)).toEqual(
    Array.from({ length: steps }, (_, step) => oneCycle(cycle, step, steps)),
  );
  const kept = selectFaces(
    black,
    Array.from({ length: uneven.count - 1 }, (_, k) => k + 1),
  );
  const classWeights = balancedClassWeights(kept.labels, 0.5);
  for (const { batch } of seen.steps)
    expect(batch).toEqual(
      augmentBatch(
        kept,
        shuffledOrder(kept.count, 9, batch.epoch),
        { ...plan, classWeights },
        batch.epoch,
        batch.index,
      ),
    );
  expect(seen.averages).toHaveLength(2);
  expect(seen.validated).toEqual(seen.averages);
});

test('a network learns to tell the drawn faces apart, and its best epoch is kept', async () => {
  const { directory, told, outcome } = await learned();
  expect(outcome.ended).toBe('finished');
  expect(outcome.history).toHaveLength(18);
  expect(outcome.history.at(-1)!.loss).toBeLessThan(0.75 * outcome.history[0]!.loss);
  const best = outcome.history[outcome.bestEpoch - 1]!;
  expect(best.valAccuracy).toBe(Math.max(...outcome.history.map(({ valAccuracy }) => valAccuracy)));
  expect(best.valAccuracy).toBeGreaterThan(0.8);
  const stored = await loadModel(join(directory, BEST));
  expect(stored.metadata.epoch).toBe(outcome.bestEpoch);
  expectSameWeights(stored.weights, outcome.weights);
  // Four batches and an ending an epoch.
  expect(told).toHaveLength(18 * 5);
  expect(told[0]).toMatchObject({ epoch: 1, epochs: 18, batch: 1, batches: 4, epochEnded: false });
  expect(told.at(-1)).toMatchObject({ epoch: 18, batch: 4, epochEnded: true, secondsLeft: 0 });
});

test('a run stopped in the middle of an epoch and resumed ends in the same weights, bit for bit', async () => {
  const [whole, parts] = [await temporaryFolder(), await temporaryFolder()];
  const straight = await train(runIn(whole, { labelSmoothing: 0.2, clipNorm: 1 }));
  const plan = { labelSmoothing: 0.2, clipNorm: 1 };
  const first = await train(
    runIn(
      parts,
      plan,
      stopping(({ epoch, batch }) => epoch === 2 && batch === 2),
    ),
  );
  expect(first.ended).toBe('stopped');
  expect(first.history).toHaveLength(1);
  const second = await train(runIn(parts, plan, { start: 'resume' }));
  expect(second.ended).toBe('finished');
  const figures = (history: typeof straight.history) =>
    history.map(({ loss, accuracy, valLoss, valAccuracy }) => ({ loss, accuracy, valLoss, valAccuracy }));
  expect(figures(second.history)).toEqual(figures(straight.history));
  const [a, b] = [await loadCheckpoint(whole), await loadCheckpoint(parts)];
  expectSameWeights(a!.weights, b!.weights);
  expect(b!.state.step).toBe(12);
  for (const [name, slot] of a!.state.slots) expect(b!.state.slots.get(name), name).toEqual(slot);
});

test('on several threads a resumed run has the same losses to 1e-4', async () => {
  const [whole, parts] = [await temporaryFolder(), await temporaryFolder()];
  const threads = () => ({ engine: createOnnxEngine({ threads: 2 }), augmentationThreads: 1 });
  const straight = await train(runIn(whole, {}, threads()));
  await train(runIn(parts, {}, { ...threads(), ...stopping(({ epochEnded }) => epochEnded) }));
  const resumed = await train(runIn(parts, {}, { ...threads(), start: 'resume' }));
  resumed.history.forEach(({ loss }, k) => {
    expect(Math.abs(loss / straight.history[k]!.loss - 1)).toBeLessThan(1e-4);
  });
});

test('a damaged checkpoint is skipped for the one before, and a half-written one is ignored', async () => {
  const { directory, history } = await plainRun();
  const names = (await checkpoints(directory)).sort();
  expect(names).toEqual(['checkpoint-000000008', 'checkpoint-000000012']);
  await truncate(join(directory, names[1]!, 'slots.bin'), 100);
  await mkdir(join(directory, 'checkpoint-000000016.tmp'));
  const warnings: string[] = [];
  const resumed = await train(
    runIn(directory, {}, { start: 'resume', onWarning: (sentence) => warnings.push(sentence) }),
  );
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('checkpoint-000000012');
  expect(resumed.history.map(({ loss }) => loss)).toEqual(history.map(({ loss }) => loss));
});

test('a resumed run without an intact checkpoint says so and starts at the beginning', async () => {
  const directory = await temporaryFolder();
  const warnings: string[] = [];
  const resume = (epochs: number) =>
    train(runIn(directory, { epochs }, { start: 'resume', onWarning: (sentence) => warnings.push(sentence) }));
  const straight = await resume(3);
  expect(warnings).toEqual([
    expect.stringMatching(/^There is no checkpoint in \S+ to continue from: starting at the be/),
  ]);
  for (const name of await checkpoints(directory)) await truncate(join(directory, name, 'slots.bin'), 100);
  const again = await resume(1);
  expect(warnings).toHaveLength(2);
  expect(warnings[1]).toMatch(/000000012 is damaged .*000000008 is damaged .*There is no .*starting at the beginning/);
  expect(again.history[0]!.valAccuracy).toBeGreaterThan(0);
  expect(straight.history).toHaveLength(3);
  // The damaged checkpoints of later steps do not displace the new one.
  expect(await checkpoints(directory)).toEqual(['checkpoint-000000004']);
});

test('a training continues from a checkpoint that is older than a setting; a checkpoint with a removed setting is refused by name', async () => {
  const directory = await temporaryFolder();
  await train(runIn(directory, { epochs: 2 }, { ...stopping(({ epoch }) => epoch === 2) }));
  const change = async (to: (plan: Record<string, unknown>) => unknown) => {
    for (const name of await checkpoints(directory)) {
      const file = join(directory, name, 'state.json');
      const state = JSON.parse(await readFile(file, 'utf8'));
      const progress = { ...state.progress, plan: JSON.stringify(to(JSON.parse(state.progress.plan))) };
      await writeFile(file, JSON.stringify({ ...state, progress }));
    }
  };
  await change(({ labels, labelWeight, augmentation, ...plan }) => {
    const { tone, ...older } = augmentation as Record<string, number>;
    return { ...plan, augmentation: older };
  });
  const resume = (epochs: number) => train(runIn(directory, { epochs }, { start: 'resume' }));
  await expect(resume(3)).rejects.toThrow('had other settings (epochs 2, not 3): resume it');
  expect((await resume(2)).history).toHaveLength(2);
  await change((plan) => ({ ...plan, mixup: 0.2 }));
  await expect(resume(2)).rejects.toThrow('had other settings (mixup 0.2, not not set)');
});

test('the first of equally good epochs is kept', async () => {
  const directory = await temporaryFolder();
  // One face with each of the seven labels: whatever is read, a seventh is right.
  const { face } = rows[0]!;
  const alike = tinySet(EMOTIONS.map((_, label) => ({ label, split: 'PublicTest', face })));
  const outcome = await train(runIn(directory, {}, { validation: alike }));
  expect(outcome.history.map(({ valAccuracy }) => valAccuracy)).toEqual([1 / 7, 1 / 7, 1 / 7]);
  expect(outcome.bestEpoch).toBe(1);
  expect((await loadModel(join(directory, BEST))).metadata.epoch).toBe(1);
});

test('the time left is that of the remaining images at the current speed', async () => {
  const { told } = await plainRun();
  expect(told).toHaveLength(3 * 5);
  for (const { epoch, epochs, batch, batches, imagesPerSecond, secondsLeft } of told) {
    const left = 7 * ((epochs - epoch) * batches + batches - batch);
    expect(secondsLeft).toBeCloseTo(left / imagesPerSecond, 6);
  }
});

test('a run that is resumed with nothing left to train says where it stands', async () => {
  const { directory, history } = await plainRun();
  const told: TrainingProgress[] = [];
  await train(runIn(directory, {}, { start: 'resume', onProgress: (progress) => told.push(progress) }));
  expect(told).toEqual([expect.objectContaining({ epoch: 3, epochs: 3, epochEnded: true, secondsLeft: 0, history })]);
});

test.each(['weights.bin', 'model.json', 'state.json'])('a checkpoint without a whole %s is damaged', async (file) => {
  const { directory } = await plainRun();
  await writeFile(join(directory, 'checkpoint-000000012', file), 'x');
  const passedOver: string[] = [];
  const checkpoint = await loadCheckpoint(directory, (name) => passedOver.push(name));
  expect(passedOver).toEqual(['checkpoint-000000012']);
  expect(checkpoint!.state.step).toBe(8);
});

test('a fresh run forgets the checkpoints of an earlier one; a resumed run needs the same plan and data', async () => {
  const { directory } = await plainRun();
  await expect(train(runIn(directory, { epochs: 4 }, { start: 'resume' }))).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('had other settings (epochs 3, not 4): resume it with those'),
  });
  const augmentation = { flip: 0, rotation: 0, scale: 0, shift: 0, contrast: 0, brightness: 0, erasing: 0 };
  await expect(train(runIn(directory, { augmentation }, { start: 'resume' }))).rejects.toMatchObject({
    code: 'bad-usage',
  });
  await expect(train(runIn(directory, {}, { start: 'resume', validation: training }))).rejects.toMatchObject({
    code: 'bad-data',
  });
  const fresh = await train(runIn(directory, { epochs: 1 }));
  expect(fresh.history).toHaveLength(1);
  expect(await checkpoints(directory)).toEqual(['checkpoint-000000004']);
});

test('a run from given weights starts there, with a fresh optimizer', async () => {
  const { directory, outcome: first } = await learned();
  const from = {
    network: unroll(ARCHITECTURES.get('tiny')!),
    weights: first.weights,
    origin: ['npm run train -- --first'],
  };
  const other = await temporaryFolder();
  const second = await train(runIn(other, { ...LEARNING, epochs: 1, learningRate: 1e-4 }, { from }));
  expect(second.history[0]!.loss).toBeLessThan(0.8 * first.history[0]!.loss);
  // Its file tells every command that led to it.
  const { metadata } = await loadModel(join(other, BEST));
  expect(metadata.trained).toMatchObject({ origin: from.origin, command: expect.stringContaining('--epochs 1') });
  expect((await readRun(other)).origin).toEqual(from.origin);
  // A mistake in a new run does not cost the one that is there.
  const compact = unroll(ARCHITECTURES.get('compact')!);
  const before = await checkpoints(directory);
  expect(before).toHaveLength(2);
  await expect(
    train(runIn(directory, {}, { from: { network: compact, weights: initialWeights(compact, 1) } })),
  ).rejects.toMatchObject({ code: 'bad-usage' });
  expect(await checkpoints(directory)).toEqual(before);
});

test('a network learns from a teacher what the labels do not say, and a resumed run from the same answers', async () => {
  const teacher = await temporaryFolder();
  await cp(join((await learned()).directory, BEST), join(teacher, BEST), { recursive: true });
  // The labels of this set are all the same, so the student can only have learned from the teacher.
  const mislabelled = { ...training, labels: new Uint8Array(training.count).fill(3) };
  const plan = { ...LEARNING, epochs: 10, seed: 5, teacher: { folders: [join(teacher, BEST)], weight: 1 } };
  const student = await train(runIn(await temporaryFolder(), plan, { training: mislabelled }));
  expect(student.history[student.bestEpoch - 1]!.valAccuracy).toBeGreaterThan(0.7);

  const halfway = await temporaryFolder();
  await train(
    runIn(halfway, plan, { training: mislabelled, ...stopping(({ epoch, batch }) => epoch === 2 && batch === 2) }),
  );
  await rm(teacher, { recursive: true });
  const resumed = await train(runIn(halfway, plan, { training: mislabelled, start: 'resume' }));
  expectSameWeights(resumed.weights, student.weights);
  await expect(train(runIn(halfway, plan))).rejects.toMatchObject({ code: 'bad-model' });
});

test('training stops early where the validation gets no better, and the best epoch is what it returns', async () => {
  const directory = await temporaryFolder();
  // A learning rate this small changes no prediction: the first epoch stays the best.
  const outcome = await train(runIn(directory, { epochs: 50, learningRate: 1e-9, averageDecay: 0, patience: 2 }));
  expect(outcome.ended).toBe('early');
  expect(outcome.history.length).toBeLessThan(50);
  expect(outcome.history.length - outcome.bestEpoch).toBe(2);
});

test('a learning rate that makes the loss diverge is named', async () => {
  const directory = await temporaryFolder();
  await expect(
    train(runIn(directory, { learningRate: 10, weightDecay: 1, momentum: 0.99, epochs: 60 })),
  ).rejects.toMatchObject({ code: 'bad-usage', message: expect.stringContaining('learning rate below 10') });
});

test.each([
  [{ epochs: 0 }, "The training's epochs must be at least 1."],
  [{ epochs: 1.5 }, "The training's epochs must be a whole number."],
  [{ batchSize: 5000 }, "The training's batch must be at most 4096."],
  [{ learningRate: 0 }, "The training's learning-rate must be above 0."],
  [{ optimizer: 'rmsprop' }, "The training's optimizer must be sgd or adam."],
  [{ augmentation: { ...DEFAULT_AUGMENTATION, erasing: 2 } }, "The training's erasing must be at most 1."],
  [{ augmentation: { flip: 1 } }, "The training's augmentation cannot be used (Invalid input)."],
  [{ mixup: 0.2, cutmix: 1 }, "The training's settings cannot have mixup, cutmix: there is no such setting."],
  [{ from: 3 }, "The training's from must be a string."],
])('%j is refused in words', (settings, sentence) => {
  expect(() => trainingPlan(settings as never)).toThrow(
    expect.objectContaining({ code: 'bad-usage', message: sentence }),
  );
});

test('targets in place of labels are learned, without those of black crops, and belong to the run', async () => {
  const { engine, seen } = watchedEngine();
  const directory = await temporaryFolder();
  const black = { ...training, pixels: training.pixels.slice() };
  black.pixels.fill(0, 0, FACE_PIXELS);
  // Every face is a third surprise (5) and two thirds neutral (6), but for the black one, which is all angry.
  const targets = Float32Array.from({ length: training.count * 7 }, (_, i) => [0, 0, 0, 0, 0, 1 / 3, 2 / 3][i % 7]!);
  targets.set([1, 0, 0, 0, 0, 0, 0]);
  const plan = { labelSmoothing: 0, epochs: 2, labels: 'votes' } as const;
  await train(runIn(directory, plan, { engine, training: black, targets }));
  for (const { batch } of seen.steps)
    for (let k = 0; k < 7; k++)
      expect([...batch.y.subarray(k * 7, (k + 1) * 7)]).toEqual([
        0,
        0,
        0,
        0,
        0,
        expect.closeTo(1 / 3, 6),
        expect.closeTo(2 / 3, 6),
      ]);
  const others = targets.slice();
  others[7 + 5] = 0.5;
  const again = train(runIn(directory, { ...plan, epochs: 2 }, { training: black, targets: others, start: 'resume' }));
  await expect(again).rejects.toMatchObject({ code: 'bad-data' });
});
