import { PURPOSE, Random } from '../../base/random.ts';
import { type Network, type NetworkNode, sizeOf } from '../network.ts';

/**
 * Dropout masks. They are made outside the engines, so that all engines drop the same numbers and a run can be repeated: a mask
 * depends on (seed, epoch, batch number, layer) only.
 */

type DropoutNode = NetworkNode & { readonly op: 'dropout' };

/** The dropout nodes with a rate above 0, in network order. A node's index here is the layer number of its masks. */
export function droppingNodes(network: Network): DropoutNode[] {
  return network.nodes.filter((node): node is DropoutNode => node.op === 'dropout' && node.rate > 0);
}

/**
 * Draws one mask for a whole batch: 0 drops a number, 1 / (1 - rate) keeps it and makes up for the dropped ones
 * (Srivastava et al. 2014).
 *
 * @param mask is filled; batch * units numbers, or batch * channels * height * width: channels first, as the default
 * engine computes
 */
export function drawMask(
  mask: Float32Array,
  rate: number,
  keys: { readonly seed: number; readonly epoch: number; readonly index: number; readonly layer: number },
): void {
  const random = new Random(PURPOSE.dropout, keys.seed, keys.epoch, keys.index, keys.layer);
  const kept = 1 / (1 - rate);
  for (let k = 0; k < mask.length; k++) mask[k] = random.next() < rate ? 0 : kept;
}

/** Converts a batch of masks from channels first to channels last. Masks of vectors are returned as they are. */
export function maskChannelsLast(mask: Float32Array, shape: readonly number[]): Float32Array {
  if (shape.length !== 3) return mask;
  const [pixels, channels] = [shape[0]! * shape[1]!, shape[2]!];
  const out = new Float32Array(mask.length);
  for (let start = 0; start < mask.length; start += sizeOf(shape))
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < pixels; pixel++)
        out[start + pixel * channels + channel] = mask[start + channel * pixels + pixel]!;
  return out;
}
