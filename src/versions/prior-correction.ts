import { EMOTIONS } from '../emotion/labels.ts';
import type { Network, Weights } from '../emotion/network.ts';
import { countLabels } from '../training/data/face-set.ts';
import type { LearningSets } from '../training/data/votes.ts';
import { likeliest, measure } from '../training/run/metrics.ts';

/**
 * How strongly to correct for emotions that are rare in the training split (Menon et al. 2021, arXiv 2007.07314), of 0,
 * 0.1, ... 1. Of those whose accuracy is at most `mostLost` below that of 0, the one with the largest macro recall. At
 * 1, an emotion's probability would be divided by its share of the training images; disgust has 1.5 % of FER2013's.
 * @param probabilities n * 7, as the network gives them for faces that it was not trained on
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
  const judged = Array.from({ length: 11 }, (_, tenth) => {
    const strength = tenth / 10;
    const scores = probabilities.map((p, k) => Math.log(p + 1e-12) - strength * priors[k % EMOTIONS.length]!);
    return { strength, ...measure(labels, likeliest(scores)) };
  });
  const allowed = judged.filter(({ accuracy }) => accuracy >= judged[0]!.accuracy - mostLost);
  return allowed.reduce((best, one) => (one.macroRecall > best.macroRecall ? one : best)).strength;
}

/**
 * The weights with the correction in the last layer's bias, so that it costs nothing when faces are read; as they are
 * where the network has no such bias.
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
 * The weights with so much less for 'neutral', in the last bias. Where faces are voted on one by one a third of them is called neutral; what
 * people post shows fewer. Nothing changes where the network has no such bias.
 * @param by what is taken from the logit: at 0.7 its odds against any other emotion are halved
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
 * The share of each emotion in what a network learned from, 0..1: of the targets where there are some, such as shares of
 * votes, else of the labels. One that does not occur counts as one image.
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
