import type { Tensor, Variable } from '@tensorflow/tfjs';
import type { TrainingState } from '../engine.ts';
import type { TensorFlow } from './runtime.ts';

/**
 * A variable that training remembers beside a weight, named `<weight name>/<slot>`: what the state of an earlier run
 * holds under that name, or, in a fresh run, a copy of `start`.
 *
 * @throws Error where the state lacks it or holds another number of elements
 */
export function slotVariable(tf: TensorFlow, name: string, start: Tensor, state: TrainingState | undefined): Variable {
  const trainable = false;
  if (!state) return tf.tidy(() => tf.variable(start.clone(), trainable));
  const stored = state.slots.get(name);
  if (!stored) throw new Error(`${name} is missing`);
  if (stored.length !== start.size)
    throw new Error(`${name} holds ${stored.length} numbers, but its shape is ${start.shape.join('x')}`);
  return tf.tidy(() => tf.variable(tf.tensor(stored.slice(), start.shape), trainable));
}
