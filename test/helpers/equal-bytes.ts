/**
 * Loaded before every test file: arrays of numbers that are equal byte by byte are equal, which is seen at once. Vitest compares them
 * number by number, and as objects: seconds for the weights of a network. Where bytes differ it still does, and shows what differs.
 */
import { expect } from 'vitest';

type TypedArray = Uint8Array | Float32Array;

const isTypedArray = (value: unknown): value is TypedArray => ArrayBuffer.isView(value) && !(value instanceof DataView);

function equalBytes(one: unknown, other: unknown): true | undefined {
  if (!isTypedArray(one) || !isTypedArray(other) || one.constructor !== other.constructor) return undefined;
  const [a, b] = [one, other].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  return a!.equals(b!) || undefined;
}

// Files share a process, and this one is run anew before each.
const added = Symbol.for('emotion-bot.equal-bytes');
if (!(added in globalThis)) {
  Object.assign(globalThis, { [added]: true });
  expect.addEqualityTesters([equalBytes]);
}
