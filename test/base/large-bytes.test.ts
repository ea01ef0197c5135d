import { expect, test } from 'vitest';
import { copyToGiveBack, GrowingBytes, giveBack } from '../../src/base/large-bytes.ts';

/** Resident megabytes of this process. */
const resident = () => process.memoryUsage.rss() / 1e6;

test('bytes that come in pieces lie in one place, up to the most there may be', () => {
  const growing = new GrowingBytes(3_000_000);
  const piece = Buffer.from('0123456789'.repeat(7000));
  let expected = Buffer.alloc(0);
  for (let k = 0; k < 40; k++) {
    growing.append(piece);
    expected = Buffer.concat([expected, piece]);
  }
  expect(growing.length).toBe(2_800_000);
  expect(growing.bytes().equals(expected)).toBe(true);
  expect(() => growing.append(Buffer.alloc(200_001))).toThrow(RangeError);
  growing.append(Buffer.alloc(200_000));
  expect(growing.bytes()).toHaveLength(3_000_000);
});

test('their memory is freed at once when it is given back, and readers that still hold it see no bytes', () => {
  const large = Buffer.alloc(100_000_000, 1);
  const copy = copyToGiveBack(large);
  expect(copy.equals(large)).toBe(true);
  // Nothing else in this process runs between the two.
  const held = resident();
  giveBack(copy);
  expect(held - resident()).toBeGreaterThan(80);
  expect(copy).toHaveLength(0);
  giveBack(large);
  expect(large).toHaveLength(100_000_000);
});
