import type { Variable } from '@tensorflow/tfjs';
import type { TrainingState } from '../engine.ts';
import type { TensorFlow } from './runtime.ts';
import { slotVariable } from './slots.ts';

/** The moving average of all weights, running statistics included; it starts as a copy of them. */
export class WeightAverage {
  /** By `<weight name>/average`. */
  readonly slots: ReadonlyMap<string, Variable>;

  constructor(
    private readonly tf: TensorFlow,
    private readonly weights: ReadonlyMap<string, Variable>,
    private readonly decay: number,
    state: TrainingState | undefined,
  ) {
    this.slots = new Map(
      [...weights].map(([name, variable]) => [slotName(name), slotVariable(tf, slotName(name), variable, state)]),
    );
  }

  /** Takes in the weights that update `step` (1, 2, ...) left. */
  update(step: number): void {
    const { tf } = this;
    // A young average leans on the latest weights, so that it does not drag the random first ones along.
    const decay = Math.min(this.decay, step / (9 + step));
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
