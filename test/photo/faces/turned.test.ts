import { expect, it } from 'vitest';
import type { NetworkProposer } from '../../../src/photo/faces/network/network.ts';
import { readFaceScore } from '../../../src/photo/faces/score.ts';
import { turnOf } from '../../../src/photo/faces/turned.ts';

it.each([
  ['a face that fills its picture, seen a little better upside down', 90, 0.98, undefined],
  ['a face that fills its picture, seen much better upside down', 90, 0.998, 180],
  ['a small face, seen a little better upside down', 20, 0.98, 180],
  ['a small face, seen worse upside down', 20, 0.9, undefined],
])('which way a picture lies: %s', async (_, side, score, turn) => {
  const search = { width: 100, height: 100, data: new Uint8Array(100 * 100 * 3) };
  const square = { centreX: 50, centreY: 50, side };
  const face = { square, score: 0.99, proposed: square, seen: square, angle: 0, numbers: [5, 5], fromAngles: [] };
  const network: NetworkProposer = {
    propose: async () => [],
    // As it stands, it is seen with a score of 0.96.
    look: async (_image, looks) => looks.map(({ angle }) => ({ score: angle <= 30 ? 0.96 : score })),
    close: async () => {},
  };
  expect(await turnOf(search, [face], readFaceScore(), network)).toBe(turn);
});
