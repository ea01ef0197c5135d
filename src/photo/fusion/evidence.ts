import type { HaarProposal } from '../haar-pass.ts';
import { LEAST_SCORE } from '../network/network.ts';
import type { NetworkProposal } from '../network/network-pass.ts';
import { overlap, type Rectangle } from '../overlap.ts';
import type { Proposals } from './proposals.ts';

/** All that speaks for a face at one place in the picture. */
export interface Evidence {
  /** The face's square, framed as the cascades frame faces. */
  readonly box: Rectangle;
  /** How far the head leans clockwise, in degrees. */
  readonly angle: number;
  /** What the score is computed from, in the order of EVIDENCE. */
  readonly numbers: readonly number[];
}

/**
 * The numbers of a piece of evidence:
 * - surest, second, third: log odds of the network's passes here, the surest first, above those of the weakest proposal; 0 for none
 * - hits: log(1 + overlapping hits of all cascade passes)
 * - eyes: 0, 1 or 2 that the eye cascade found
 */
export const EVIDENCE = ['surest', 'second', 'third', 'hits', 'eyes'] as const;

/**
 * The network's boxes in the cascades' frame: a square whose side is this part of the box's height, its centre that part higher.
 * Medians over 70 faces that both found (quartiles 0.88 and 0.97; 0.11 and 0.15); sideways there is no difference (0.01).
 */
const FRAME_SIDE = 0.92;
const FRAME_UP = 0.13;

/** Proposals that overlap by more than this (intersection over union, in one frame) are about the same face. */
const SAME_PLACE = 0.3;

/** One proposal, whoever made it. */
interface Voice {
  readonly source: 'network' | 'haar';
  readonly pass: string;
  readonly square: { readonly centreX: number; readonly centreY: number; readonly side: number };
  readonly angle: number;
  /** Log odds above the weakest proposal's, or hits. */
  readonly strength: number;
  readonly eyes: number;
  /** Decides who is heard first, 0..1: the network's score; hits count as much as it at about 60. */
  readonly rank: number;
}

/** Gathers what network and cascades proposed: one piece of evidence a place. */
export function gatherEvidence({ network, haar }: Proposals): Evidence[] {
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
  return groups.map(toEvidence);
}

const logOdds = (score: number) => Math.log(score / (1 - score));

function networkVoice({ centreX, centreY, height, pass, score }: NetworkProposal): Voice {
  const radians = (pass.angle * Math.PI) / 180;
  const up = FRAME_UP * height;
  return {
    source: 'network',
    pass: `${pass.side} ${pass.angle}`,
    square: {
      centreX: centreX + up * Math.sin(radians),
      centreY: centreY - up * Math.cos(radians),
      side: FRAME_SIDE * height,
    },
    angle: pass.angle,
    strength: logOdds(score) - logOdds(LEAST_SCORE),
    eyes: 0,
    rank: score,
  };
}

function haarVoice({ centreX, centreY, side, angle, neighbours, eyes }: HaarProposal): Voice {
  return {
    source: 'haar',
    pass: String(angle),
    square: { centreX, centreY, side },
    angle,
    strength: neighbours,
    eyes: Math.min(2, eyes.length),
    rank: Math.min(0.9, neighbours / 60),
  };
}

function toBox({ centreX, centreY, side }: Voice['square']): Rectangle {
  return { x: centreX - side / 2, y: centreY - side / 2, width: side, height: side };
}

function toEvidence(voices: readonly Voice[]): Evidence {
  const network = strongestByPass(voices.filter(({ source }) => source === 'network'));
  const haar = strongestByPass(voices.filter(({ source }) => source === 'haar'));
  const [surest, second, third] = network.map(({ strength }) => strength);
  const hits = Math.log1p(haar.reduce((sum, { strength }) => sum + strength, 0));
  const eyes = Math.max(0, ...voices.map((voice) => voice.eyes));
  return {
    box: meanBox([network, haar].flatMap(([first]) => (first ? [first.square] : []))),
    angle: leaning(network, haar),
    numbers: [surest ?? 0, second ?? 0, third ?? 0, hits, eyes],
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

/** What network and cascades make of the place together: their errors differ, so their mean is better than either. */
function meanBox(squares: readonly Voice['square'][]): Rectangle {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return toBox({
    centreX: mean(squares.map(({ centreX }) => centreX)),
    centreY: mean(squares.map(({ centreY }) => centreY)),
    side: Math.exp(mean(squares.map(({ side }) => Math.log(side)))),
  });
}

/**
 * How far the head leans. The cascades see a lean only in the pass that is nearest to it, so where they saw the face, that pass
 * decides. The network sees a face in several passes: what lies between their angles comes from how well each sees it.
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
