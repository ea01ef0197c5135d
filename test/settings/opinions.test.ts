import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/log.ts';
import type { Happening } from '../../src/base/observing.ts';
import { loadConfig } from '../../src/config.ts';
import { openSettings } from '../../src/settings/open-settings.ts';
import { agreement, Opinions } from '../../src/settings/opinions.ts';
import type { Settings } from '../../src/settings/settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'opinions-'));
const open: Settings[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((settings) => settings.close()));
  rmSync(directory, { recursive: true, force: true });
});

async function settings(): Promise<Settings> {
  const config = loadConfig({ environment: { STATE_DIR: join(directory, 'state') }, directory });
  const opened = await openSettings(config, createLogger({ level: 'silent' }));
  open.push(opened);
  return opened;
}

test('counts what was said and meant by place, each face of an answer once, and outlives the process', async () => {
  const happenings: Happening[] = [];
  const first = new Opinions(await settings(), (happening) => happenings.push(happening));
  const given = [
    { number: 1, said: 'happy', meant: 'happy' },
    { number: 2, said: 'neutral', meant: 'angry' },
    { number: 3, said: 'unsure', meant: 'sad' },
  ] as const;
  expect(await first.count('discord', 'G1', 'A1', given)).toBe(3);
  expect(await first.count('discord', 'G1', 'A1', [{ number: 2, said: 'neutral', meant: 'fear' }])).toBe(0);
  // Several at once lose nothing.
  await Promise.all(
    Array.from({ length: 12 }, (_, k) => first.count('discord', 'G1', `B${k}`, [{ ...given[0], number: 1 }])),
  );
  expect(await first.count('slack', 'G1', 'A1', [given[1]])).toBe(1);
  const again = new Opinions(await settings());
  const counts = await again.counts('discord', 'G1');
  expect(counts.happy).toEqual([0, 0, 0, 13, 0, 0, 0]);
  expect(counts.neutral).toEqual([1, 0, 0, 0, 0, 0, 0]);
  expect(counts.unsure).toEqual([0, 0, 0, 0, 1, 0, 0]);
  expect(agreement(counts)).toEqual({ judged: 14, right: 13, unsure: 1 });
  expect(happenings).toHaveLength(3 + 12 + 1);
  expect(happenings[1]).toEqual({ kind: 'opinion', said: 'neutral', meant: 'angry' });
});

test('two processes count side by side', async () => {
  const [one, other] = [new Opinions(await settings()), new Opinions(await settings())];
  const told = [one, other].flatMap((opinions, process) =>
    Array.from({ length: 8 }, (_, k) =>
      opinions.count('slack', 'T1', `${process} ${k}`, [{ number: 1, said: 'sad', meant: 'sad' }]),
    ),
  );
  await Promise.all(told);
  expect((await one.counts('slack', 'T1')).sad[4]).toBe(16);
});

test('keeps no id, and goes with its place', async () => {
  const kept = await settings();
  const opinions = new Opinions(kept);
  await opinions.count('slack', 'T0451', 'answer-7731', [{ number: 1, said: 'fear', meant: 'surprise' }]);
  const files = ['settings.db', 'settings.db-wal'].map((name) => {
    try {
      return readFileSync(join(directory, 'state', name), 'latin1');
    } catch {
      return '';
    }
  });
  expect(files.join('')).toContain('"fear":[0,0,0,0,0,1,0]');
  expect(files.join('')).not.toMatch(/T0451|answer-7731/);
  await kept.forgetPlace('slack', 'T0451');
  expect(agreement(await opinions.counts('slack', 'T0451')).judged).toBe(0);
});

test('what cannot be saved is not counted, and can be told again', async () => {
  const kept = await settings();
  const opinions = new Opinions(kept);
  const opinion = { number: 1, said: 'sad', meant: 'sad' } as const;
  vi.spyOn(kept, 'rewrite').mockRejectedValueOnce(new UserError('no-space', 'full'));
  await expect(opinions.count('slack', 'T1', 'A1', [opinion])).rejects.toMatchObject({ code: 'no-space' });
  expect(await opinions.count('slack', 'T1', 'A1', [opinion])).toBe(1);
  expect((await opinions.counts('slack', 'T1')).sad[4]).toBe(1);
});
