import { logOdds } from '../../base/numbers.ts';
import { groupByFace, overlap, SAME_PLACE, type Square, toBox, toSquare } from './box.ts';
import { LEAST_SCORE, type NetworkProposal } from './network/network.ts';

/** A place in the picture that the network proposed as a face, with the result of its first passes. */
export interface Place {
  readonly square: Square;
  /** How far the head seems to lean clockwise, in degrees. */
  readonly angle: number;
  /** Log odds of the surest of the network's passes, above those of the weakest proposal. */
  readonly surest: number;
}

/** One proposal of the network, framed as faces are. */
interface Proposal {
  readonly pass: string;
  readonly square: Square;
  readonly angle: number;
  /** Log odds above the weakest proposal's. */
  readonly strength: number;
}

/** Groups the proposals of the network's passes: each place once, the surest first. */
export function gatherPlaces(proposals: readonly NetworkProposal[]): Place[] {
  const sorted = proposals.map(framed).sort((a, b) => b.strength - a.strength);
  const groups = groupByFace(sorted, (first, proposal) => {
    const { union } = overlap(toBox(first.square), toBox(proposal.square));
    return union > SAME_PLACE ? union : 0;
  });
  return groups.map((group) => ({ square: group[0].square, angle: leaning(group), surest: group[0].strength }));
}

function framed(proposal: NetworkProposal): Proposal {
  const { pass, score } = proposal;
  return {
    pass: `${pass.side} ${pass.angle}`,
    square: toSquare(proposal, pass.angle),
    angle: pass.angle,
    strength: logOdds(score) - logOdds(LEAST_SCORE),
  };
}

/**
 * A first estimate of how far the head leans. The network sees a face in several passes; the best score at each angle weights that angle.
 * @param proposals the strongest first
 */
function leaning(proposals: readonly Proposal[]): number {
  const passes = new Set<string>();
  let sum = 0;
  let weights = 0;
  for (const { pass, strength, angle } of proposals) {
    if (passes.has(pass)) continue;
    passes.add(pass);
    sum += strength ** 2 * angle;
    weights += strength ** 2;
  }
  return weights === 0 ? 0 : sum / weights;
}
