import sharp from 'sharp';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openHeic } from '../../../src/photo/decoder/heic.ts';
import type { RgbImage } from '../../../src/photo/image.ts';
import { gridHeic, TILE_SIDE } from '../../fixtures/heics.ts';

// Neither side is a whole number of tiles: those at two edges reach beyond the picture.
const GRID = { columns: 33, rows: 3, width: 33 * TILE_SIDE - 10, height: 3 * TILE_SIDE - 22, dark: [30, 1] } as const;
const SMALL = 1000;

/** The mean colour where each tile is. */
async function perTile({ data, width, height }: RgbImage): Promise<Buffer> {
  const [columns, rows] = width > height ? [GRID.columns, GRID.rows] : [GRID.rows, GRID.columns];
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(columns, rows, { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer();
}

/** WebAssembly's memory, which TypeScript knows only in browsers. */
const { Memory: memory } = (
  globalThis as unknown as { WebAssembly: { Memory: new () => { grow(pages: number): number } } }
).WebAssembly;

describe('a HEIC made of tiles', () => {
  test.each([0, 1, 2, 3] as const)(
    'turned by %i quarters is the same picture, decoded as a whole or tile by tile',
    async (turned) => {
      const file = gridHeic({ ...GRID, turned });
      const [tiles, whole] = [openHeic(file, SMALL), openHeic(file, GRID.width)];
      const size = [GRID.width, GRID.height];
      expect([tiles.width, tiles.height]).toEqual(turned % 2 === 0 ? size : size.reverse());
      // The copy of half the size, and what is beside it, is less than the whole.
      expect(tiles.bytes).toBeLessThan(0.6 * whole.bytes);
      const [one, other] = await Promise.all([perTile(await tiles.decode()), perTile(await whole.decode())]);
      // A tile that lies elsewhere differs by 50 and more.
      for (const [k, value] of one.entries()) expect(Math.abs(value - other[k]!)).toBeLessThan(15);
      expect(Math.min(...one)).toBeLessThan(80);
    },
  );

  test('of which a tile is missing is not read', async () => {
    const file = gridHeic(GRID);
    await expect(openHeic(file.subarray(0, file.length - 200), SMALL).decode()).rejects.toThrow(/libheif/);
  });

  test('of which a tile is zeros in part is not read', () => {
    const whole = gridHeic(GRID);
    // A stopped download leaves them at the end of the file, where the last tile is.
    const file = Buffer.concat([whole.subarray(0, -90), Buffer.alloc(90)]);
    expect(() => openHeic(file, SMALL)).toThrow('zeros');
    const padded = Buffer.concat([whole, Buffer.alloc(90)]);
    expect(openHeic(padded, SMALL).width).toBe(GRID.width);
  });

  test('leaves nothing in memory where it is refused or damaged', () => {
    const grow = vi.spyOn(memory.prototype, 'grow');
    onTestFinished(() => grow.mockRestore());
    const whole = gridHeic(GRID);
    const zeros = Buffer.concat([whole.subarray(0, -90), Buffer.alloc(90)]);
    openHeic(whole, SMALL).close();
    for (let k = 0; k < 250; k++) {
      openHeic(whole, SMALL).close();
      expect(() => openHeic(zeros, SMALL)).toThrow('zeros');
    }
    expect(grow).not.toHaveBeenCalled();
  });
});
