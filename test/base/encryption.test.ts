import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyFrom, Sealer } from '../../src/base/encryption.ts';

const [ONE, TWO] = [randomBytes(32), randomBytes(32)];

test('a key is 32 bytes, in base64 of either kind or as hexadecimal digits, and nothing else', () => {
  for (const form of ['hex', 'base64', 'base64url'] as const) expect(keyFrom(ONE.toString(form))).toEqual(ONE);
  const short = ONE.subarray(0, 31);
  for (const text of [
    '',
    'secret',
    short.toString('hex'),
    short.toString('base64'),
    `${ONE.toString('hex')}00`,
    'ä'.repeat(43),
  ]) {
    expect(keyFrom(text), text).toBeUndefined();
  }
});

test('what is sealed is opened with the same key at the same place, and looks different each time', () => {
  const sealer = new Sealer([ONE]);
  const sealed = sealer.seal('xoxb-ünlike', 'T1');
  expect(sealed).not.toContain('xoxb');
  expect(sealed).not.toContain(Buffer.from('xoxb').toString('base64url'));
  expect(sealer.seal('xoxb-ünlike', 'T1')).not.toBe(sealed);
  expect(sealer.open(sealed, 'T1')).toEqual({ text: 'xoxb-ünlike', isOld: false });
});

test('a new key in front opens what the old one sealed, and says that it is old; the new one alone does not', () => {
  const sealed = new Sealer([ONE]).seal('text', 'T1');
  expect(new Sealer([TWO, ONE]).open(sealed, 'T1')).toEqual({ text: 'text', isOld: true });
  expect(() => new Sealer([TWO]).open(sealed, 'T1')).toThrow(expect.objectContaining({ reason: 'no-key' }));
});

test('what was changed, cut, or put into another place is not opened', () => {
  const sealer = new Sealer([ONE]);
  const sealed = sealer.seal('a text of some length', 'T1');
  const changed = expect.objectContaining({ name: 'Unopened', reason: 'changed' });
  expect(() => sealer.open(sealed, 'T2')).toThrow(changed);
  const [form, id, body] = sealed.split('.');
  for (let k = 0; k < body!.length; k += 7) {
    const other = body!.slice(0, k) + (body![k] === 'A' ? 'B' : 'A') + body!.slice(k + 1);
    expect(() => sealer.open([form, id, other].join('.'), 'T1'), `at ${k}`).toThrow(changed);
  }
  for (const length of [0, 10, 30, body!.length - 2]) {
    expect(() => sealer.open([form, id, body!.slice(0, length)].join('.'), 'T1')).toThrow(changed);
  }
  expect(() => sealer.open('', 'T1')).toThrow(expect.objectContaining({ reason: 'no-key' }));
});
