import { logOdds } from '../../base/numbers.ts';
import { groupByFace, meanSquare, overlap, SAME_PLACE, type Square, toBox, toSquare } from './box.ts';
import type { HaarProposal } from './haar/haar.ts';
import { LEAST_SCORE, type NetworkProposal } from './network/network.ts';

/** Every place that network or cascades take for a face, loosely. */
export interface Proposals {
  readonly network: readonly NetworkProposal[];
  /** None where the cascades were not asked. */
  readonly haar: readonly HaarProposal[];
}

/** A place in the picture that network or cascades took for a face, with what they said of it at first sight. */
export interface Place {
  readonly square: Square;
  /** How far the head seems to lean clockwise, in degrees. */
  readonly angle: number;
  /** Log odds of the surest of the network's passes, above those of the weakest proposal; 0 for none. */
  readonly surest: number;
  /** Overlapping hits of the cascades. */
  readonly hits: number;
}

/** One proposal of the network or of a cascade, in terms that both share. */
interface Proposal {
  readonly source: 'network' | 'haar';
  readonly pass: string;
  readonly square: Square;
  readonly angle: number;
  /** Log odds above the weakest proposal's, or hits. */
  readonly strength: number;
  /** How sure it is, 0..1: the network's score; about 60 hits count as much as a sure one. The surest is gathered first. */
  readonly rank: number;
}

/** Gathers what network and cascades proposed, each place once. */
export function gatherPlaces({ network, haar }: Proposals): Place[] {
  const proposals = [...network.map(ofNetwork), ...haar.map(ofHaar)].sort((a, b) => b.rank - a.rank);
  const groups = groupByFace(proposals, (first, proposal) => {
    const { union } = overlap(toBox(first.square), toBox(proposal.square));
    return union > SAME_PLACE ? union : 0;
  });
  return groups.map(toPlace);
}

function ofNetwork(proposal: NetworkProposal): Proposal {
  const { pass, score } = proposal;
  return {
    source: 'network',
    pass: `${pass.side} ${pass.angle}`,
    square: toSquare(proposal, pass.angle),
    angle: pass.angle,
    strength: logOdds(score) - logOdds(LEAST_SCORE),
    rank: score,
  };
}

function ofHaar({ centreX, centreY, side, angle, neighbours }: HaarProposal): Proposal {
  return {
    source: 'haar',
    pass: String(angle),
    square: { centreX, centreY, side },
    angle,
    strength: neighbours,
    rank: Math.min(0.9, neighbours / 60),
  };
}

function toPlace(proposals: readonly Proposal[]): Place {
  const network = strongestByPass(proposals.filter(({ source }) => source === 'network'));
  const haar = strongestByPass(proposals.filter(({ source }) => source === 'haar'));
  return {
    square: meanSquare([network, haar].flatMap(([first]) => (first ? [{ square: first.square, weight: 1 }] : []))),
    angle: leaning(network, haar),
    surest: network[0]?.strength ?? 0,
    hits: haar.reduce((sum, { strength }) => sum + strength, 0),
  };
}

/** The strongest proposal of each pass, the strongest first. */
function strongestByPass(proposals: readonly Proposal[]): Proposal[] {
  const passes = new Map<string, Proposal>();
  for (const proposal of proposals) {
    const known = passes.get(proposal.pass);
    if (!known || proposal.strength > known.strength) passes.set(proposal.pass, proposal);
  }
  return [...passes.values()].sort((a, b) => b.strength - a.strength);
}

/**
 * How far the head leans, at first sight. A cascade sees a lean only in the pass that is nearest to it, so where one saw the face, its
 * pass decides. The network sees a face in several passes: what lies between their angles comes from how well each sees it.
 */
function leaning(network: readonly Proposal[], haar: readonly Proposal[]): number {
  if (haar[0]) return haar[0].angle;
  let sum = 0;
  let weights = 0;
  for (const { strength, angle } of network) {
    sum += strength ** 2 * angle;
    weights += strength ** 2;
  }
  return weights === 0 ? 0 : sum / weights;
}
