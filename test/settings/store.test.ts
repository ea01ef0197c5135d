import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { FileStore } from '../../src/settings/file-store.ts';
import { RedisStore } from '../../src/settings/redis-store.ts';
import { Settings } from '../../src/settings/settings.ts';
import type { Store } from '../../src/settings/store.ts';
import { HAS_REDIS, startRedis, type TestRedis } from '../helpers/redis.ts';

const log = createLogger({ level: 'silent' });

let directory: string;
let redis: TestRedis;

const KINDS = [
  { kind: 'a file', available: true, open: async () => new FileStore(join(directory, 'state', 'settings.db')) },
  { kind: 'Redis', available: HAS_REDIS, open: async () => await RedisStore.connect(redis.url, log) },
];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
  if (HAS_REDIS) redis = await startRedis();
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  if (HAS_REDIS) await redis.stop();
});

for (const { kind, available, open } of KINDS) {
  describe.skipIf(!available)(`settings in ${kind}`, () => {
    /** Two stores on the same data, as two processes have them. */
    async function both(work: (one: Store, other: Store) => Promise<void>) {
      const [one, other] = [await open(), await open()];
      try {
        await work(one, other);
      } finally {
        await Promise.all([one.close(), other.close()]);
      }
    }

    test('are kept, replaced and forgotten, and seen at once by whoever shares them', async () => {
      await both(async (one, other) => {
        expect(await other.get('a')).toBeUndefined();
        await one.set('a', 'first');
        await one.set('b', 'another');
        expect(await other.get('a')).toBe('first');
        await other.set('a', 'second ‘’ 🙂\n');
        expect([await one.get('a'), await one.get('b')]).toEqual(['second ‘’ 🙂\n', 'another']);
        await one.delete('a');
        expect([await other.get('a'), await other.get('b')]).toEqual([undefined, 'another']);
        await other.delete('a');
      });
    });

    test('stay when everybody has closed', async () => {
      await both((one) => one.set('stays', 'here'));
      await both(async (one) => expect(await one.get('stays')).toBe('here'));
    });

    test('set where there are none: of several at a time, one wins and all know it', async () => {
      await both(async (one, other) => {
        const stores = Array.from({ length: 20 }, (_, k) => (k % 2 === 0 ? one : other));
        const answers = await Promise.all(stores.map((store, k) => store.setIfAbsent('winner', String(k))));
        expect(new Set(answers).size).toBe(1);
        expect(await one.get('winner')).toBe(answers[0]);
        expect(await one.setIfAbsent('winner', 'late')).toBe(answers[0]);
      });
    });

    test('are found by how their keys begin, and by nothing that looks like a pattern', async () => {
      await both(async (one, other) => {
        const keys = ['of-a.1', 'of-a.2', 'of-b.1', 'of-%', 'of-*', 'of_a', 'of-[ab]'];
        for (const key of keys) await one.set(key, 'value');
        expect((await other.keys('of-a.')).sort()).toEqual(['of-a.1', 'of-a.2']);
        for (const key of ['of-%', 'of-*', 'of-[ab]', 'of_a']) expect(await other.keys(key)).toEqual([key]);
        expect(await other.keys('nothing')).toEqual([]);
        for (const key of keys) await one.delete(key);
        expect(await other.keys('of-')).toEqual([]);
      });
    });

    test('are replaced only if they still have the expected value', async () => {
      await both(async (one, other) => {
        expect(await one.replace('replaced', 'a', 'b')).toBe(false);
        expect(await one.get('replaced')).toBeUndefined();
        await one.set('replaced', 'a');
        expect(await other.replace('replaced', 'a', 'b')).toBe(true);
        expect(await one.replace('replaced', 'a', 'c')).toBe(false);
        expect(await one.get('replaced')).toBe('b');
        const winners = await Promise.all(
          [one, other, one, other].map((store, k) => store.replace('replaced', 'b', `${k}`)),
        );
        expect(winners.filter(Boolean)).toHaveLength(1);
        await one.delete('replaced');
      });
    });

    test('of people and channels are kept separate by platform, id and kind', async () => {
      await both(async (one, other) => {
        const [settings, elsewhere] = [new Settings(one), new Settings(other)];
        expect(await elsewhere.hasOptedOut('p', '1')).toBe(false);
        await settings.setOptedOut('p', '1', true);
        await settings.setChannelMode('p', '2', 'off');
        await settings.setChannelMode('p', '3', 'asked');
        expect(await elsewhere.hasOptedOut('p', '1')).toBe(true);
        expect(await Promise.all(['1', '2', '3', '4'].map((id) => elsewhere.channelMode('p', id)))).toEqual([
          'on',
          'off',
          'asked',
          'on',
        ]);
        expect(await elsewhere.hasOptedOut('q', '1')).toBe(false);
        expect(await elsewhere.hasOptedOut('p', '2')).toBe(false);
        expect(await elsewhere.channelMode('q', '2')).toBe('on');
        await elsewhere.setOptedOut('p', '1', false);
        await elsewhere.setChannelMode('p', '2', 'on');
        expect(await settings.hasOptedOut('p', '1')).toBe(false);
        expect(await settings.channelMode('p', '2')).toBe('on');
      });
    });

    test('of channels go with their place, where nobody else has set them since; who opted out stays', async () => {
      await both(async (one, other) => {
        const [settings, elsewhere] = [new Settings(one), new Settings(other)];
        const modes = async () =>
          await Promise.all(['a', 'b', 'shared', 'taken'].map((id) => elsewhere.channelMode('p', id)));
        const before = new Set([...(await one.keys('')), 'hash-key']);
        await settings.setOptedOut('p', 'ann', true);
        await settings.setChannelMode('p', 'a', 'off', ['T1', 'E1']);
        await settings.setChannelMode('p', 'b', 'asked', ['T2', 'E1']);
        await settings.setChannelMode('p', 'shared', 'off', ['T1']);
        await settings.setChannelMode('p', 'taken', 'off', ['T1']);
        await elsewhere.setChannelMode('p', 'taken', 'asked', ['T3']);
        expect(await modes()).toEqual(['off', 'asked', 'off', 'asked']);
        await elsewhere.forgetPlace('q', 'T1');
        expect(await modes()).toEqual(['off', 'asked', 'off', 'asked']);
        await elsewhere.forgetPlace('p', 'T1');
        expect(await modes()).toEqual(['on', 'asked', 'on', 'asked']);
        await elsewhere.forgetPlace('p', 'E1');
        await elsewhere.forgetPlace('p', 'T3');
        expect(await modes()).toEqual(['on', 'on', 'on', 'on']);
        expect(await settings.hasOptedOut('p', 'ann')).toBe(true);
        await settings.forgetPlace('p', 'T2');
        await settings.setOptedOut('p', 'ann', false);
        // Nothing is left of any of it.
        expect(new Set(await one.keys(''))).toEqual(before);
      });
    });

    test('notes are kept by what they are about, found by their kind, and rewritten unless somebody else did', async () => {
      await both(async (one, other) => {
        // Ids that no hash holds by chance, as it does two letters.
        const [settings, elsewhere] = [new Settings(one), new Settings(other)];
        expect(await settings.note('install', 'T-FIRST')).toBeUndefined();
        await settings.setNote('install', 'T-FIRST', (key) => `first at ${key}`);
        await settings.setNote('install', 'T-SECOND', () => 'second');
        await settings.setNote('other', 'T-FIRST', () => 'third');
        const note = await elsewhere.note('install', 'T-FIRST');
        expect(note?.text).toBe(`first at ${note?.key}`);
        expect((await elsewhere.notes('install')).map(({ text }) => text).sort()).toEqual([note!.text, 'second']);
        expect((await one.keys('')).join()).not.toContain('T-FIRST');
        await elsewhere.rewrite(note!, 'rewritten');
        await settings.rewrite(note!, 'too late');
        expect((await settings.note('install', 'T-FIRST'))?.text).toBe('rewritten');
        for (const [kind, about] of [
          ['install', 'T-FIRST'],
          ['install', 'T-SECOND'],
          ['other', 'T-FIRST'],
        ] as const) {
          await settings.setNote(kind, about, () => undefined);
        }
        expect(await elsewhere.notes('install')).toEqual([]);
      });
    });

    test('two bots that start at once agree on the key of the hashes', async () => {
      await both(async (one, other) => {
        await one.delete('hash-key');
        const [settings, elsewhere] = [new Settings(one), new Settings(other)];
        await Promise.all([settings.setOptedOut('p', 'a', true), elsewhere.setOptedOut('p', 'b', true)]);
        expect(await settings.hasOptedOut('p', 'b')).toBe(true);
        expect(await elsewhere.hasOptedOut('p', 'a')).toBe(true);
      });
    });
  });
}
