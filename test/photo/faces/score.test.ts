import { describe, expect, it } from 'vitest';
import { fitLogistic } from '../../../src/evaluation/fit-face-score.ts';
import {
  EVIDENCE,
  type Evidence,
  gatherEvidence,
  leansOf,
  toEvidence,
  weightOf,
} from '../../../src/photo/faces/evidence.ts';
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

  const byView = ({ angle, pixels, mirrored }: Look) => `${angle} ${pixels} ${mirrored}`;

  it('looks at every place again, as it leans, from three angles and larger, and weighs what is seen there', async () => {
    const asked: Look[] = [];
    const [first, second] = await gatherEvidence([place(100), place(300, -35)], async (looks) => {
      asked.push(...looks);
      return looks.map(({ place: { centreX } }) =>
        centreX < 200
          ? { score: 0.5, square: { centreX: centreX + 6, centreY: 50, side: 80 } }
          : { score: LEAST_SIGHTING },
      );
    });
    const views = (centreX: number) => asked.filter((look) => look.place.centreX === centreX).map(byView);
    expect(views(300)).toEqual([
      '-35 96 false',
      ...[-30, 0, 30].map((angle) => `${angle} 96 false`),
      '-35 192 false',
      '-35 128 false',
      '-35 128 true',
      '-35 192 true',
    ]);
    // What stands nearly upright is looked at upright first, which is one of the three.
    expect(views(100)).toEqual([
      '0 96 false',
      ...[-30, 30].map((angle) => `${angle} 96 false`),
      '0 192 false',
      '0 128 false',
      '0 128 true',
      '0 192 true',
    ]);
    expect(first!.numbers).toEqual([2, expect.closeTo(-logOdds(LEAST_SIGHTING))]);
    expect(first!.seen).toEqual({
      centreX: expect.closeTo(106),
      centreY: expect.closeTo(50),
      side: expect.closeTo(80),
    });
    expect(second!.numbers).toEqual([2, 0]);
    expect(second!.seen).toEqual(second!.proposed);
    expect(second!.fromAngles).toEqual([0, 0, 0]);
  });

  it('looks no further where a stage is enough to decide', async () => {
    const asked: Look[] = [];
    const evidence = await gatherEvidence(
      [place(100), place(200), place(300)],
      async (looks) => {
        asked.push(...looks);
        return looks.map(() => ({ score: 0.3 }));
      },
      ({ proposed: { centreX } }, stage) => stage < centreX / 100,
    );
    const views = (centreX: number) => asked.filter((look) => look.place.centreX === centreX).length;
    expect([100, 200, 300].map(views)).toEqual([1, 3, 4]);
    expect(evidence.map(({ proposed }) => proposed.centreX)).toEqual([100, 200, 300]);
    expect(evidence.map(({ fromAngles }) => fromAngles.length)).toEqual([0, 3, 3]);
  });

  it('takes a head that leans for as much of a face as one that stands upright, and what is seen from one angle only for less', () => {
    const evidence = (angle: number, scores: readonly number[]) =>
      toEvidence(
        place(100, angle),
        scores.map((score) => ({ score })),
      );
    const look = (...scores: number[]) => evidence(20, scores).numbers[1]!;
    expect(look(0.9, LEAST_SIGHTING, 0.9, 0.9)).toBeCloseTo(look(0.9, 0.9, 0.9, 0.9));
    expect(look(0.9, LEAST_SIGHTING, 0.9, LEAST_SIGHTING)).toBeLessThan(look(0.9, 0.9, 0.9, LEAST_SIGHTING) - 1);
    // The same where the first view stands for one of the three.
    expect(evidence(0, [0.9, 0.2, 0.5]).fromAngles).toEqual(evidence(20, [0.9, 0.2, 0.9, 0.5]).fromAngles);
    expect(evidence(0, [0.9, 0.2, 0.5]).numbers[1]).toBeCloseTo(look(0.9, 0.2, 0.9, 0.5));
    // Each of the larger views says as much as all the small ones together.
    const [small, larger] = [look(0.9, 0.9, 0.9, 0.9), look(0.2)];
    expect(look(0.9, 0.9, 0.9, 0.9, 0.2)).toBeCloseTo((small + larger) / 2);
    expect(look(0.9, 0.9, 0.9, 0.9, 0.2, 0.9, 0.9, 0.2)).toBeCloseTo((3 * small + 2 * larger) / 5);
  });

  it('takes all that is nearly certain for equally sure', () => {
    const of = (score: number) => toEvidence(place(100), [{ score }]).numbers[1]!;
    expect(of(0.9999)).toBe(of(0.999));
    expect(of(1)).toBe(of(0.999));
    expect(of(0.998)).toBeLessThan(of(0.999));
  });

  it('weights the place by how sure each sighting is, and ignores sightings from an angle at which the face is seen less well', () => {
    const at = (centreX: number, score: number) => ({ score, square: { centreX, centreY: 50, side: 40 } });
    const none = { score: LEAST_SIGHTING };
    const { seen } = toEvidence(place(100, 20), [at(90, 0.99), at(150, 0.5), at(90, 0.9), none, at(110, 0.02), none]);
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

  /** A face that was looked at from three angles. */
  const face = (lean: number, centreX = 50) => ({
    square: { ...square, centreX },
    angle: 99,
    fromAngles: [-30, 0, 30].map((angle) => weightOf(seen(lean, { angle } as Look))),
  });

  it.each([-45, -30, 0, 20, 45])('tells a lean of %i degrees', async (lean) => {
    const [told] = await leansOf([face(lean)], async (looks) => looks.map((look) => seen(lean, look)));
    expect(Math.abs(told! - lean)).toBeLessThan(12);
  });

  it('keeps the first estimate where nothing is seen', async () => {
    const nothing = async (looks: readonly Look[]) => looks.map(() => ({ score: LEAST_SIGHTING }));
    const unseen = { square, angle: -35, fromAngles: [0, 0, 0] };
    expect(await leansOf([unseen], nothing)).toEqual([-35]);
  });

  it('looks from further angles only, and from all in a larger size at heads that lean', async () => {
    const asked: Look[] = [];
    const leans = await leansOf([face(40), face(0, 200)], async (looks) => {
      asked.push(...looks);
      return looks.map((look) => seen(look.place.centreX === 50 ? 40 : 0, look));
    });
    expect(leans[0]).toBeGreaterThan(25);
    expect(leans[1]).toBeCloseTo(0);
    const views = (centreX: number) =>
      asked.filter((look) => look.place.centreX === centreX).map(({ angle, pixels }) => `${angle} ${pixels}`);
    expect(views(200)).toEqual(['-60 96', '60 96']);
    expect(views(50)).toEqual([...views(200), ...[-60, -30, 0, 30, 60].map((angle) => `${angle} 128`)]);
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
    fromAngles: [],
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
    const group = { proposed: row, seen: row, angle: 0, numbers: [9, 0], fromAngles: [] };
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
    // Log odds of 1, 2 and 3: scores of 0.73, 0.88 and 0.953.
    expect(lefts([place(-40, 100, 4), place(300, 100, 4)])).toEqual([300]);
    expect(lefts([place(-40, 100, 5)])).toEqual([]);
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
  it('has no negative coefficient for evidence of a face', () => {
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
