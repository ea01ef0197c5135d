import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (environment: Record<string, string> = {}) => loadConfig({ environment, directory });
const envFile = (text: string) => writeFileSync(join(directory, '.env'), text);

describe('loadConfig', () => {
  test('has a default for everything', () => {
    const config = load();
    expect(config.local).toEqual({ port: 3000, maxPhotos: 40, keepMs: 3_600_000 });
    expect(config.model.directory).toBe(join(directory, 'model'));
    expect(config.photos).toEqual({ maxBytes: 32 * 1024 * 1024, concurrency: 2, maxWaiting: 50 });
    expect(config.shutdownMs).toBe(20_000);
    expect(config.log.level).toBe('info');
  });

  test('reads the .env file, and the environment wins over it', () => {
    envFile('LOCAL_PORT=4000\nMAX_PHOTO_MB=5 # small\nLOG_LEVEL=warn\n');
    const config = load({ LOCAL_PORT: '5000' });
    expect(config.local.port).toBe(5000);
    expect(config.photos.maxBytes).toBe(5 * 1024 * 1024);
    expect(config.log.level).toBe('warn');
  });

  test('does not write into the environment', () => {
    envFile('SETTING_OF_A_TEST=4000\n');
    const before = { ...process.env };
    loadConfig({ directory });
    expect(process.env).toEqual(before);
  });

  test('is frozen all the way down', () => {
    const config = load();
    expect(() => Object.assign(config, { shutdownMs: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.local, { port: 1 })).toThrow(TypeError);
  });

  test('takes an empty setting for one left out', () => {
    envFile('LOCAL_PORT=\nMODEL_DIR=\n');
    expect(load({ LOG_LEVEL: ' ' })).toMatchObject({ local: { port: 3000 }, log: { level: 'info' } });
  });

  test.each([
    ['LOCAL_PORT', '65536', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', '-1', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', '80.5', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', '0x50', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['PHOTO_CONCURRENCY', '0', 'PHOTO_CONCURRENCY must be a whole number from 1 to 32.'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of silent, fatal, error, warn, info, debug, trace.'],
  ])('says in a sentence what is wrong with %s=%s', (name, value, sentence) => {
    expect(() => load({ [name]: value })).toThrow(new ConfigError(sentence));
  });

  test('names every bad setting at once and repeats no value', () => {
    const attempt = () => load({ LOCAL_PORT: 'xoxb-a-token-in-the-wrong-place', THREADS: 'many' });
    expect(attempt).toThrow(/^LOCAL_PORT must .*\nTHREADS must /);
    expect(attempt).not.toThrow(/xoxb/);
  });

  test('names what is no setting in the .env file, but not in the environment', () => {
    envFile('LOCAL_PROT=4000\n');
    expect(load({ PATH: '/bin' }).unknownSettings).toEqual(['LOCAL_PROT']);
  });

  test('says so where the .env file cannot be read', () => {
    mkdirSync(join(directory, '.env'));
    expect(() => load()).toThrow(ConfigError);
    expect(() => load()).toThrow(/\.env cannot be read/);
  });
});

test('.env.example holds settings only, at their defaults', async () => {
  const defaults = load();
  const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
  envFile(text);
  expect(load()).toEqual(defaults);
  // Those that stand in a comment too, since their default depends on the machine.
  envFile(text.replaceAll(/^#([A-Z_]+=)/gm, '$1'));
  expect(load().unknownSettings).toEqual([]);
});

test('.env.example names every setting that the program reads', async () => {
  const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
  const source = await readFile(new URL('../src/config.ts', import.meta.url), 'utf8');
  const read = Array.from(source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm), ([, name]) => name!);
  expect(read.length).toBeGreaterThan(5);
  expect(Object.keys(parse(text.replaceAll(/^#([A-Z_]+=)/gm, '$1'))).sort()).toEqual(read.sort());
});
