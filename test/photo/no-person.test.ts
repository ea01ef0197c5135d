import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/base/random.ts';
import { fitNoPerson, halvesByKind } from '../../src/evaluation/fit-no-person.ts';
import { flawOf } from '../../src/photo/flaw.ts';
import { logOddsBy, outlines } from '../../src/photo/outlines.ts';

const eyes = (y: number, r: number) => `<circle cx="34" cy="${y}" r="${r}"/><circle cx="66" cy="${y}" r="${r}"/>`;
const THINGS: [string, string][] = [
  [
    'a smiley',
    `<circle cx="50" cy="50" r="46" fill="#ffd93b" stroke="#333" stroke-width="3"/>${eyes(38, 6)}
     <path d="M26 58Q50 88 74 58" fill="none" stroke="#000" stroke-width="5"/>`,
  ],
  [
    'a robot',
    `<rect x="10" y="14" width="80" height="74" rx="8" fill="#9ab" stroke="#345" stroke-width="4"/>
     <g fill="#fff">${eyes(40, 11)}</g>${eyes(40, 5)}<path d="M28 64h44v12h-44z" fill="#345"/>`,
  ],
  [
    'a socket',
    `<rect x="4" y="4" width="92" height="92" rx="8" fill="#f4f4f0" stroke="#bbb" stroke-width="3"/>
     <circle cx="50" cy="50" r="36" fill="#e4e4e0" stroke="#999" stroke-width="3"/>${eyes(50, 5)}`,
  ],
  [
    'a wheel',
    `<circle cx="50" cy="50" r="47" fill="#151515"/><circle cx="50" cy="50" r="34" fill="#bbb"/><circle cx="50" cy="50" r="28" fill="#222"/>
     <path d="M50 50V20M50 50L78 41M50 50L68 74M50 50L32 74M50 50L22 41" stroke="#ccc" stroke-width="8"/><circle cx="50" cy="50" r="8" fill="#999"/>`,
  ],
  [
    'a button',
    `<circle cx="50" cy="50" r="46" fill="#a33" stroke="#333" stroke-width="3"/><circle cx="50" cy="50" r="33" fill="#c55"/>
     ${eyes(40, 5)}${eyes(62, 5)}`,
  ],
];

/** A drawing as a crop of a face shows it. */
async function cropOf(drawing: string): Promise<Uint8Array> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="48" height="48">
    <rect width="100" height="100" fill="#dde"/>${drawing}</svg>`;
  return await sharp(Buffer.from(svg)).grayscale().raw().toBuffer();
}

describe('flawOf', () => {
  it.each(THINGS)('says of %s that it is perhaps no person', async (_, drawing) => {
    expect(flawOf(await cropOf(drawing))).toBe('no-person');
  });
});

describe('fitNoPerson', () => {
  const striped = (across: boolean, k: number) => {
    const random = new Random(1, k);
    const [from, every] = [random.between(0, 9), random.between(8, 11)];
    const place = (at: number) => (across ? at % 48 : Math.floor(at / 48));
    return Uint8Array.from({ length: 48 ** 2 }, (_, at) => ((place(at) + from) % every < every / 2 ? 40 : 200));
  };
  const boxed = (across: boolean, first: number) =>
    Array.from({ length: 6 }, (_, k) => ({ kind: String(k), crop: striped(across, first + k) }));

  it('learns from both what people and what things look like, the same way each time', () => {
    const learned = () => fitNoPerson(boxed(false, 0), boxed(true, 0), [outlines(striped(false, 50))], 1);
    const score = learned();
    expect(learned()).toEqual(score);
    for (const { crop } of boxed(true, 100)) expect(logOddsBy(score, outlines(crop))).toBeGreaterThan(1);
    for (const { crop } of boxed(false, 100)) expect(logOddsBy(score, outlines(crop))).toBeLessThan(-1);
  });

  it('keeps what is of one kind in one half', () => {
    const crop = new Uint8Array(48 ** 2);
    const all = Array.from({ length: 60 }, (_, k) => ({ kind: String(k % 20), crop }));
    const [one, other] = halvesByKind(all, 1);
    expect(one.length + other.length).toBe(60);
    for (const half of [one, other]) expect(half.length).toBeGreaterThan(9);
    const kinds = new Set(one.map(({ kind }) => kind));
    expect(other.filter(({ kind }) => kinds.has(kind))).toEqual([]);
  });
});
