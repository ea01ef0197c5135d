import { describe, expect, it } from 'vitest';
import { EVIDENCE, gatherEvidence } from '../../src/photo/fusion/evidence.ts';
import {
  type FaceScore,
  keepFaces,
  readFaceScore,
  SCORED_DETECTORS,
  scoreOf,
} from '../../src/photo/fusion/face-score.ts';
import { fitLogistic } from '../../src/photo/fusion/fit.ts';
import type { HaarProposal } from '../../src/photo/haar-pass.ts';
import type { NetworkProposal } from '../../src/photo/network/network-pass.ts';

/** What the network says of a face whose square, as the cascades frame it, has this centre and side. */
function network(centreX: number, centreY: number, side: number, score: number, angle = 0): NetworkProposal {
  const height = side / 0.92;
  const radians = (angle * Math.PI) / 180;
  return {
    centreX: centreX - 0.13 * height * Math.sin(radians),
    centreY: centreY + 0.13 * height * Math.cos(radians),
    width: height * 1.1,
    height,
    pass: { side: 416, angle, margin: 0 },
    score,
  };
}

function haar(centreX: number, centreY: number, side: number, neighbours: number, angle = 0, eyes = 0): HaarProposal {
  return { centreX, centreY, side, angle, neighbours, eyes: Array.from({ length: eyes }, () => ({ x: 0, y: 0 })) };
}

const logOdds = (score: number) => Math.log(score / (1 - score));
const above = (score: number) => logOdds(score) - logOdds(0.05);

describe('gatherEvidence', () => {
  it('brings both frames together and adds up what speaks for a face', () => {
    const [face, ...rest] = gatherEvidence({
      network: [network(200, 150, 100, 0.9), network(202, 151, 100, 0.6, 35), network(198, 149, 100, 0.2, -35)],
      haar: [haar(204, 154, 100, 20, 0, 1), haar(204, 154, 100, 9, 22, 2)],
    });
    expect(rest).toEqual([]);
    const [surest, second, third, hits, eyes] = face!.numbers;
    expect(surest).toBeCloseTo(above(0.9));
    expect(second).toBeCloseTo(above(0.6));
    expect(third).toBeCloseTo(above(0.2));
    expect(hits).toBeCloseTo(Math.log(30));
    expect(eyes).toBe(2);
    // Half way between what the network and what the cascades are surest of.
    expect(face!.box.x).toBeCloseTo(152);
    expect(face!.box.y).toBeCloseTo(102);
    expect(face!.box.width).toBeCloseTo(100);
    expect(face!.box.height).toBeCloseTo(100);
  });

  it('counts a pass once', () => {
    const [face] = gatherEvidence({ network: [network(200, 150, 100, 0.9), network(205, 150, 95, 0.8)], haar: [] });
    expect(face!.numbers).toEqual([expect.closeTo(above(0.9)), 0, 0, 0, 0]);
  });

  it('moves the frame along the lean of the head', () => {
    for (const angle of [-35, 0, 35]) {
      const [face] = gatherEvidence({ network: [network(300, 200, 90, 0.7, angle)], haar: [] });
      expect(face!.box.x).toBeCloseTo(255);
      expect(face!.box.y).toBeCloseTo(155);
      expect(face!.angle).toBeCloseTo(angle);
    }
  });

  it('takes the lean from the cascade pass that sees the face best', () => {
    const [face] = gatherEvidence({
      network: [network(200, 200, 100, 0.9), network(200, 200, 100, 0.9, 35)],
      haar: [haar(200, 200, 100, 9), haar(200, 200, 100, 12, 22)],
    });
    expect(face!.angle).toBe(22);
  });

  it('takes the lean from all of the network’s passes otherwise, each as far as it sees a face', () => {
    const lean = (...scores: [left: number, upright: number, right: number]) =>
      gatherEvidence({
        network: [-35, 0, 35].map((angle, k) => network(200, 200, 100, scores[k]!, angle)),
        haar: [],
      })[0]!.angle;
    expect(lean(0.5, 0.9, 0.5)).toBeCloseTo(0);
    expect(lean(0.06, 0.9, 0.9)).toBeGreaterThan(14);
    expect(lean(0.06, 0.9, 0.9)).toBeLessThan(20);
    expect(lean(0.9, 0.9, 0.06)).toBeLessThan(-14);
  });

  it('keeps places apart that hardly overlap', () => {
    const places = gatherEvidence({
      network: [network(200, 200, 100, 0.9)],
      haar: [haar(290, 200, 100, 12), haar(200, 215, 40, 9)],
    });
    expect(places.map(({ numbers }) => numbers[0]! > 0)).toEqual([true, false, false]);
    expect(gatherEvidence({ network: [], haar: [] })).toEqual([]);
  });
});

describe('keepFaces', () => {
  const score: FaceScore = { intercept: -3, coefficients: [1, 0.5, 0.5, 1, 0.5], threshold: 0.5 };
  const place = (x: number, side: number, surest: number, hits = 0) => ({
    box: { x, y: 0, width: side, height: side },
    angle: 0,
    numbers: [surest, 0, 0, hits, 0],
  });

  it('keeps what scores enough, whoever proposed it, the surest first', () => {
    const kept = keepFaces([place(0, 50, 3.5), place(100, 50, 0, 4), place(200, 50, 2.9), place(300, 50, 2, 2)], score);
    expect(kept.map(({ box }) => box.x)).toEqual([100, 300, 0]);
    expect(kept[0]!.score).toBeCloseTo(1 / (1 + Math.exp(-1)));
  });

  it('drops what overlaps a surer face or lies within it', () => {
    const kept = keepFaces([place(0, 100, 6), place(40, 100, 5), place(10, 40, 4), place(90, 100, 4)], score);
    expect(kept.map(({ box }) => box.x)).toEqual([0, 90]);
  });
});

describe('the fitted scores', () => {
  it.each(SCORED_DETECTORS)('%s: nothing makes a face less likely', (detector) => {
    const { coefficients, threshold } = readFaceScore(detector);
    expect(coefficients).toHaveLength(EVIDENCE.length);
    expect(coefficients.every((value) => value >= 0)).toBe(true);
    expect(threshold).toBeGreaterThan(0.1);
    expect(threshold).toBeLessThan(0.9);
  });

  it('knows a face that both see, and not what only one sees dimly', () => {
    const score = readFaceScore('fusion');
    expect(scoreOf({ numbers: [above(0.8), above(0.6), 0, Math.log(20), 2] }, score)).toBeGreaterThan(0.95);
    expect(scoreOf({ numbers: [above(0.2), 0, 0, 0, 0] }, score)).toBeLessThan(0.2);
    expect(scoreOf({ numbers: [0, 0, 0, Math.log(5), 0] }, score)).toBeLessThan(0.3);
  });
});

describe('fitLogistic', () => {
  it('finds the odds of a table of counts', () => {
    // 30 of 40 with the mark are faces, 10 of 40 without: odds of 3 and of 1/3.
    const times = (count: number, mark: number, face: boolean) =>
      Array.from({ length: count }, () => ({ numbers: [mark], face }));
    const examples = [...times(30, 1, true), ...times(10, 1, false), ...times(10, 0, true), ...times(30, 0, false)];
    const { intercept, coefficients } = fitLogistic(examples, 0);
    expect(intercept).toBeCloseTo(Math.log(1 / 3), 4);
    expect(coefficients[0]).toBeCloseTo(Math.log(9), 4);
    expect(fitLogistic(examples, 5).coefficients[0]!).toBeLessThan(Math.log(9));
  });

  it('stays finite where the examples could be told apart perfectly', () => {
    const examples = [0, 1, 2, 3].map((value) => ({ numbers: [value, 1], face: value > 1 }));
    const { intercept, coefficients } = fitLogistic(examples, 1);
    expect([intercept, ...coefficients].every(Number.isFinite)).toBe(true);
    expect(coefficients[0]).toBeGreaterThan(0);
  });

  it('refuses examples of one kind', () => {
    expect(() => fitLogistic([{ numbers: [1], face: true }], 1)).toThrow('examples of faces and of others');
  });
});
