import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import { averageDecayAt, type OptimizerOptions, type TrainerOptions, type TrainingState } from '../engine.ts';
import type { TensorFlow } from './runtime.ts';

/** The optimizer that model.fit runs, with what a training session needs to steer, save and restore it. */
export interface SessionOptimizer extends Optimizer {
  /** Of the next update. */
  learningRate: number;
  /** Updates done so far. */
  readonly step: number;
  /** The optimizer's state, by `<weight name>/<slot>`. */
  readonly slots: ReadonlyMap<string, Variable>;
}

type Options = Pick<TrainerOptions, 'optimizer' | 'clipNorm' | 'state'>;

/**
 * Makes an optimizer for the variables of a model.
 *
 * TensorFlow.js has SGD with momentum and Adam of its own, but they neither clip nor name their slots after weights.
 * Its Adam keeps corrections as running products, which a checkpoint cannot restore to the bit. Its momentum leaks a
 * scalar.
 *
 * @param weights the trainable variables by the network's name of the weight
 */
export function createOptimizer(
  tf: TensorFlow,
  weights: ReadonlyMap<string, Variable>,
  options: Options,
): SessionOptimizer {
  const rule = ruleFor(tf, options.optimizer);
  const slots = createSlots(tf, weights, rule.slots, options.state);
  const nameOf = new Map([...weights].map(([name, variable]) => [variable.name, name]));

  // Not at the top of the file: the class must extend the Optimizer of the package that was loaded.
  class NetworkOptimizer extends tf.Optimizer implements SessionOptimizer {
    static readonly className = 'EmotionBotOptimizer';
    learningRate = 0;
    step = options.state?.step ?? 0;
    readonly slots = slots;

    applyGradients(found: NamedTensorMap | { name: string; tensor: Tensor }[]): void {
      const list = Array.isArray(found) ? found : Object.entries(found).map(([name, tensor]) => ({ name, tensor }));
      const gradients = new Map(list.map(({ name, tensor }) => [nameOf.get(name)!, tensor]));
      this.step++;
      tf.tidy(() => {
        const clipped = options.clipNorm > 0 ? clip(tf, gradients, options.clipNorm) : gradients;
        for (const [name, gradient] of clipped) this.update(name, gradient);
      });
    }

    private update(name: string, gradient: Tensor): void {
      const weight = weights.get(name)!;
      const remembered = rule.slots.map((slot) => slots.get(`${name}/${slot}`)!);
      const { direction, renewed } = rule.descend(gradient, remembered, this.step);
      renewed.forEach((tensor, k) => {
        remembered[k]!.assign(tensor);
      });
      weight.assign(tf.sub(weight, tf.mul(direction, this.learningRate)));
    }

    getConfig() {
      return { ...options.optimizer };
    }

    override dispose(): void {
      tf.dispose([...slots.values()]);
    }
  }
  return new NetworkOptimizer();
}

function createSlots(
  tf: TensorFlow,
  weights: ReadonlyMap<string, Variable>,
  slots: readonly string[],
  state: TrainingState | undefined,
): Map<string, Variable> {
  const created = new Map<string, Variable>();
  for (const [weight, variable] of weights)
    for (const slot of slots) {
      const name = `${weight}/${slot}`;
      tf.tidy(() => {
        created.set(name, slotVariable(tf, name, tf.zerosLike(variable), state));
      });
    }
  return created;
}

interface Rule {
  readonly slots: readonly string[];
  /** What update `step` (1, 2, ...) subtracts from the weight, before it is multiplied by the learning rate; and the new slots. */
  descend(gradient: Tensor, slots: readonly Tensor[], step: number): { direction: Tensor; renewed: Tensor[] };
}

/** The formulas that engine.ts gives with the options. */
function ruleFor(tf: TensorFlow, options: OptimizerOptions): Rule {
  if (options.kind === 'sgd')
    return {
      slots: ['momentum'],
      descend(gradient, [before]) {
        const velocity = tf.add(tf.mul(before!, options.momentum), gradient);
        const direction = options.nesterov ? tf.add(gradient, tf.mul(velocity, options.momentum)) : velocity;
        return { direction, renewed: [velocity] };
      },
    };
  const { beta1, beta2, epsilon } = options;
  return {
    slots: ['m', 'v'],
    descend(gradient, [mBefore, vBefore], step) {
      const m = tf.add(tf.mul(mBefore!, beta1), tf.mul(gradient, 1 - beta1));
      const v = tf.add(tf.mul(vBefore!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const root = tf.sqrt(tf.mul(v, 1 / (1 - beta2 ** step)));
      const direction = tf.div(tf.mul(m, 1 / (1 - beta1 ** step)), tf.add(root, epsilon));
      return { direction, renewed: [m, v] };
    },
  };
}

/** All gradients, scaled down together where their common Euclidean norm is above `limit`. */
function clip(tf: TensorFlow, gradients: ReadonlyMap<string, Tensor>, limit: number): Map<string, Tensor> {
  const squares = [...gradients.values()].map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const factor = tf.div(limit, tf.maximum(norm, limit));
  return new Map([...gradients].map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
}

/** The moving average of all weights, running statistics included; it starts as a copy of them. */
export class WeightAverage {
  /** By `<weight name>/average`. */
  readonly slots: ReadonlyMap<string, Variable>;
  private readonly tf: TensorFlow;
  private readonly weights: ReadonlyMap<string, Variable>;
  private readonly decay: number;

  constructor(tf: TensorFlow, weights: ReadonlyMap<string, Variable>, decay: number, state: TrainingState | undefined) {
    this.tf = tf;
    this.weights = weights;
    this.decay = decay;
    this.slots = new Map(
      [...weights].map(([name, variable]) => [slotName(name), slotVariable(tf, slotName(name), variable, state)]),
    );
  }

  /** Adds the weights after update `step` (1, 2, ...) to the average. */
  update(step: number): void {
    const { tf } = this;
    const decay = averageDecayAt(step, this.decay);
    tf.tidy(() => {
      for (const [name, variable] of this.weights) {
        const average = this.slots.get(slotName(name))!;
        average.assign(tf.add(tf.mul(average, decay), tf.mul(variable, 1 - decay)));
      }
    });
  }

  /** The averages by the names of the weights. */
  byWeight(): Map<string, Variable> {
    return new Map([...this.weights.keys()].map((name) => [name, this.slots.get(slotName(name))!]));
  }

  dispose(): void {
    this.tf.dispose([...this.slots.values()]);
  }
}

function slotName(weight: string): string {
  return `${weight}/average`;
}

/**
 * A variable that training keeps for a weight, named `<weight name>/<slot>`. Its value comes from the state of an earlier run;
 * in a new run it is a copy of `start`.
 *
 * @throws Error if the state lacks it or has another number of elements
 */
function slotVariable(tf: TensorFlow, name: string, start: Tensor, state: TrainingState | undefined): Variable {
  const trainable = false;
  if (!state) return tf.tidy(() => tf.variable(start.clone(), trainable));
  const stored = state.slots.get(name);
  if (!stored) throw new Error(`${name} is missing`);
  if (stored.length !== start.size)
    throw new Error(`${name} holds ${stored.length} numbers, but its shape is ${start.shape.join('x')}`);
  return tf.tidy(() => tf.variable(tf.tensor(stored.slice(), start.shape), trainable));
}
