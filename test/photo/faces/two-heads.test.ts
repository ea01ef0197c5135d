import sharp from 'sharp';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createFaceDetector } from '../../../src/photo/faces/create-detector.ts';
import { LEAST_SIGHTING } from '../../../src/photo/faces/network/boxes.ts';
import type { Look } from '../../../src/photo/faces/network/network.ts';
import { frameTwoHeads } from '../../../src/photo/faces/two-heads.ts';
import { readPhoto } from '../../../src/photo/read-photo.ts';
import { fakeClassifier, reading } from '../../fixtures/readings.ts';

const detector = createFaceDetector();
afterAll(() => detector.close());

const BAND = `<path d="M-60 -30Q0 -46 60 -30L56 2Q0 14 -56 2Z"/><circle cx="-27" cy="-14" r="8" fill="#fff"/>
  <circle cx="27" cy="-14" r="8" fill="#fff"/>`;
const EYES = [-27, 27].map(
  (x) => `<ellipse cx="${x}" cy="-12" rx="13" ry="8" fill="#fff"/><circle cx="${x}" cy="-12" r="6"/>
    <path d="M${x - 16} -28Q${x} -36 ${x + 16} -28" stroke="#321" stroke-width="4" fill="none"/>`,
);
const NOSE = '<path d="M0 -8L-7 14H5" fill="none" stroke="#855" stroke-width="3"/>';

/** Heads side by side, each 120 wide, their middles 145 apart. */
async function drawn(...heads: { skin: string; hair: string; eyes: string }[]): Promise<Buffer> {
  const each = heads.map(
    ({ skin, hair, eyes }, k) => `<g transform="translate(${112 + 145 * k} 125)">
      <ellipse rx="62" ry="80" fill="${skin}"/><path d="M-66 -5Q-70 -85 0 -86Q70 -85 66 -5Q50 -50 0 -48Q-50 -50 -66 -5Z" fill="${hair}"/>
      ${eyes}<path d="M-24 35Q0 58 24 35" fill="none" stroke="#a33" stroke-width="5"/>
      <path d="M-80 150Q-70 84 -28 84H28Q70 84 80 150Z" fill="#738"/></g>`,
  );
  const width = 145 * heads.length + 80;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 290" width="${width}" height="290">
    <rect width="100%" height="100%" fill="#fff"/>${each.join('')}</svg>`;
  return await sharp(Buffer.from(svg)).png().toBuffer();
}

describe('readPhoto on drawn heads', () => {
  const boxesOf = async (file: Buffer, tools: { detector: typeof detector }) => {
    const classifier = fakeClassifier([reading({ happy: 9, neutral: 1 })]);
    const { faces } = await readPhoto(file, { ...tools, classifier }, { annotate: false });
    return faces.map(({ box, unreadable }) => [unreadable, box.width]);
  };
  const skins = ['#c98260', '#d4a594', '#d69470'];

  it('gives no box to two heads with bands around their eyes', async () => {
    const file = await drawn(...skins.map((skin) => ({ skin, hair: '#5a5040', eyes: BAND })));
    const { frameTwoHeads, ...without } = detector;
    // Without the look at each half there is such a box.
    expect(await boxesOf(file, { detector: without })).toContainEqual(['no-person', expect.toSatisfy((w) => w > 180)]);
    for (const [, width] of await boxesOf(file, { detector })) expect(width).toBeLessThan(180);
  });

  it('still gives one to each drawn head', async () => {
    const eyes = EYES.join('') + NOSE;
    const file = await drawn(
      { skin: '#c98260', hair: '#5a5040', eyes },
      { skin: '#e8c8b0', hair: '#a08040', eyes },
      { skin: '#8a5a40', hair: '#201810', eyes },
    );
    const look = vi.spyOn(detector, 'frameTwoHeads');
    const boxes = await boxesOf(file, { detector });
    expect(boxes).toEqual(Array(3).fill(['no-person', expect.toSatisfy((width) => width < 150)]));
    await expect(look.mock.results[0]!.value).resolves.toEqual([false, false, false]);
  });
});

describe('frameTwoHeads', () => {
  const box = { x: 100, y: 200, width: 100, height: 100, angle: 0, score: 1 };

  it('looks for a head in each half, also of a box in a photo that lies on its side', async () => {
    const asked: Look[] = [];
    const boxes = [box, { ...box, angle: 8 }, { ...box, angle: 95 }];
    const answer = await frameTwoHeads(boxes, async (looks) => {
      asked.push(...looks);
      // On the right of the first box a head, and on both sides of the last one.
      return looks.map((_, k) => ({ score: (k > 3 && k < 8) || k >= 16 ? 0.5 : LEAST_SIGHTING }));
    });
    expect(answer).toEqual([expect.any(Boolean), false, true]);
    const at = asked.map(({ place: { centreX, centreY, side }, angle }) =>
      [centreX, centreY, side, angle].map(Math.round),
    );
    expect(at.slice(0, 8)).toContainEqual([110, 260, 30, 0]);
    expect(at.slice(4, 8).every(([x, y]) => x! > 150 && y! > 250)).toBe(true);
    // A lean is not believed.
    expect(at.slice(8, 16)).toEqual(at.slice(0, 8));
    // A quarter turn clockwise: what is left of the head's middle lies above it, and what is below it on the left.
    expect(at.slice(16, 20).every(([x, y, , angle]) => x! < 150 && y! < 250 && angle === 90)).toBe(true);
    expect(at.slice(20).every(([x, y]) => x! < 150 && y! > 250)).toBe(true);
  });
});
