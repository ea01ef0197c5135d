import '../../../base/no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { type Network, sizeOf, type Weights } from '../../network.ts';
import { drawMask } from '../dropout.ts';
import {
  averageDecayAt,
  type StepResult,
  type TrainerOptions,
  type TrainingBatch,
  type TrainingSession,
  type TrainingState,
} from '../engine.ts';
import { channelsFirst, fromOnnx, toOnnx } from './layout.ts';
import { findChannelBlock } from './ops/blocked-conv.ts';
import { sessionOptions } from './session.ts';
import {
  nextName,
  STEP_INPUTS,
  type StateTensor,
  TRAINING_ENDS,
  type TrainingGraph,
  trainingGraph,
} from './training-graph.ts';

/**
 * Builds a network's training graph and loads weights and optimizer state into it.
 * @param channelBlock block size, in channels, of this processor's direct convolutions; 0 to do without them. Probed by
 *   default. The results differ by rounding only.
 */
export async function startTraining(
  network: Network,
  weights: Weights,
  options: TrainerOptions,
  channelBlock?: number,
): Promise<TrainingSession> {
  const graph = trainingGraph(network, { ...options, channelBlock: channelBlock ?? (await findChannelBlock()) });
  const session = await ort.InferenceSession.create(graph.model, sessionOptions(options.threads));
  return new OnnxTrainingSession(network, graph, session, weights, options);
}

/**
 * Holds the state twice: a step reads one copy and writes the other, then the two are swapped. So nothing is allocated or
 * copied between steps, and no operation can read a tensor that another has already overwritten.
 */
class OnnxTrainingSession implements TrainingSession {
  private current: Map<string, ort.Tensor>;
  private following: Map<string, ort.Tensor>;
  private readonly loss = new ort.Tensor('float32', new Float32Array(1), []);
  private readonly probabilities: ort.Tensor;
  private readonly masks: Map<string, ort.Tensor>;
  private readonly fetches: [ort.InferenceSession.OnnxValueMapType, ort.InferenceSession.OnnxValueMapType];
  private stepCount: number;
  private readonly network: Network;
  private readonly graph: TrainingGraph;
  private readonly session: ort.InferenceSession;
  private readonly options: TrainerOptions;

  constructor(
    network: Network,
    graph: TrainingGraph,
    session: ort.InferenceSession,
    weights: Weights,
    options: TrainerOptions,
  ) {
    this.network = network;
    this.graph = graph;
    this.session = session;
    this.options = options;
    this.stepCount = options.state?.step ?? 0;
    this.current = new Map(graph.state.map((entry) => [entry.name, initial(entry, weights, options.state)]));
    this.following = new Map(graph.state.map((entry) => [entry.name, zeros(entry.shape)]));
    this.masks = new Map(graph.masks.map((mask) => [mask.name, zeros(mask.shape)]));
    this.probabilities = zeros([options.batchSize, network.nodes.at(-1)!.shape[0]!]);
    this.fetches = [this.fetchesInto(this.following), this.fetchesInto(this.current)];
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    const { batchSize, optimizer, averageDecay } = this.options;
    this.fillMasks(batch);
    const [height, width, channels] = this.network.architecture.input;
    const x = channelsFirst(batch.x, batchSize, this.network.architecture.input);
    const feeds: Record<string, ort.Tensor> = {
      ...Object.fromEntries(this.current),
      ...Object.fromEntries(this.masks),
      [TRAINING_ENDS.x]: new ort.Tensor('float32', x, [batchSize, channels, height, width]),
      [TRAINING_ENDS.y]: new ort.Tensor('float32', batch.y, this.probabilities.dims),
      [STEP_INPUTS.learningRate]: scalar(learningRate),
    };
    const t = this.stepCount + 1;
    if (optimizer.kind === 'adam') {
      feeds[STEP_INPUTS.correction1] = scalar(1 / (1 - optimizer.beta1 ** t));
      feeds[STEP_INPUTS.correction2] = scalar(1 / (1 - optimizer.beta2 ** t));
    }
    if (averageDecay > 0) feeds[STEP_INPUTS.averageDecay] = scalar(averageDecayAt(t, averageDecay));
    await this.session.run(feeds, this.fetches[0]);
    [this.current, this.following] = [this.following, this.current];
    this.fetches.reverse();
    this.stepCount = t;
    const loss = (this.loss.data as Float32Array)[0]!;
    return { loss, correct: countCorrect(this.probabilities.data as Float32Array, batch.y, batchSize) };
  }

  async weights(): Promise<Weights> {
    return this.collect('weight', (entry) => entry.spec.name);
  }

  async average(): Promise<Weights | undefined> {
    return this.options.averageDecay > 0 ? this.collect('average', (entry) => entry.spec.name) : undefined;
  }

  async state(): Promise<TrainingState> {
    const slots = new Map([...this.collect('slot', (entry) => entry.name), ...this.collect('average', (e) => e.name)]);
    return { step: this.stepCount, slots };
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }

  private collect(kind: StateTensor['kind'], nameOf: (entry: StateTensor) => string): Map<string, Float32Array> {
    const entries = this.graph.state.filter((entry) => entry.kind === kind);
    return new Map(
      entries.map((entry) => {
        const data = this.current.get(entry.name)!.data as Float32Array;
        return [nameOf(entry), fromOnnx(entry.spec, data)];
      }),
    );
  }

  private fetchesInto(state: Map<string, ort.Tensor>): ort.InferenceSession.OnnxValueMapType {
    return {
      [TRAINING_ENDS.loss]: this.loss,
      [TRAINING_ENDS.probabilities]: this.probabilities,
      ...Object.fromEntries([...state].map(([name, tensor]) => [nextName(name), tensor])),
    };
  }

  /** Draws every dropout mask of a batch from (seed, epoch, batch number, layer) alone. */
  private fillMasks(batch: TrainingBatch): void {
    const { epoch, index } = batch;
    this.graph.masks.forEach(({ name, rate }, layer) => {
      drawMask(this.masks.get(name)!.data as Float32Array, rate, { seed: this.options.seed, epoch, index, layer });
    });
  }
}

/** The first value of a state tensor: a weight, a checkpoint's value or, in a new run, zeros or a copy of the weight. */
function initial(entry: StateTensor, weights: Weights, state: TrainingState | undefined): ort.Tensor {
  const stored = entry.kind === 'weight' ? weights.get(entry.spec.name) : state?.slots.get(entry.name);
  if (stored === undefined && (entry.kind === 'weight' || state)) throw new Error(`${entry.name} is missing`);
  const data = stored ?? (entry.kind === 'average' ? weights.get(entry.spec.name)! : undefined);
  if (data === undefined) return zeros(entry.shape);
  if (data.length !== sizeOf(entry.shape))
    throw new Error(`${entry.name} holds ${data.length} numbers, but its shape is ${entry.shape.join('x')}`);
  return new ort.Tensor('float32', toOnnx(entry.spec, data), entry.shape);
}

function zeros(shape: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', new Float32Array(sizeOf(shape)), shape);
}

function scalar(value: number): ort.Tensor {
  return new ort.Tensor('float32', Float32Array.of(value), []);
}

function countCorrect(probabilities: Float32Array, targets: Float32Array, batchSize: number): number {
  const classes = targets.length / batchSize;
  let correct = 0;
  for (let row = 0; row < batchSize; row++)
    if (largest(probabilities, row * classes, classes) === largest(targets, row * classes, classes)) correct++;
  return correct;
}

function largest(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (values[from + k]! > values[from + best]!) best = k;
  return best;
}
