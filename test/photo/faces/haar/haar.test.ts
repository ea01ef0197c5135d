import { afterAll, describe, expect, it } from 'vitest';
import { createHaarWitness } from '../../../../src/photo/faces/haar/haar.ts';
import { FACES, sampleBytes, toRgb } from '../../../fixtures/photos.ts';

describe('createHaarWitness', () => {
  const witness = createHaarWitness();
  afterAll(() => witness.close());

  it('has hits where a face is, and none on a wall or outside the picture', async () => {
    const picture = await toRgb(sampleBytes(6));
    const faces = FACES[6]!.map(([x, y, side]) => ({ centreX: x + side / 2, centreY: y + side / 2, side }));
    const elsewhere = [
      { centreX: 60, centreY: 60, side: 100 },
      { centreX: -900, centreY: 200, side: 100 },
      // Where a face is, but twice as large as it.
      { ...faces[0]!, side: 2.4 * faces[0]!.side },
    ];
    const hits = await witness.hitsAt(picture, [...faces, ...elsewhere]);
    expect(hits.slice(0, faces.length).filter((count) => count > 20).length).toBeGreaterThanOrEqual(3);
    expect(hits.slice(faces.length)).toEqual([0, 0, 0]);
  });

  it('has nothing to say of pictures smaller than a face', async () => {
    const place = { centreX: 1, centreY: 1, side: 50 };
    expect(await witness.hitsAt({ width: 1, height: 1, data: new Uint8Array(3) }, [place])).toEqual([0]);
    expect(await witness.hitsAt({ width: 700, height: 3, data: new Uint8Array(6300) }, [place])).toEqual([0]);
    expect(await witness.hitsAt({ width: 700, height: 3, data: new Uint8Array(6300) }, [])).toEqual([]);
  });
});
