import { describe, expect, it } from 'vitest';
import { mayHideFaces, searchClosely } from '../../../src/photo/faces/close-search.ts';
import { LEAST_SIGHTING } from '../../../src/photo/faces/network/boxes.ts';
import type { NetworkPass, NetworkProposal, NetworkProposer } from '../../../src/photo/faces/network/network.ts';
import { readFaceScore } from '../../../src/photo/faces/score.ts';
import { searchScale } from '../../../src/photo/faces/search-picture.ts';
import type { RgbImage } from '../../../src/photo/image.ts';

const blank = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: new Uint8Array(new SharedArrayBuffer(width * height * 3)),
});

/** A network that sees the same faces in each pass, and what it was shown: pixels in all, and the width of each picture. */
function networkSeeing(faces: readonly Pick<NetworkProposal, 'height' | 'score'>[]) {
  const shown = { pixels: 0, widths: [] as number[] };
  const propose = async (image: RgbImage, passes: readonly NetworkPass[]) => {
    shown.widths.push(image.width);
    shown.pixels += passes.reduce((sum, { side }) => sum + side ** 2, 0);
    const [pass] = passes;
    return faces.map((face, k) => ({ ...face, pass: pass!, width: face.height, centreX: 200 + 300 * k, centreY: 200 }));
  };
  const network: NetworkProposer = {
    propose,
    look: async (_, looks) => looks.map(() => ({ score: LEAST_SIGHTING })),
    close: async () => {},
  };
  return { network, shown };
}

describe('searchClosely, in a large photo in which nothing small was found', () => {
  const search = (image: RgbImage, network: NetworkProposer) => {
    const scale = searchScale(image.width, image.height);
    const searched = { width: image.width * scale, height: image.height * scale };
    const hides = mayHideFaces(image, network);
    return searchClosely(image, { search: searched, found: [], score: readFaceScore(), hides }, network);
  };

  it('tries a third of the photo as it is, and leaves it at that where this shows no faces', async () => {
    const image = blank(2048, 1536);
    const { network, shown } = networkSeeing([]);
    expect(await search(image, network)).toEqual([]);
    expect(shown.widths).toEqual([2048]);
    expect(shown.pixels).toBeLessThan(0.6 * image.width * image.height);
  });

  it.each([
    ['one face', [{ height: 30, score: 0.9 }]],
    ['what is hardly a face', [0.2, 0.2, 0.2].map((score) => ({ height: 30, score }))],
    ['faces that the search as a whole finds', [0.9, 0.9, 0.9].map((score) => ({ height: 90, score }))],
  ])('leaves it at that for %s', async (_, faces) => {
    const { network, shown } = networkSeeing(faces);
    expect(await search(blank(2048, 1536), network)).toEqual([]);
    expect(shown.widths).toEqual([2048]);
  });

  it('searches all of a larger copy where this shows two small faces', async () => {
    const { network, shown } = networkSeeing([0.9, 0.9].map((score) => ({ height: 30, score })));
    expect(await search(blank(2048, 320), network)).toHaveLength(2);
    expect(shown.widths).toEqual([2048, 4096]);
    expect(shown.pixels).toBeGreaterThan(4096 * 640);
  });
});
