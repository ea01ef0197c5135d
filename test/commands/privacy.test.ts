import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { privacyCommand } from '../../commands/privacy.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import { createLogger } from '../../src/base/log.ts';
import { FileStore } from '../../src/settings/file-store.ts';
import { Settings } from '../../src/settings/settings.ts';
import { fakeRequest } from '../fakes/request.ts';
import { fakeRules } from '../fakes/rules.ts';

function setUp(options: Parameters<typeof fakeRules>[0] = {}) {
  const { settings, readsForwards } = fakeRules(options);
  return { settings, type: typing(settings, readsForwards) };
}

/** Types `/privacy …` and gives the answer. */
function typing(settings: Settings, readsForwards = true) {
  const dispatcher = new Dispatcher(
    new CommandRegistry([privacyCommand({ settings, readsForwards })]),
    createLogger({ level: 'silent' }),
  );
  return async (input: string, userId = 'u1') => {
    const { request, replies } = fakeRequest({ command: { name: 'privacy', input }, userId });
    await dispatcher.dispatch(request);
    expect(replies).toHaveLength(1);
    // What a person decides here is nobody else's business.
    expect(replies[0]!.private).toBe(true);
    return replies[0]!.text;
  };
}

describe('/privacy', () => {
  test('says what is kept and how to opt out', async () => {
    const text = await setUp().type('');
    expect(text).toMatch(/never write one to disk/);
    expect(text).toMatch(/What I keep: who opted out and how channels are set/);
    expect(text).toMatch(/Type \/privacy opt-out/);
  });

  test('says what becomes of forwarded photos, as the operator set it', async () => {
    const read = setUp();
    const refused = setUp({ readsForwards: false });
    for (const input of ['', 'opt-out']) {
      expect(await read.type(input)).toContain('it counts as the photo of whoever forwards it');
      expect(await refused.type(input)).toContain('I read no forwarded photo');
    }
  });

  test('opt-out and opt-in are kept for the person who asks, and nobody else', async () => {
    const { settings, type } = setUp();
    expect(await type('opt-out')).toMatch(/^Done\. You have opted out/);
    expect(await settings.hasOptedOut('test', 'u1')).toBe(true);
    expect(await settings.hasOptedOut('test', 'u2')).toBe(false);
    expect(await type('')).toMatch(/You have opted out: .*\/privacy opt-in takes that back/);
    expect(await type('', 'u2')).not.toMatch(/You have opted out/);
    expect(await type('choice:opt-in')).toMatch(/^Done\. I read photos that you post again/);
    expect(await settings.hasOptedOut('test', 'u1')).toBe(false);
    expect(await type('opt-in')).toMatch(/^Done\./);
  });

  test('does not say Done where nothing could be kept', async () => {
    const text = await setUp({ broken: true }).type('opt-out');
    expect(text).not.toContain('Done');
    expect(text).toContain('Try again in a minute');
  });

  test('says so where there is no room, and whoever opted out before still has', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'privacy-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'settings.db');
    const before = new Settings(new FileStore(path));
    await before.setOptedOut('test', 'u0', true);
    // As large as it is now: the next entries fill its last page, then there is no more.
    const settings = new Settings(new FileStore(path, { maxBytes: statSync(path).size }));
    const type = typing(settings);
    const texts: string[] = [];
    for (let k = 1; k <= 200; k++) texts.push(await type('opt-out', `u${k}`));
    const kept = texts.findIndex((text) => text.includes('there is no room left'));
    expect(kept).toBeGreaterThan(0);
    expect(texts.slice(0, kept).every((text) => text.startsWith('Done'))).toBe(true);
    for (let k = 0; k <= kept; k++) expect(await settings.hasOptedOut('test', `u${k}`)).toBe(true);
    expect(await settings.hasOptedOut('test', `u${kept + 1}`)).toBe(false);
  });

  test('says what it takes instead of another word', async () => {
    expect(await setUp().type('stop')).toContain('‘choice’ of /privacy takes opt-out or opt-in, not ‘stop’.');
  });
});

test('no command names a chat platform', () => {
  const folder = join(import.meta.dirname, '..', '..', 'commands');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) expect.soft(readFileSync(join(folder, file), 'utf8'), file).not.toMatch(/discord|slack/i);
});
