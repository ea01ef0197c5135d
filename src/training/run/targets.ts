import { EMOTIONS } from '../../emotion/labels.ts';
import { countLabels } from '../data/face-set.ts';

/**
 * Writes the seven targets of one sample: (1 - smoothing) on its label plus smoothing / 7 on all (Szegedy et al. 2016, arXiv
 * 1512.00567, section 7), times the class's weight. The engines' loss is -sum(target * log(probability)), so a row that does
 * not sum to 1 weighs its sample.
 */
export function writeTarget(label: number, smoothing: number, weight: number, y: Float32Array, offset: number): void {
  const base = (smoothing / EMOTIONS.length) * weight;
  for (let k = 0; k < EMOTIONS.length; k++) y[offset + k] = base;
  y[offset + label] = base + (1 - smoothing) * weight;
}

/**
 * Writes a sample's seven targets where they are a distribution rather than one label: (1 - smoothing) of it plus
 * smoothing / 7 on all, times the class's weight.
 * @param targets n * 7, of which those of `sample` are used
 */
export function writeDistribution(
  targets: Float32Array,
  sample: number,
  smoothing: number,
  weight: number,
  y: Float32Array,
  offset: number,
): void {
  const base = smoothing / EMOTIONS.length;
  for (let k = 0; k < EMOTIONS.length; k++)
    y[offset + k] = (base + (1 - smoothing) * targets[sample * EMOTIONS.length + k]!) * weight;
}

/**
 * Moves a sample's seven targets towards a teacher's probabilities: (1 - share) of the present targets plus share of the
 * teacher's probabilities, times the class's weight.
 * @param probabilities n * 7, of which those of `sample` are used
 */
export function followTeacher(
  probabilities: Float32Array,
  sample: number,
  share: number,
  weight: number,
  y: Float32Array,
  offset: number,
): void {
  for (let k = 0; k < EMOTIONS.length; k++)
    y[offset + k] = y[offset + k]! * (1 - share) + probabilities[sample * EMOTIONS.length + k]! * share * weight;
}

/**
 * Class weights, one per emotion, that compensate for rare ones: proportional to 1 / count^power. Their mean over the
 * samples is 1, so that the learning rate keeps its meaning. Power 1 gives every emotion the same total weight (a sample of
 * disgust then weighs 16 times one of happy), 0.5 is a gentler choice, 0 switches them off. An absent emotion has weight 0.
 * @param labels indexes into EMOTIONS
 */
export function balancedClassWeights(labels: Uint8Array, power = 1): number[] {
  const counts = countLabels({ labels });
  const raw = counts.map((count) => (count === 0 ? 0 : count ** -power));
  const total = raw.reduce((sum, weight, k) => sum + weight * counts[k]!, 0);
  return raw.map((weight) => (weight * labels.length) / total);
}
