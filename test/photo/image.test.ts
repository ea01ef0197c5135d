import { describe, expect, it } from 'vitest';
import { inSharedMemory, toGray } from '../../src/photo/image.ts';

describe('toGray', () => {
  it('weighs red, green and blue as BT.601 does', () => {
    const data = new Uint8Array([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 10, 10, 0, 0, 0]);
    expect([...toGray({ width: 6, height: 1, data }).data]).toEqual([76, 150, 29, 255, 10, 0]);
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
