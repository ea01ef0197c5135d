import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listIfFew } from '../src/base/did-you-mean.ts';
import { UserError } from '../src/base/errors.ts';
import { loadConfig, loadUsableConfig } from '../src/config.ts';
import { DETECTOR_CHOICES } from '../src/photo/faces/detector.ts';

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
    expect(config.photos).toEqual({
      detector: 'network',
      openCv: 'auto',
      maxBytes: 32 * 1024 * 1024,
      concurrency: 2,
      maxWaiting: 200,
      readsForwards: true,
      asksIfRight: true,
    });
    expect(config.shutdownMs).toBe(20_000);
    expect(config.log.level).toBe('info');
    expect(config.model.engine).toBe('auto');
    expect(config.cooldown).toEqual({ personPerMinute: 12, channelPerMinute: 40 });
    expect(config.operator).toEqual({ guilds: [], teams: [] });
    expect(config.stateDirectory).toBe(join(directory, 'state'));
    expect(config.dataDirectory).toBe(join(directory, 'data'));
    expect([config.discord, config.slack, config.redisUrl, config.secrets]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ]);
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
    ['METRICS_PORT', '70000', 'METRICS_PORT must be a whole number from 0 to 65535.'],
    ['METRICS_HOST', 'a b', 'METRICS_HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.'],
    ['LOCAL_PORT', '-1', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', 'many', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', '80.5', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['LOCAL_PORT', '0x50', 'LOCAL_PORT must be a whole number from 0 to 65535.'],
    ['PHOTO_CONCURRENCY', '0', 'PHOTO_CONCURRENCY must be a whole number from 1 to 32.'],
    ['ENGINE', 'torch', 'ENGINE must be auto, onnx or tensorflow.'],
    ['ONNX_PROVIDER', 'rocm', 'ONNX_PROVIDER must be cpu, webgpu or cuda.'],
    ['DETECTOR', 'eyes', `DETECTOR must be ${listIfFew(DETECTOR_CHOICES)}.`],
    [
      'DISCORD_TOKEN',
      'a token',
      'DISCORD_TOKEN must be the token of the page "Bot" in the developer portal, and nothing else.',
    ],
    ['SLACK_BOT_TOKEN', 'xapp-1', 'SLACK_BOT_TOKEN must be the token that starts with xoxb-.'],
    ['SLACK_APP_TOKEN', 'xoxb-1', 'SLACK_APP_TOKEN must be the token that starts with xapp-.'],
    [
      'OPERATOR_GUILDS',
      '123, mine',
      'OPERATOR_GUILDS must be ids of servers, which are numbers, with commas between them.',
    ],
    [
      'OPERATOR_TEAMS',
      '123',
      'OPERATOR_TEAMS must be ids of workspaces, which start with T, with commas between them.',
    ],
    ['REDIS_URL', 'localhost:6379', 'REDIS_URL must be an address that starts with redis:// or rediss://.'],
    ['REDIS_URL', 'http://localhost', 'REDIS_URL must be an address that starts with redis:// or rediss://.'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be a word that .env.example names.'],
  ])('says in a sentence what is wrong with %s=%s', (name, value, sentence) => {
    expect(() => load({ [name]: value })).toThrow(new UserError('bad-config', sentence));
  });

  test('names every bad setting at once and repeats no value', () => {
    const attempt = () => load({ LOCAL_PORT: 'xoxb-a-token-in-the-wrong-place', THREADS: 'many' });
    expect(attempt).toThrow(/^LOCAL_PORT must .*\nTHREADS must /);
    expect(attempt).not.toThrow(/xoxb/);
  });

  test('takes a provider of onnxruntime with its engine only', () => {
    expect(load({ ENGINE: 'onnx', ONNX_PROVIDER: 'webgpu' }).model).toMatchObject({ provider: 'webgpu' });
    expect(() => load({ ENGINE: 'tensorflow', ONNX_PROVIDER: 'cuda' })).toThrow(
      /ONNX_PROVIDER .* goes with ENGINE=onnx/,
    );
  });

  test('names what is no setting in the .env file, but not in the environment', () => {
    envFile('LOCAL_PROT=4000\nPATIENCE=5\n');
    const unknown = [{ name: 'LOCAL_PROT', meant: 'LOCAL_PORT' }, { name: 'PATIENCE' }];
    expect(load({ PATH: '/bin' }).unknownSettings).toEqual(unknown);
  });

  test('says so where the .env file cannot be read', () => {
    mkdirSync(join(directory, '.env'));
    expect(() => load()).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => load()).toThrow(/\.env cannot be read: it is a folder\.$/);
  });
});

describe('credentials', () => {
  const SOCKET = { SLACK_BOT_TOKEN: 'xoxb-1-2', SLACK_APP_TOKEN: 'xapp-1-2' };
  const HTTP = { SLACK_BOT_TOKEN: 'xoxb-1-2', SLACK_SIGNING_SECRET: 'abc123', SLACK_PORT: '8080' };

  test('of Discord are one token', () => {
    expect(load({ DISCORD_TOKEN: 'MTA.Ab-c_d.Ef' }).discord).toEqual({ token: 'MTA.Ab-c_d.Ef' });
  });

  test('of Slack say how its events arrive; a port asks for the web server', () => {
    const connection = { kind: 'socket', appToken: 'xapp-1-2', sockets: 1 };
    expect(load(SOCKET).slack).toEqual({ botToken: 'xoxb-1-2', connection });
    expect(load({ ...SOCKET, SLACK_SOCKETS: '10' }).slack?.connection).toEqual({ ...connection, sockets: 10 });
    expect(() => load({ ...SOCKET, SLACK_SOCKETS: '11' })).toThrow(
      'SLACK_SOCKETS must be a whole number from 1 to 10.',
    );
    const http = { kind: 'http', signingSecret: 'abc123', host: '127.0.0.1', port: 8080 };
    expect(load(HTTP).slack).toEqual({ botToken: 'xoxb-1-2', connection: http });
    expect(load({ ...HTTP, SLACK_HOST: '::' }).slack?.connection).toEqual({ ...http, host: '::' });
    expect(() => load({ ...HTTP, SLACK_HOST: 'http://me' })).toThrow(/^SLACK_HOST must be an address of this machine/);
    expect(load({ ...SOCKET, ...HTTP }).slack?.connection).toEqual(http);
    expect(load({ ...SOCKET, SLACK_SIGNING_SECRET: 'abc123' }).slack?.connection.kind).toBe('socket');
  });

  const KEY = Buffer.alloc(32, 7).toString('base64');
  const INSTALLER = {
    SLACK_CLIENT_ID: '12.34',
    SLACK_CLIENT_SECRET: 'def456',
    SLACK_STATE_SECRET: 'sixteen-letters!',
    SLACK_STORE_KEY: `${KEY}, ${'ab'.repeat(32)}`,
    SLACK_SIGNING_SECRET: 'abc123',
    SLACK_PORT: '8080',
  };

  test('of Slack for many workspaces are an app’s, a port and a key; all of them are secrets, and so is any token', () => {
    const { slack, secrets } = load(INSTALLER);
    const keys = [KEY, 'ab'.repeat(32)];
    expect(slack).toEqual({
      installer: { clientId: '12.34', clientSecret: 'def456', stateSecret: 'sixteen-letters!', keys },
      connection: { kind: 'http', signingSecret: 'abc123', host: '127.0.0.1', port: 8080 },
    });
    expect(secrets).toEqual(['abc123', 'def456', 'sixteen-letters!', ...keys, /xox[a-z]-[\w-]+/g]);
  });

  test.each([
    [{ SLACK_STORE_KEY: '' }, /^SLACK_STORE_KEY is missing: .*openssl rand -base64 32/],
    [{ SLACK_STORE_KEY: ' , ' }, /^SLACK_STORE_KEY is missing/],
    [{ SLACK_STORE_KEY: 'c2hvcnQ=' }, /^SLACK_STORE_KEY must be a key of 32 bytes, as openssl rand -base64 32 makes/],
    [{ SLACK_STORE_KEY: `${KEY},short` }, /^SLACK_STORE_KEY must be a key of 32 bytes/],
    [{ SLACK_STATE_SECRET: 'short' }, /^SLACK_STATE_SECRET must be at least 16 characters/],
    [
      { SLACK_CLIENT_SECRET: '', SLACK_PORT: '' },
      /^SLACK_CLIENT_SECRET, SLACK_PORT are missing: .*beside SLACK_CLIENT_ID/,
    ],
    [{ SLACK_BOT_TOKEN: 'xoxb-1-2' }, /^SLACK_BOT_TOKEN and SLACK_CLIENT_ID exclude each other/],
    [{ SLACK_APP_TOKEN: 'xapp-1-2' }, /^SLACK_APP_TOKEN and SLACK_CLIENT_ID exclude each other/],
  ])('for many workspaces with %j end the start with a sentence', (environment, sentence) => {
    const attempt = () => load({ ...INSTALLER, ...(environment as Record<string, string>) });
    expect(attempt).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(attempt).toThrow(sentence);
    expect(attempt).toThrow(expect.not.objectContaining({ message: expect.stringContaining(KEY) }));
  });

  test.each([
    [{ SLACK_APP_TOKEN: 'xapp-1' }, /^SLACK_BOT_TOKEN is missing/],
    [{ SLACK_SIGNING_SECRET: 'abc' }, /^SLACK_BOT_TOKEN is missing/],
    [{ SLACK_PORT: '80' }, /^SLACK_BOT_TOKEN is missing/],
    [{ SLACK_BOT_TOKEN: 'xoxb-1' }, /^SLACK_APP_TOKEN is missing/],
    [{ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 'abc' }, /^SLACK_PORT is missing/],
    [{ ...SOCKET, SLACK_PORT: '80' }, /^SLACK_SIGNING_SECRET is missing/],
    [{ ...HTTP, SLACK_SOCKETS: '2' }, /^SLACK_SOCKETS is for Socket Mode/],
  ])('half given, %j, name what is missing', (environment, sentence) => {
    expect(() => load(environment as Record<string, string>)).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => load(environment as Record<string, string>)).toThrow(sentence);
  });

  test('are all known as secrets, the password of an address in both its forms', () => {
    const { secrets } = load({
      ...SOCKET,
      ...HTTP,
      DISCORD_TOKEN: 'MTA.b.c',
      REDIS_URL: 'redis://me:p%40ss@localhost',
    });
    expect(secrets).toEqual(['MTA.b.c', 'xoxb-1-2', 'xapp-1-2', 'abc123', 'p%40ss', 'p@ss']);
  });

  test('ids of operators may have commas, spaces or both between them', () => {
    const { operator } = load({ OPERATOR_GUILDS: '12,34 , 56', OPERATOR_TEAMS: 'T0A E1B' });
    expect(operator).toEqual({ guilds: ['12', '34', '56'], teams: ['T0A', 'E1B'] });
  });
});

test('where the platforms are is nothing that settings can change', () => {
  expect(load({ DISCORD_API: 'http://evil.example', discordApi: 'http://evil.example' }).internal).toEqual({});
  const internal = { discordApi: 'http://127.0.0.1:1/api', fileOrigins: ['http://127.0.0.1:1'] };
  expect(loadConfig({ environment: {}, directory, internal }).internal).toEqual(internal);
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

test('.env.example says where the law forbids what the bot does', async () => {
  const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
  const words = text.replaceAll(/\s*\n#? ?/g, ' ');
  expect(words).toContain('at work and in education is banned in the European Union, except for medical or safety');
  expect(words).toContain('Regulation (EU) 2024/1689, Article 5(1)(f)');
});

test('.env.example names every setting that the program reads', async () => {
  const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
  const sources = ['config.ts', 'config-discord.ts', 'config-slack.ts'].map(
    (name) => new URL(`../src/${name}`, import.meta.url),
  );
  const source = (await Promise.all(sources.map((file) => readFile(file, 'utf8')))).join('\n');
  const read = Array.from(source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm), ([, name]) => name!);
  expect(read.length).toBeGreaterThan(5);
  expect(Object.keys(parse(text.replaceAll(/^#([A-Z_]+=)/gm, '$1'))).sort()).toEqual(read.sort());
});

test('a process of its own gets what finds programs and temporary folders, and no credentials', () => {
  const environment = { PATH: '/bin', TMPDIR: '/scratch', DISCORD_TOKEN: 'abc', SOME_SECRET: 'def', HOME: '/home/ann' };
  expect(load(environment).childEnvironment).toEqual({ PATH: '/bin', TMPDIR: '/scratch', HOME: '/home/ann' });
});

test('figures are shown where a port is set, on this machine unless another address is', () => {
  expect(load({}).metrics).toBeUndefined();
  expect(load({ METRICS_HOST: '0.0.0.0' }).metrics).toBeUndefined();
  expect(load({ METRICS_PORT: '9464' }).metrics).toEqual({ host: '127.0.0.1', port: 9464 });
  expect(load({ METRICS_PORT: '0', METRICS_HOST: '::1' }).metrics).toEqual({ host: '::1', port: 0 });
});

describe('Discord’s shards', () => {
  const TOKEN = { DISCORD_TOKEN: 'abc' };

  test.each([
    [{}, undefined],
    [{ DISCORD_SHARDS: 'auto' }, undefined],
    [{ DISCORD_SHARDS: '3' }, { count: 3, ids: [0, 1, 2] }],
    [
      { DISCORD_SHARDS: '8', DISCORD_SHARD_LIST: '5, 0-2,2' },
      { count: 8, ids: [0, 1, 2, 5] },
    ],
  ])('%j', (settings, shards) => {
    expect(load({ ...TOKEN, ...settings }).discord?.shards).toEqual(shards);
  });

  test.each([
    [{ DISCORD_SHARDS: '0' }, 'DISCORD_SHARDS must be auto, or a whole number from 1 to 10000.'],
    [{ DISCORD_SHARDS: 'two' }, 'DISCORD_SHARDS must be auto, or a whole number from 1 to 10000.'],
    [
      { DISCORD_SHARDS: '4', DISCORD_SHARD_LIST: '3-1' },
      'DISCORD_SHARD_LIST must be numbers or ranges of numbers with commas between them, such as 0-3 or 0,2.',
    ],
    [
      { DISCORD_SHARDS: '4', DISCORD_SHARD_LIST: 'a' },
      'DISCORD_SHARD_LIST must be numbers or ranges of numbers with commas between them, such as 0-3 or 0,2.',
    ],
    [
      { DISCORD_SHARD_LIST: '1' },
      'DISCORD_SHARDS must be a number beside DISCORD_SHARD_LIST: how many shards there are in all processes together.',
    ],
    [
      { DISCORD_SHARDS: '4', DISCORD_SHARD_LIST: '2-4' },
      'DISCORD_SHARD_LIST names shard 4: of 4 (DISCORD_SHARDS) they go from 0 to 3.',
    ],
  ])('%j is said to be wrong', (settings, sentence) => {
    expect(() => load({ ...TOKEN, ...settings })).toThrow(new UserError('bad-config', sentence));
  });
});

describe('loadUsableConfig', () => {
  const usable = (environment: Record<string, string>) => loadUsableConfig({ directory, environment });

  test('leaves out what cannot be used, and says what is wrong with it', () => {
    const { config, problems } = usable({
      THREADS: 'x',
      LOCAL_PORT: '-1',
      DISCORD_TOKEN: 'no token',
      MODEL_DIR: 'mine',
    });
    expect(problems.map((sentence) => sentence.split(' ')[0]).sort()).toEqual([
      'DISCORD_TOKEN',
      'LOCAL_PORT',
      'THREADS',
    ]);
    expect(config).toMatchObject({ local: { port: 3000 }, model: { directory: join(directory, 'mine') } });
    expect(config.discord).toBeUndefined();
  });

  test('leaves Slack out where something of it is missing', () => {
    const { config, problems } = usable({ SLACK_APP_TOKEN: 'xapp-1-x' });
    expect(problems).toEqual([expect.stringMatching(/^SLACK_BOT_TOKEN is missing/)]);
    expect(config.slack).toBeUndefined();
  });

  test('goes on without a .env file that cannot be read', () => {
    mkdirSync(join(directory, '.env'));
    const { config, problems } = usable({ STATE_DIR: 'here' });
    expect(problems).toEqual([expect.stringContaining('.env cannot be read: it is a folder')]);
    expect(config.stateDirectory).toBe(join(directory, 'here'));
  });

  test('has nothing to say where all is well', () => {
    expect(usable({}).problems).toEqual([]);
  });
});
