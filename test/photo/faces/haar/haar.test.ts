import { afterAll, describe, expect, it } from 'vitest';
import { createHaarProposer, HAAR_ALONE, HAAR_BESIDE_NETWORK } from '../../../../src/photo/faces/haar/haar.ts';
import { toSearchPicture } from '../../../../src/photo/faces/search-picture.ts';
import { sampleBytes, toRgb } from '../../../fixtures/photos.ts';

describe('createHaarProposer', () => {
  const alone = createHaarProposer({ ...HAAR_ALONE, passes: [HAAR_ALONE.passes[0]!] }, { threads: 1 });
  const beside = createHaarProposer(HAAR_BESIDE_NETWORK, { threads: 1 });
  afterAll(() => Promise.all([alone.close(), beside.close()]));

  it('finds faces in the halved picture where they are in the whole one', async () => {
    const picture = await toSearchPicture(await toRgb(sampleBytes(6)));
    const [whole, halved] = [await alone.propose(picture), await beside.propose(picture)];
    const sure = whole.filter(({ neighbours, eyes }) => neighbours > 20 && eyes.length > 0);
    expect(sure.length).toBeGreaterThanOrEqual(3);
    for (const face of sure) {
      const same = halved.find(
        ({ centreX, centreY }) => Math.hypot(centreX - face.centreX, centreY - face.centreY) < face.side / 5,
      );
      expect(same!.side / face.side).toBeGreaterThan(0.75);
      expect(same!.side / face.side).toBeLessThan(1.33);
    }
    expect(halved.every(({ side, eyes }) => side >= 40 && eyes.length === 0)).toBe(true);
  });

  it('finds nothing in pictures smaller than a face', async () => {
    expect(await beside.propose({ width: 1, height: 1, data: new Uint8Array(3) })).toEqual([]);
    expect(await beside.propose({ width: 700, height: 3, data: new Uint8Array(6300) })).toEqual([]);
  });
});
