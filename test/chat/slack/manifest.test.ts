import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SCOPES } from '../../../src/chat/slack/install-pages.ts';
import { READ_EMOTIONS, slashName } from '../../../src/chat/slack/outgoing.ts';
import { EVENT_SCOPES, METHOD_SCOPES } from '../../fakes/slack/scopes.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const MANIFEST = readFileSync(join(ROOT, 'slack-manifest.yaml'), 'utf8');
const SLACK = join('src', 'chat', 'slack');
const SOURCES = readdirSync(join(ROOT, SLACK), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SLACK, name));
const SOURCE = SOURCES.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');

/** The manifest's plain lists, by the key above them. */
function list(key: string): string[] {
  const [, indent, items] = new RegExp(`^( *)${key}:\\n((?:\\1  .*\\n)+)`, 'm').exec(MANIFEST)!;
  return items!.split('\n').flatMap((line) => (line.startsWith(`${indent}  - `) ? [line.trim().slice(2)] : []));
}

/** The Web API methods that the code calls. */
function methods(): string[] {
  const called = [...SOURCE.matchAll(/\b(?:api|lookBack|#api)\.([a-z]+\.[a-zA-Z]+)\(/g)].map(([, method]) => method!);
  return [...new Set(called)];
}

/** The names of the registered commands, by the one place that registers them. */
function commands(): string[] {
  const index = readFileSync(join(ROOT, 'commands', 'index.ts'), 'utf8');
  return [...index.matchAll(/registry\.add\((\w+)Command\(/g)].map(([, name]) => name!);
}

test('the manifest’s scopes are exactly those that the called methods, the events and the commands need', () => {
  const called = methods();
  expect(called.length).toBeGreaterThan(8);
  expect(called.filter((method) => METHOD_SCOPES[method] === undefined)).toEqual([]);
  const needed = new Set([
    ...called.flatMap((method) => METHOD_SCOPES[method]!),
    ...list('bot_events').flatMap((event) => EVENT_SCOPES[event] ?? []),
    'commands',
  ]);
  expect(list('bot')).toEqual([...needed].sort());
  expect(SCOPES).toEqual(list('bot'));
});

test('the manifest’s events are deleted files, messages of every kind of conversation and what takes the bot out, as the code listens to', () => {
  const listened = [...SOURCE.matchAll(/app\.event\('(\w+)'/g)].map(([, event]) => event);
  expect(listened.sort()).toEqual([
    'app_uninstalled',
    'file_deleted',
    'message',
    'team_access_revoked',
    'tokens_revoked',
  ]);
  expect(list('bot_events')).toEqual(Object.keys(EVENT_SCOPES));
});

test('the manifest’s slash commands are the registered commands', () => {
  const slash = [...MANIFEST.matchAll(/- command: (\S+)/g)].map(([, name]) => name!);
  expect(slash.sort()).toEqual(commands().map(slashName).sort());
});

test('the manifest’s shortcut is the one that the code answers, and buttons and the socket are on', () => {
  expect([...MANIFEST.matchAll(/callback_id: (\S+)/g)].map(([, id]) => id)).toEqual([READ_EMOTIONS]);
  expect(MANIFEST).toMatch(/interactivity:\n\s+is_enabled: true/);
  expect(MANIFEST).toContain('socket_mode_enabled: true');
});
