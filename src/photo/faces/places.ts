import type { HaarProposal } from './haar/haar-pass.ts';
import { type Square, toSquare } from './network/frame.ts';
import { LEAST_SCORE } from './network/network.ts';
import type { NetworkProposal } from './network/network-pass.ts';
import { overlap, type Rectangle } from './overlap.ts';
import type { Proposals } from './proposals.ts';

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

/** Proposals that overlap by more than this (intersection over union, in one frame) are about the same face. */
const SAME_PLACE = 0.3;

/** One proposal, whoever made it. */
interface Voice {
  readonly source: 'network' | 'haar';
  readonly pass: string;
  readonly square: Square;
  readonly angle: number;
  /** Log odds above the weakest proposal's, or hits. */
  readonly strength: number;
  /** Decides who is heard first, 0..1: the network's score; hits count as much as it at about 60. */
  readonly rank: number;
}

/** Gathers what network and cascades proposed, each place once. */
export function gatherPlaces({ network, haar }: Proposals): Place[] {
  const groups: Voice[][] = [];
  const voices = [...network.map(networkVoice), ...haar.map(haarVoice)].sort((a, b) => b.rank - a.rank);
  for (const voice of voices) {
    let closest: Voice[] | undefined;
    let most = SAME_PLACE;
    for (const group of groups) {
      const { union } = overlap(toBox(group[0]!.square), toBox(voice.square));
      if (union > most) [closest, most] = [group, union];
    }
    if (closest) closest.push(voice);
    else groups.push([voice]);
  }
  return groups.map(toPlace);
}

/** A square as an upright box. */
export function toBox({ centreX, centreY, side }: Square): Rectangle {
  return { x: centreX - side / 2, y: centreY - side / 2, width: side, height: side };
}

/** Log odds of a score between 0 and 1. */
export const logOdds = (score: number) => Math.log(score / (1 - score));

function networkVoice(proposal: NetworkProposal): Voice {
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

function haarVoice({ centreX, centreY, side, angle, neighbours }: HaarProposal): Voice {
  return {
    source: 'haar',
    pass: String(angle),
    square: { centreX, centreY, side },
    angle,
    strength: neighbours,
    rank: Math.min(0.9, neighbours / 60),
  };
}

function toPlace(voices: readonly Voice[]): Place {
  const network = strongestByPass(voices.filter(({ source }) => source === 'network'));
  const haar = strongestByPass(voices.filter(({ source }) => source === 'haar'));
  return {
    square: meanSquare([network, haar].flatMap(([first]) => (first ? [{ square: first.square, weight: 1 }] : []))),
    angle: leaning(network, haar),
    surest: network[0]?.strength ?? 0,
    hits: haar.reduce((sum, { strength }) => sum + strength, 0),
  };
}

/** The strongest voice of each pass, the strongest first. */
function strongestByPass(voices: readonly Voice[]): Voice[] {
  const passes = new Map<string, Voice>();
  for (const voice of voices) {
    const known = passes.get(voice.pass);
    if (!known || voice.strength > known.strength) passes.set(voice.pass, voice);
  }
  return [...passes.values()].sort((a, b) => b.strength - a.strength);
}

/**
 * What several squares make of one face: their errors differ, so their mean is better than any of them.
 * @param squares at least one, with weights above 0
 */
export function meanSquare(squares: readonly { readonly square: Square; readonly weight: number }[]): Square {
  const total = squares.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (value: (square: Square) => number) =>
    squares.reduce((sum, { square, weight }) => sum + weight * value(square), 0) / total;
  return {
    centreX: mean(({ centreX }) => centreX),
    centreY: mean(({ centreY }) => centreY),
    side: Math.exp(mean(({ side }) => Math.log(side))),
  };
}

/**
 * How far the head leans, at first sight. A cascade sees a lean only in the pass that is nearest to it, so where one saw the face, its
 * pass decides. The network sees a face in several passes: what lies between their angles comes from how well each sees it.
 */
function leaning(network: readonly Voice[], haar: readonly Voice[]): number {
  if (haar[0]) return haar[0].angle;
  let sum = 0;
  let weights = 0;
  for (const { strength, angle } of network) {
    sum += strength ** 2 * angle;
    weights += strength ** 2;
  }
  return weights === 0 ? 0 : sum / weights;
}
