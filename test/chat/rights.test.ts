import { describe, expect, test, vi } from 'vitest';
import { isOperator } from '../../src/chat/rights.ts';

const rule = (homes: string[], memberships: string[] = ['a', 'b']) => ({ homes, memberships: () => memberships });
const admin = async () => true;

describe('isOperator', () => {
  test.each([
    ['an admin of a configured place', 'a', ['a'], ['a', 'b'], true],
    ['an admin of one of several configured places', 'b', ['a', 'b'], ['a', 'b', 'c'], true],
    ['an admin of a place that is not configured', 'b', ['a'], ['a', 'b'], false],
    ['an admin of the only place, which is not the configured one', 'b', ['a'], ['b'], false],
    ['an admin of the only place, none configured', 'a', [], ['a'], true],
    ['an admin of the only place, told twice', 'a', [], ['a', 'a'], true],
    ['an admin of one of two places, none configured', 'a', [], ['a', 'b'], false],
    ['an admin of a place that the bot has left', 'a', [], ['b'], false],
    ['an admin while the bot is nowhere', 'a', [], [], false],
  ])('%s', async (_who, home, homes, memberships, expected) => {
    expect(await isOperator({ isDirect: false, home }, rule(homes, memberships), admin)).toBe(expected);
    // Never without the platform's own right.
    expect(await isOperator({ isDirect: false, home }, rule(homes, memberships), async () => false)).toBe(false);
  });

  test('never in a direct message, whatever place it belongs to', async () => {
    const isAdmin = vi.fn(admin);
    expect(await isOperator({ isDirect: true, home: 'a' }, rule(['a']), isAdmin)).toBe(false);
    expect(await isOperator({ isDirect: true }, rule([], ['a']), isAdmin)).toBe(false);
    expect(await isOperator({ isDirect: false }, rule([], ['a']), isAdmin)).toBe(false);
    expect(isAdmin).not.toHaveBeenCalled();
  });

  test('waits for a platform that must be asked, and passes its errors on', async () => {
    const place = { isDirect: false, home: 'a' };
    const memberships = async () => new Set(['a']);
    expect(await isOperator(place, { homes: [], memberships }, admin)).toBe(true);
    const fails = async () => Promise.reject(new Error('the platform is down'));
    await expect(isOperator(place, { homes: [], memberships: fails }, admin)).rejects.toThrow('the platform is down');
    await expect(isOperator(place, rule(['a']), fails)).rejects.toThrow('the platform is down');
  });
});
