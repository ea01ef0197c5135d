import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import { type TopologyOptions, topologyOf } from '../../layers-format/topology.ts';
import { encodeWeights, inNetworkOrder } from '../../layers-format/weights-file.ts';
import { type Network, sizeOf, type Weights } from '../../network.ts';
import { drawMask, droppingNodes, maskChannelsLast } from '../dropout.ts';
import {
  checkInputs,
  type Engine,
  type Predictor,
  type StepResult,
  type TrainerOptions,
  type TrainingBatch,
  type TrainingSession,
  type TrainingState,
} from '../engine.ts';
import { createOptimizer, type SessionOptimizer, WeightAverage } from './optimizer.ts';
import type { Runtime, TensorFlow } from './runtime.ts';

/**
 * The engine that computes with the TensorFlow.js package that `findRuntime` loaded. A LayersModel is built from the network and
 * trained by model.fit. All work shares TensorFlow's threads, and TensorFlow.js cannot set their number, so the `threads` options
 * have no effect here.
 */
export function createTensorflowEngine({ tf, package: name, gpu }: Runtime): Engine {
  return {
    name: 'tensorflow',
    device: `${gpu ? 'GPU' : 'CPU'}, ${name}`,
    predictor: (network, weights) => createPredictor(tf, network, weights),
    trainer: (network, weights, options) => startTraining(tf, network, weights, options),
  };
}

async function createPredictor(tf: TensorFlow, network: Network, weights: Weights): Promise<Predictor> {
  const model = await buildModel(tf, network, weights);
  const shape = network.architecture.input;
  return {
    async predict(x, count) {
      checkInputs(network, x, count);
      if (count === 0) return new Float32Array(0);
      const output = tf.tidy(() => {
        const probabilities = model.predictOnBatch(tf.tensor(x, [count, ...shape]));
        return Array.isArray(probabilities) ? probabilities[0]! : probabilities;
      });
      try {
        return Float32Array.from(await output.data<'float32'>());
      } finally {
        output.dispose();
      }
    },
    async dispose() {
      model.dispose();
    },
  };
}

/** Builds a LayersModel for training, with weights and optimizer state. @throws Error where the state does not fit */
export async function startTraining(
  tf: TensorFlow,
  network: Network,
  weights: Weights,
  options: TrainerOptions,
): Promise<TrainingSession> {
  const model = await buildModel(tf, withoutSoftmax(network), weights, {
    weightDecay: options.weightDecay,
    dropout: 'input',
  });
  try {
    return new TensorflowTrainingSession(tf, network, model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * The network up to its logits. Training takes the logarithm of the softmax in one piece: TensorFlow.js's own
 * cross-entropy of probabilities clips them and divides them by their sum, which changes loss and gradient.
 */
function withoutSoftmax(network: Network): Network {
  if (network.nodes.at(-1)?.op !== 'softmax') throw new Error('only a network that ends in a softmax can be trained');
  return { ...network, nodes: network.nodes.slice(0, -1) };
}

class TensorflowTrainingSession implements TrainingSession {
  private readonly variables: ReadonlyMap<string, Variable>;
  private readonly optimizer: SessionOptimizer;
  private readonly movingAverage: WeightAverage | undefined;

  private readonly tf: TensorFlow;
  private readonly network: Network;
  private readonly model: LayersModel;
  private readonly options: TrainerOptions;

  constructor(tf: TensorFlow, network: Network, model: LayersModel, options: TrainerOptions) {
    this.tf = tf;
    this.network = network;
    this.model = model;
    this.options = options;
    this.variables = variablesOf(model, network);
    const trainable = network.weights.filter((weight) => weight.trainable);
    const trained = new Map(trainable.map(({ name }) => [name, this.variables.get(name)!]));
    this.optimizer = createOptimizer(tf, trained, options);
    if (options.averageDecay > 0)
      this.movingAverage = new WeightAverage(tf, this.variables, options.averageDecay, options.state);
    const { crossEntropy, correct } = measures(tf);
    // The loss that fit reports includes the weight penalty. The same function as a metric does not.
    model.compile({ optimizer: this.optimizer, loss: crossEntropy, metrics: [crossEntropy, correct] });
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    const { tf, optimizer } = this;
    const { batchSize } = this.options;
    const inputs = this.inputsOf(batch);
    const targets = tf.tensor2d(batch.y, [batchSize, this.network.nodes.at(-1)!.shape[0]!]);
    optimizer.learningRate = learningRate;
    try {
      const { history } = await this.model.fit(inputs, targets, {
        batchSize,
        epochs: 1,
        shuffle: false,
        verbose: 0,
        yieldEvery: 'never',
      });
      this.movingAverage?.update(optimizer.step);
      const [loss, correct] = [history.crossEntropy, history.correct].map((values) => values![0] as number);
      // fit averages a count over the batches of an epoch (here one) and may round it.
      return { loss: loss!, correct: Math.round(correct!) };
    } finally {
      tf.dispose([...inputs, targets]);
    }
  }

  async weights(): Promise<Weights> {
    return readVariables(this.variables);
  }

  async average(): Promise<Weights | undefined> {
    return this.movingAverage && readVariables(this.movingAverage.byWeight());
  }

  async state(): Promise<TrainingState> {
    const slots = await readVariables(new Map([...this.optimizer.slots, ...(this.movingAverage?.slots ?? [])]));
    return { step: this.optimizer.step, slots };
  }

  async dispose(): Promise<void> {
    this.model.dispose();
    this.optimizer.dispose();
    this.movingAverage?.dispose();
  }

  /** The model's inputs: the images, then a mask for every node that drops. */
  private inputsOf(batch: TrainingBatch): Tensor[] {
    const { tf, network } = this;
    const { batchSize, seed } = this.options;
    const { epoch, index } = batch;
    const masks = droppingNodes(network).map((node, layer) => {
      const mask = new Float32Array(batchSize * sizeOf(node.shape));
      drawMask(mask, node.rate, { seed, epoch, index, layer });
      return tf.tensor(maskChannelsLast(mask, node.shape), [batchSize, ...node.shape]);
    });
    return [tf.tensor(batch.x, [batchSize, ...network.architecture.input]), ...masks];
  }
}

/** The loss and the metric that fit reports, from targets and logits [batch, classes]. fit names a metric after its function. */
function measures(tf: TensorFlow) {
  /** -sum(target * log(softmax(logits))) of each row. The gradient of the logits is softmax * sum(target) - target. */
  function crossEntropy(targets: Tensor, logits: Tensor): Tensor {
    return tf.tidy(() => tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), -1)));
  }
  /** Number of rows whose largest logit has the index of the largest target. */
  function correct(targets: Tensor, logits: Tensor): Tensor {
    return tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(targets, -1), tf.argMax(logits, -1)), 'float32')));
  }
  return { crossEntropy, correct };
}

/** Builds the LayersModel of a network and gives it its weights. The caller disposes it. */
async function buildModel(
  tf: TensorFlow,
  network: Network,
  weights: Weights,
  options?: TopologyOptions,
): Promise<LayersModel> {
  const { entries, bytes } = encodeWeights(inNetworkOrder(network, weights));
  // Unlike modelFromJSON, loading does not draw initial weights that would be overwritten.
  return tf.loadLayersModel({
    load: async () => ({
      modelTopology: topologyOf(network, options),
      weightSpecs: entries.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })),
      weightData: bytes.buffer,
    }),
  });
}

/** The variables of a model by the network's names of its weights, in the network's order. */
function variablesOf(model: LayersModel, network: Network): Map<string, Variable> {
  // A second model in one process gets unique names for its variables; the original ones are the network's.
  const byName = new Map(model.weights.map((weight) => [weight.originalName, weight.read() as Variable]));
  return new Map(network.weights.map(({ name }) => [name, byName.get(name)!]));
}

/** Copies of the variables' numbers. */
async function readVariables(variables: ReadonlyMap<string, Variable>): Promise<Map<string, Float32Array>> {
  const entries = [...variables].map(async ([name, variable]) => {
    const data = await variable.data<'float32'>();
    // The cpu backend returns its own array, which the next step may change.
    return [name, Float32Array.from(data)] as const;
  });
  return new Map(await Promise.all(entries));
}
