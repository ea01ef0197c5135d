import { EMOTIONS } from '../emotion/labels.ts';
import type { Network, Weights } from '../emotion/network.ts';
import { countLabels } from '../training/data/face-set.ts';
import type { LearningSets } from '../training/data/votes.ts';
import { likeliest, measure } from '../training/run/metrics.ts';

/**
 * Chooses how strongly to correct for emotions that are rare in the training split (Menon et al. 2021, arXiv 2007.07314):
 * 0, 0.05, ... or 1. Among the strengths that cost at most `mostLost` of accuracy, it takes the one with the largest macro
 * recall. At 1, an emotion's probability is divided by its share of the training images; disgust has 1.5 % of FER2013's.
 * @param probabilities n * 7, the network's outputs for faces that it was not trained on
 * @param labels n indexes into EMOTIONS
 * @param shares what share of the training targets each emotion has, as `sharesOf` gives them
 * @param mostLost accuracy that may be given up for a larger macro recall, 0..1
 */
export function fitPriorCorrection(
  probabilities: Float32Array,
  labels: Uint8Array,
  shares: readonly number[],
  mostLost: number,
): number {
  const priors = shares.map(Math.log);
  const judged = Array.from({ length: 21 }, (_, step) => {
    const strength = step / 20;
    const scores = probabilities.map((p, k) => Math.log(p + 1e-12) - strength * priors[k % EMOTIONS.length]!);
    return { strength, ...measure(labels, likeliest(scores)) };
  });
  const allowed = judged.filter(({ accuracy }) => accuracy >= judged[0]!.accuracy - mostLost);
  return allowed.reduce((best, one) => (one.macroRecall > best.macroRecall ? one : best)).strength;
}

/**
 * Puts the correction into the last layer's bias, so that it costs nothing when faces are read. Weights of a network without
 * such a bias are returned unchanged.
 * @param shares what share of the training targets each emotion has, as `sharesOf` gives them
 */
export function correctPriors(
  network: Network,
  weights: Weights,
  shares: readonly number[],
  strength: number,
): Weights {
  const name = biasOfLogits(network);
  if (name === undefined || strength === 0) return weights;
  const priors = shares.map(Math.log);
  const bias = weights.get(name)!.map((value, k) => value - strength * priors[k]!);
  return new Map(weights).set(name, bias);
}

/**
 * Subtracts a constant from the logit of 'neutral', in the last bias. Where people vote on single faces, a third of them is called neutral;
 * pictures that people post show fewer. Weights of a network without such a bias are returned unchanged.
 * @param by subtracted from the logit: 0.7 halves its odds against any other emotion
 */
export function withLessNeutral(network: Network, weights: Weights, by: number): Weights {
  const name = biasOfLogits(network);
  if (name === undefined || by === 0) return weights;
  const neutral = EMOTIONS.indexOf('neutral');
  return new Map(weights).set(
    name,
    weights.get(name)!.map((value, k) => (k === neutral ? value - by : value)),
  );
}

/** The name of the bias that is added just before the softmax, if there is one. */
export function biasOfLogits(network: Network): string | undefined {
  return network.nodes.at(-2)?.weights.find(({ role }) => role === 'bias')?.name;
}

/**
 * The share of each emotion in what a network learned from, 0..1: from the targets where there are any, such as shares of
 * votes, otherwise from the labels. An emotion that does not occur counts as one image.
 */
export function sharesOf({ training: { labels, count }, targets }: LearningSets): number[] {
  const sums = countLabels({ labels });
  if (targets) {
    sums.fill(0);
    targets.forEach((share, k) => {
      sums[k % EMOTIONS.length]! += share;
    });
  }
  return sums.map((sum) => Math.max(1, sum) / count);
}
