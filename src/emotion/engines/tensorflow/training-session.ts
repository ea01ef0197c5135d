import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import { type Network, sizeOf, type Weights } from '../../network.ts';
import { drawMask, droppingNodes, maskChannelsLast } from '../dropout.ts';
import type { StepResult, TrainerOptions, TrainingBatch, TrainingSession, TrainingState } from '../engine.ts';
import { buildModel, readVariables, variablesOf } from './model.ts';
import { createOptimizer, type SessionOptimizer, WeightAverage } from './optimizer.ts';
import type { TensorFlow } from './runtime.ts';

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

  constructor(
    private readonly tf: TensorFlow,
    private readonly network: Network,
    private readonly model: LayersModel,
    private readonly options: TrainerOptions,
  ) {
    this.variables = variablesOf(model, network);
    const trainable = network.weights.filter((weight) => weight.trainable);
    const trained = new Map(trainable.map(({ name }) => [name, this.variables.get(name)!]));
    this.optimizer = createOptimizer(tf, trained, options);
    if (options.averageDecay > 0)
      this.movingAverage = new WeightAverage(tf, this.variables, options.averageDecay, options.state);
    const { crossEntropy, correct } = measures(tf);
    // The loss that fit reports has the weight penalty in it; the same function as a metric has not.
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
      // fit averages a count over the batches of an epoch, here one, and may round it.
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

/** What fit minimises and reports, of targets and logits [batch, classes]. fit names a metric after its function. */
function measures(tf: TensorFlow) {
  /** -sum(target * log(softmax(logits))) of every row; the gradient at the logits is softmax * sum(target) - target. */
  function crossEntropy(targets: Tensor, logits: Tensor): Tensor {
    return tf.tidy(() => tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), -1)));
  }
  /** Rows whose largest logit stands where the largest target does. */
  function correct(targets: Tensor, logits: Tensor): Tensor {
    return tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(targets, -1), tf.argMax(logits, -1)), 'float32')));
  }
  return { crossEntropy, correct };
}
