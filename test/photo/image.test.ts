import { describe, expect, it } from 'vitest';
import { halve, inSharedMemory, toGray } from '../../src/photo/image.ts';

describe('toGray', () => {
  it('weighs red, green and blue as BT.601 does', () => {
    const data = new Uint8Array([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 10, 10, 0, 0, 0]);
    expect([...toGray({ width: 6, height: 1, data }).data]).toEqual([76, 150, 29, 255, 10, 0]);
  });
});

describe('halve', () => {
  it('takes the mean of four pixels, and the last row and column twice where they are odd', () => {
    const data = Uint8Array.from([10, 20, 30, 20, 30, 50, 100, 200, 7]);
    expect(halve({ width: 3, height: 3, data })).toEqual({
      width: 2,
      height: 2,
      data: Uint8Array.from([20, 40, 150, 7]),
    });
  });

  it('rounds to the nearest gray, a half upwards', () => {
    const rows = [
      [0, 0, 0, 1, 0, 1],
      [0, 1, 0, 1, 1, 1],
    ];
    expect([...halve({ width: 6, height: 2, data: Uint8Array.from(rows.flat()) }).data]).toEqual([0, 1, 1]);
  });

  it('leaves a single pixel as it is', () => {
    const pixel = { width: 1, height: 1, data: Uint8Array.from([9]) };
    expect(halve(pixel)).toEqual(pixel);
  });
});

describe('inSharedMemory', () => {
  it('copies a picture once', () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const shared = inSharedMemory(image);
    expect(shared).toEqual(image);
    expect(shared.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(inSharedMemory(shared)).toBe(shared);
  });
});
