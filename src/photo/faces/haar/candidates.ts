import type { FaceBox } from '../create-detector.ts';
import { overlap, type Rectangle } from '../overlap.ts';
import type { HaarProposal } from './haar-pass.ts';

/** A place in the picture that one or more passes took for a face, with all that speaks for it. */
export interface Candidate {
  /** The proposal with the most hits: its box and angle are the candidate's. */
  readonly best: HaarProposal;
  /** Hits of all passes together, each pass counted with its best proposal here. */
  readonly hits: number;
  /** Most eyes that were found in any of its proposals; of more than two, some are none. */
  readonly eyes: number;
}

/** Proposals that overlap by more than this (intersection over union) are about the same face. */
const SAME_FACE = 0.3;
/** So are those of which this part of the smaller one lies in the other: a box within a face is no second face. */
const WITHIN = 0.7;

function boxOf({ centreX, centreY, side }: HaarProposal): Rectangle {
  return { x: centreX - side / 2, y: centreY - side / 2, width: side, height: side };
}

/** Gathers what several passes proposed: one candidate a place, the one with the most hits first. */
export function gatherCandidates(proposals: readonly HaarProposal[]): Candidate[] {
  const groups: HaarProposal[][] = [];
  for (const proposal of [...proposals].sort((a, b) => b.neighbours - a.neighbours)) {
    const group = groups.find(([best]) => {
      const { union, ofSmaller } = overlap(boxOf(best!), boxOf(proposal));
      return union > SAME_FACE || ofSmaller > WITHIN;
    });
    if (group) group.push(proposal);
    else groups.push([proposal]);
  }
  return groups.map((group) => {
    const ofPass = new Map<number, number>();
    for (const { angle, neighbours } of group) ofPass.set(angle, Math.max(neighbours, ofPass.get(angle) ?? 0));
    return {
      best: group[0]!,
      hits: [...ofPass.values()].reduce((sum, hits) => sum + hits, 0),
      eyes: Math.max(...group.map(({ eyes }) => eyes.length)),
    };
  });
}

/**
 * Hits that a face needs when no eye, one eye, or both were found in it. Chosen on fifteen group photos with 74 faces of 36 pixels
 * and more, of which 69 are found and nothing else; numbers around these make a difference of one or two.
 */
const HITS_NEEDED = [30, 12, 4];

/** Whether enough speaks for a candidate to call it a face. */
export function isFace({ hits, eyes }: Candidate): boolean {
  return hits >= HITS_NEEDED[Math.min(eyes, 2)]!;
}

/** A candidate as the detector's answer. */
export function toFaceBox({ best, hits }: Candidate): FaceBox {
  return { ...boxOf(best), angle: best.angle, score: hits };
}
