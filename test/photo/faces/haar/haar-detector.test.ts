import { describe, expect, it } from 'vitest';
import type { HaarProposal } from '../../../../src/photo/faces/haar/haar.ts';
import { gatherCandidates, isFace, toFaceBox } from '../../../../src/photo/faces/haar/haar-detector.ts';

function proposal(
  centreX: number,
  centreY: number,
  neighbours: number,
  more: Partial<HaarProposal> = {},
): HaarProposal {
  return { centreX, centreY, side: 100, angle: 0, neighbours, eyes: [], ...more };
}
const eyes = (count: number) => ({ eyes: Array.from({ length: count }, () => ({ x: 0, y: 0 })) });

describe('gatherCandidates', () => {
  it('adds up what several passes say for one place, and takes the box with the most hits', () => {
    const [only, ...rest] = gatherCandidates([
      proposal(200, 200, 8, eyes(1)),
      proposal(205, 198, 20, { angle: 22, ...eyes(2) }),
      proposal(210, 205, 3, { angle: -22 }),
    ]);
    expect(rest).toEqual([]);
    expect(only).toMatchObject({ best: { angle: 22, centreX: 205 }, hits: 31, eyes: 2 });
  });

  it('counts a pass once where it proposed two boxes for one place', () => {
    const [only] = gatherCandidates([proposal(200, 200, 8), proposal(210, 200, 6)]);
    expect(only).toMatchObject({ hits: 8 });
  });

  it('takes a box within a face for that face', () => {
    expect(gatherCandidates([proposal(200, 200, 30), proposal(215, 215, 9, { side: 40, angle: 22 })])).toHaveLength(1);
  });

  it('keeps neighbours apart', () => {
    const candidates = gatherCandidates([proposal(200, 200, 5), proposal(290, 200, 7), proposal(200, 290, 6)]);
    expect(candidates.map(({ hits }) => hits)).toEqual([7, 6, 5]);
  });

  it('gathers no candidates from no boxes', () => {
    expect(gatherCandidates([])).toEqual([]);
  });
});

describe('isFace', () => {
  const candidate = (hits: number, eyeCount: number) => ({ best: proposal(0, 0, hits), hits, eyes: eyeCount });

  it.each([
    [0, 30],
    [1, 12],
    [2, 4],
    [3, 4],
  ])('with %i eyes asks for %i hits', (eyeCount, needed) => {
    expect(isFace(candidate(needed, eyeCount))).toBe(true);
    expect(isFace(candidate(needed - 1, eyeCount))).toBe(false);
  });
});

it('toFaceBox gives the upright box around the best proposal', () => {
  const best = proposal(200, 150, 9, { angle: -22 });
  expect(toFaceBox({ best, hits: 14, eyes: 1 })).toEqual({
    x: 150,
    y: 100,
    width: 100,
    height: 100,
    angle: -22,
    score: 14,
  });
});
