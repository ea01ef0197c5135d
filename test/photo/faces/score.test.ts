import { describe, expect, it } from 'vitest';
import { fitLogistic } from '../../../src/evaluation/fit-face-score.ts';
import { EVIDENCE, type Evidence, gatherEvidence, leansOf, toEvidence } from '../../../src/photo/faces/evidence.ts';
import { LEAST_SIGHTING } from '../../../src/photo/faces/network/boxes.ts';
import type { Look, NetworkProposal, Sighting } from '../../../src/photo/faces/network/network.ts';
import { gatherPlaces } from '../../../src/photo/faces/places.ts';
import { type FaceScore, keepFaces, readFaceScore, scored, scoreOf } from '../../../src/photo/faces/score.ts';

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

const logOdds = (score: number) => Math.log(score / (1 - score));
const above = (score: number) => logOdds(score) - logOdds(0.05);

describe('gatherPlaces', () => {
  it('gathers what several passes say of a place, and keeps to the surest', () => {
    const proposals = [network(198, 149, 100, 0.2, -35), network(200, 150, 100, 0.9), network(202, 151, 100, 0.6, 35)];
    const [face, ...rest] = gatherPlaces(proposals);
    expect(rest).toEqual([]);
    expect(face!.surest).toBeCloseTo(above(0.9));
    expect(face!.square.centreX).toBeCloseTo(200);
    expect(face!.square.centreY).toBeCloseTo(150);
    expect(face!.square.side).toBeCloseTo(100);
  });

  it('moves the frame along the lean of the head', () => {
    for (const angle of [-35, 0, 35]) {
      const [face] = gatherPlaces([network(300, 200, 90, 0.7, angle)]);
      expect(face!.square.centreX).toBeCloseTo(300);
      expect(face!.square.centreY).toBeCloseTo(200);
      expect(face!.angle).toBeCloseTo(angle);
    }
  });

  it('takes the lean from all passes, each as far as it sees a face', () => {
    const lean = (...scores: [left: number, upright: number, right: number]) =>
      gatherPlaces([-35, 0, 35].map((angle, k) => network(200, 200, 100, scores[k]!, angle)))[0]!.angle;
    expect(lean(0.5, 0.9, 0.5)).toBeCloseTo(0);
    expect(lean(0.06, 0.9, 0.9)).toBeGreaterThan(14);
    expect(lean(0.06, 0.9, 0.9)).toBeLessThan(20);
    expect(lean(0.9, 0.9, 0.06)).toBeLessThan(-14);
  });

  it('keeps places apart that hardly overlap, the surest first', () => {
    const places = gatherPlaces([network(290, 200, 100, 0.5), network(200, 200, 100, 0.9), network(200, 215, 40, 0.7)]);
    expect(places.map(({ surest }) => surest)).toEqual([0.9, 0.7, 0.5].map((score) => expect.closeTo(above(score))));
    expect(gatherPlaces([])).toEqual([]);
  });
});

describe('gatherEvidence', () => {
  const place = (centreX: number, angle = 0) => ({
    square: { centreX, centreY: 50, side: 40 },
    angle,
    surest: 2,
  });

  it('looks at every place again, as it leans, as it is and mirrored, and weighs what is seen there', async () => {
    const asked: Look[] = [];
    const [first, second] = await gatherEvidence([place(100), place(300, -35)], async (looks) => {
      asked.push(...looks);
      return looks.map(({ place: { centreX, centreY } }) =>
        centreX < 200 ? { score: 0.5, square: { centreX: centreX + 6, centreY, side: 80 } } : { score: LEAST_SIGHTING },
      );
    });
    expect(new Set(asked.map(({ place: { centreX }, angle }) => `${centreX} ${angle}`))).toEqual(
      new Set(['100 0', '300 -35']),
    );
    expect(asked.filter(({ mirrored }) => mirrored)).toHaveLength(asked.length / 2);
    expect(first!.numbers).toEqual([2, expect.closeTo(-logOdds(LEAST_SIGHTING))]);
    expect(first!.seen).toEqual({
      centreX: expect.closeTo(106),
      centreY: expect.closeTo(50),
      side: expect.closeTo(80),
    });
    expect(second!.numbers).toEqual([2, 0]);
    expect(second!.seen).toEqual(second!.proposed);
  });

  it('looks no further where the first view settles the matter', async () => {
    const views = new Map<number, number>();
    const count = async (looks: readonly Look[]) => {
      for (const { place } of looks) views.set(place.centreX, 1 + (views.get(place.centreX) ?? 0));
      // The place at 300 is seen so differently by each view that it stays in doubt.
      return looks.map(({ place: { centreX } }) => ({ score: { 100: 0.99, 200: LEAST_SIGHTING }[centreX] ?? 0.2 }));
    };
    const evidence = await gatherEvidence([place(100), place(200), place(300)], count, ({ numbers: [, look] }) => {
      return look! < 1 || look! > 8;
    });
    expect([...views]).toEqual([
      [100, 1],
      [200, 1],
      [300, 4],
    ]);
    expect(evidence.map(({ proposed }) => proposed.centreX)).toEqual([100, 200, 300]);
  });

  it('takes all that is nearly certain for equally sure', () => {
    const of = (score: number) => toEvidence(place(100), [{ score }]).numbers[1]!;
    expect(of(0.9999)).toBe(of(0.999));
    expect(of(1)).toBe(of(0.999));
    expect(of(0.998)).toBeLessThan(of(0.999));
  });

  it('lets surer sightings say more about where the face is', () => {
    const at = (centreX: number, score: number) => ({ score, square: { centreX, centreY: 50, side: 40 } });
    const { seen } = toEvidence(place(100), [at(90, 0.99), at(110, 0.02), { score: LEAST_SIGHTING }]);
    expect(seen.centreX).toBeGreaterThan(90);
    expect(seen.centreX).toBeLessThan(95);
  });

  it('has nothing to say of no places', async () => {
    expect(await gatherEvidence([], async (looks) => looks.map(() => ({ score: 1 })))).toEqual([]);
  });
});

describe('leansOf', () => {
  const square = { centreX: 50, centreY: 50, side: 40 };
  /** What is seen of a head whose score falls off on both sides of the angle that it leans by. */
  const seen = (lean: number, { angle }: Look): Sighting => ({
    score: 0.9 * Math.exp(-(((angle - lean) / 40) ** 2)) + LEAST_SIGHTING,
  });

  it.each([-45, -30, 0, 20, 45])('tells a lean of %i degrees', async (lean) => {
    const [told] = await leansOf([{ square, angle: 99 }], async (looks) => looks.map((look) => seen(lean, look)));
    expect(Math.abs(told!.angle - lean)).toBeLessThan(12);
  });

  it('keeps to what was thought before where nothing is seen', async () => {
    const nothing = async (looks: readonly Look[]) => looks.map(() => ({ score: LEAST_SIGHTING }));
    expect(await leansOf([{ square, angle: -35 }], nothing)).toEqual([{ angle: -35, upright: 0 }]);
  });

  it('looks a second time, in another size, at heads that lean only', async () => {
    const upright = { ...square, centreX: 200 };
    const asked: Look[] = [];
    const leans = await leansOf(
      [
        { square, angle: 0 },
        { square: upright, angle: 0 },
      ],
      async (looks) => {
        asked.push(...looks);
        return looks.map((look) => seen(look.place === square ? 40 : 0, look));
      },
    );
    expect(leans[0]!.angle).toBeGreaterThan(25);
    expect(leans[1]!.angle).toBeCloseTo(0);
    // Of a head that leans by 40 degrees most is seen at 30.
    expect(leans[0]!.upright).toBeLessThan(leans[1]!.upright);
    const sizes = (place: Look['place']) =>
      new Set(asked.filter((look) => look.place === place).map(({ pixels }) => pixels));
    expect([sizes(square).size, sizes(upright).size]).toEqual([2, 1]);
  });
});

describe('keepFaces', () => {
  const PICTURE = { width: 1000, height: 900 };
  const score: FaceScore = { intercept: -3, coefficients: [1, 0.5], threshold: 0.5 };
  const square = (x: number, side: number) => ({ centreX: x + side / 2, centreY: side / 2, side });
  const place = (x: number, side: number, surest: number, look = 0, seen = square(x, side)) => ({
    proposed: square(x, side),
    seen,
    angle: 0,
    numbers: [surest, look],
  });
  const keep = (places: Evidence[], picture = PICTURE) => keepFaces(scored(places, score), score.threshold, picture);
  const lefts = (places: Evidence[]) => keep(places).map(({ proposed }) => proposed.centreX - proposed.side / 2);

  it('keeps what scores enough, by first sight or by the second look, the surest first', () => {
    const places = [place(0, 50, 3.5), place(100, 50, 0, 8), place(200, 50, 2.9), place(300, 50, 2, 4)];
    expect(lefts(places)).toEqual([100, 300, 0]);
    expect(keep(places)[0]!.score).toBeCloseTo(1 / (1 + Math.exp(-1)));
  });

  it('takes no group for a face: not what frames the heads of several, however sure it is', () => {
    const heads = [place(0, 40, 6), place(60, 40, 6)];
    const row = { centreX: 50, centreY: 20, side: 150 };
    const group = { proposed: row, seen: row, angle: 0, numbers: [9, 0] };
    expect(keep([...heads, group]).map(({ square: { side } }) => Math.round(side))).toEqual([40, 40]);
    // One thing that looks like a face within a surer face is a part of it.
    expect(keep([heads[0]!, group]).map(({ square: { side } }) => Math.round(side))).toEqual([150]);
  });

  it('asks less of what fills the picture: three fifths of the score', () => {
    // Log odds of -0.2 are a score of 0.45, of -1 0.27: three tenths and something are needed, elsewhere a half.
    const large = place(0, 500, 2.8);
    expect(lefts([large])).toEqual([]);
    expect(keep([large], { width: 900, height: 800 })).toHaveLength(1);
    expect(keep([large], { width: 800, height: 900 })).toHaveLength(1);
    expect(keep([large], { width: 840, height: 900 })).toHaveLength(0);
    expect(keep([place(0, 500, 2)], { width: 800, height: 800 })).toHaveLength(0);
    // A place that fills the picture less may still be a face that is surer than one that fills it more.
    expect(keep([place(600, 100, 2.8), large], { width: 800, height: 800 })).toHaveLength(1);
  });

  it('asks more of what is half its own mirror image, at the edge', () => {
    // Log odds of 1, 2.6 and 3: scores of 0.73, 0.93 and 0.953.
    expect(lefts([place(-40, 100, 4), place(300, 100, 4)])).toEqual([300]);
    expect(lefts([place(-40, 100, 5.6)])).toEqual([]);
    expect(lefts([place(-40, 100, 6), place(-30, 100, 4)])).toEqual([-40]);
    expect(lefts([place(-30, 100, 4)])).toEqual([-30]);
  });

  it('drops what overlaps a surer face or lies within it', () => {
    expect(lefts([place(0, 100, 6), place(40, 100, 5), place(10, 40, 4), place(90, 100, 4)])).toEqual([0, 90]);
  });

  it('drops a place where the second look saw a surer face', () => {
    expect(lefts([place(0, 100, 6), place(80, 100, 5, 0, square(20, 100)), place(110, 100, 4)])).toEqual([0, 110]);
  });

  it('drops what lies between two surer faces', () => {
    expect(lefts([place(0, 100, 6), place(150, 100, 5), place(75, 100, 4), place(300, 100, 4)])).toEqual([0, 150, 300]);
  });

  it('answers with the mean of where a face was proposed and where it was seen', () => {
    const [kept] = keep([place(0, 100, 6, 0, { centreX: 60, centreY: 40, side: 100 })]);
    expect(kept!.square).toEqual({ centreX: 55, centreY: 45, side: expect.closeTo(100) });
  });
});

describe('the fitted score', () => {
  it('takes nothing that speaks for a face as a word against it', () => {
    const { coefficients, threshold } = readFaceScore();
    expect(coefficients).toHaveLength(EVIDENCE.length);
    expect(coefficients.every((value) => value >= 0)).toBe(true);
    expect(threshold).toBeGreaterThan(0.1);
    expect(threshold).toBeLessThan(0.9);
  });

  it('knows a face that is seen again at the second look, and not what is seen once', () => {
    const score = readFaceScore();
    const seen = (score: number) => logOdds(score) - logOdds(LEAST_SIGHTING);
    expect(scoreOf({ numbers: [above(0.8), seen(0.8)] }, score)).toBeGreaterThan(0.95);
    expect(scoreOf({ numbers: [above(0.2), 0] }, score)).toBeLessThan(0.2);
    expect(scoreOf({ numbers: [above(0.7), 0] }, score)).toBeLessThan(0.3);
    expect(scoreOf({ numbers: [0, seen(0.05)] }, score)).toBeLessThan(0.3);
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
