import './helpers/discord-first.ts';
import { once } from 'node:events';
import { chmod, cp, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createCommands } from '../commands/index.ts';
import { createLogger } from '../src/base/log.ts';
import { startBot } from '../src/bot.ts';
import { type Internal, loadConfig, loadUsableConfig } from '../src/config.ts';
import type { Finding } from '../src/doctor/finding.ts';
import { node } from '../src/doctor/machine.ts';
import { examine } from '../src/doctor.ts';
import { startMetricsServer } from '../src/metrics/server.ts';
import { SPLITS } from '../src/training/data/fer2013.ts';
import { FakeDiscord } from './fakes/discord.ts';
import { fakePhotoReader } from './fakes/photo.ts';
import { FakeSlack } from './fakes/slack.ts';
import { HAS_REDIS, startRedis } from './helpers/redis.ts';
import { runScript } from './helpers/run-script.ts';
import { csvText, temporaryFolder, tinyRows } from './helpers/tiny-fer2013.ts';

const root = new URL('..', import.meta.url).pathname;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function findings(
  environment: Record<string, string>,
  internal: Internal = {},
  parts?: string[],
): Promise<Record<string, Finding>> {
  const directory = await temporaryFolder();
  const all = { ENGINE: 'onnx', ...environment };
  const { config, problems } = loadUsableConfig({ directory, environment: all, internal });
  return Object.fromEntries((await examine(config, problems, parts)).map((finding) => [finding.part, finding]));
}

test('the doctor says which parts are active, and how to activate the others', async () => {
  const found = await findings({ MODEL_DIR: join(root, 'model'), DETECTOR: 'haar' });
  expect(Object.values(found).filter(({ state }) => state === 'broken')).toEqual([]);
  expect(found.Engine).toMatchObject({ state: 'ok', finding: expect.stringContaining('onnx') });
  expect(found.Network).toMatchObject({ state: 'ok', finding: expect.stringMatching(/vgg9.*SHA-256 [0-9a-f]{12}…/) });
  expect(found['Face detector']).toMatchObject({ state: 'ok' });
  expect(found.OpenCV).toMatchObject({
    state: 'ok',
    finding: expect.stringMatching(/natively|as WebAssembly: .* not installed/),
  });
  for (const part of ['Memory', 'Disk', 'Font', 'Telemetry']) expect(found[part], part).toMatchObject({ state: 'ok' });
  expect(found['Training data']).toMatchObject({ state: 'off', remedy: expect.stringContaining('split-dataset') });
  expect(found.Votes).toMatchObject({ state: 'off', remedy: expect.stringContaining('--labels fer2013') });
  expect(found.Redis).toMatchObject({ state: 'off', remedy: expect.stringContaining('REDIS_URL') });
  expect(found.Discord).toMatchObject({ state: 'off', remedy: expect.stringContaining('DISCORD_TOKEN') });
  expect(found.Slack).toMatchObject({ state: 'off', remedy: expect.stringContaining('SLACK_BOT_TOKEN') });
  expect(found.Figures).toMatchObject({ state: 'off', remedy: expect.stringContaining('METRICS_PORT') });
});

test.each(['network', 'fusion'])('the doctor starts no OpenCV where DETECTOR=%s', async (DETECTOR) => {
  const { OpenCV, ...others } = await findings({ DETECTOR }, {}, ['OpenCV', 'Face detector']);
  expect(OpenCV).toMatchObject({ state: 'off', remedy: expect.stringContaining('DETECTOR=haar') });
  expect(others['Face detector']).toMatchObject({ state: 'ok', finding: expect.stringContaining(DETECTOR) });
});

test('every check runs even if others failed, everything that can be tried is tried, and no token is shown', async () => {
  const data = await temporaryFolder();
  await mkdir(join(data, 'chunks'));
  for (const name of ['fer2013_01.csv.gz', 'fer2013_02.csv.gz', 'fer2013new.csv'])
    await writeFile(join(data, name), '');
  const file = join(data, 'file');
  await writeFile(file, '');
  const password = 'a-password-that-nobody-may-see';
  const found = await findings({
    MODEL_DIR: '/nowhere',
    DATA_DIR: data,
    STATE_DIR: join(file, 'state'),
    DISCORD_TOKEN: 'no token at all',
    SLACK_APP_TOKEN: 'xapp-of-nobody',
    THREADS: 'many',
    REDIS_URL: `redis://:${password}@127.0.0.1:1`,
    METRICS_PORT: '0',
  });
  expect(found.Settings).toMatchObject({ state: 'broken', finding: expect.stringMatching(/DISCORD_TOKEN.*THREADS/) });
  expect(found['State folder']).toMatchObject({ state: 'broken', finding: expect.stringContaining('cannot be made') });
  expect(found['State folder']!.remedy).toContain('mkdir -p');
  expect(found.Network).toMatchObject({ state: 'broken', finding: expect.stringContaining('/nowhere') });
  expect(found.Network!.remedy).toContain('MODEL_DIR');
  expect(found.Redis).toMatchObject({ state: 'broken', finding: expect.stringContaining('ECONNREFUSED') });
  expect(found.Discord).toMatchObject({ state: 'broken', finding: expect.stringContaining('must be the token') });
  expect(found.Slack).toMatchObject({
    state: 'broken',
    finding: expect.stringContaining('SLACK_BOT_TOKEN is missing'),
  });
  expect(found['Training data']).toMatchObject({
    state: 'partly',
    finding: expect.stringContaining('fer2013_01.csv.gz is cut short'),
  });
  expect(found.Votes).toMatchObject({ state: 'partly', finding: expect.stringContaining('it is empty') });
  expect(found['Face detector']).toMatchObject({ state: 'ok' });
  expect(found.Figures).toMatchObject({ state: 'ok', finding: expect.stringContaining('127.0.0.1') });
  expect(JSON.stringify(found)).not.toMatch(/nobody|no token at all/);
});

test('the doctor names a card that onnxruntime cannot use, and the device that the engine uses instead', async () => {
  const { Engine: found } = await findings({ ONNX_PROVIDER: 'cuda', THREADS: '1' }, {}, ['Engine']);
  // Where CUDA's libraries are installed and there is a card, it is used.
  if (found!.state !== 'ok')
    expect(found).toMatchObject({
      state: 'partly',
      finding: expect.stringMatching(
        /^onnx on CPU, 1 thread \(ENGINE=onnx, ONNX_PROVIDER=cuda\): cuda cannot be used: /,
      ),
      remedy: expect.stringContaining('docs/native.md'),
    });
});

test.each([
  ['20.18.0', '2026-01-01', undefined],
  ['20.19.0', '2026-01-15', /^version 20\.19\.0, with security fixes until 2026-04-30$/],
  ['20.20.2', '2026-02-15', /only until 2026-04-30$/],
  ['20.20.2', '2026-05-01', /without security fixes since 2026-04-30$/],
  ['24.1.0', '2026-05-01', /until 2028-04-30$/],
  ['99.0.0', '2026-05-01', /^version 99\.0\.0$/],
])('Node.js %s on %s', (version, day, finding) => {
  const look = () => node(version, new Date(day));
  if (finding === undefined) expect(look).toThrow('too old');
  else expect(look().finding).toMatch(finding);
});

test('the doctor tries the state folder and leaves it as it was; it warns of one that others can open', async () => {
  const parent = await temporaryFolder();
  const found = await findings({ STATE_DIR: join(parent, 'not', 'yet') }, {}, ['State folder']);
  expect(found['State folder']).toMatchObject({ state: 'ok', finding: expect.stringContaining('first needed') });
  expect(await readdir(parent)).toEqual([]);
  await chmod(parent, 0o755);
  const open = await findings({ STATE_DIR: parent }, {}, ['State folder']);
  expect(open['State folder']).toMatchObject({ state: 'partly', remedy: expect.stringContaining('chmod -R go=') });
  expect(await readdir(parent)).toEqual([]);
});

describe('ports', () => {
  const parts = ['Page', 'Figures', 'Slack'];

  async function taken(): Promise<string> {
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    ends.push(() => other.close());
    await once(other, 'listening');
    return String((other.address() as AddressInfo).port);
  }

  test('that another program uses are named, with the port that the page uses instead', async () => {
    const [page, figures] = await Promise.all([taken(), taken()]);
    const found = await findings({ LOCAL_PORT: page, METRICS_PORT: figures }, {}, parts);
    expect(found.Page).toMatchObject({
      state: 'partly',
      finding: expect.stringMatching(new RegExp(`another program uses port ${page}, so the page would be at \\d+$`)),
      remedy: expect.stringContaining('LOCAL_PORT'),
    });
    expect(found.Figures).toMatchObject({
      state: 'broken',
      finding: expect.stringContaining(`port ${figures} of 127.0.0.1`),
      remedy: expect.stringContaining('METRICS_PORT'),
    });
    const chat = await findings({ LOCAL_PORT: page, DISCORD_TOKEN: 'MTAwMA.a.token' }, {}, ['Page']);
    expect(chat.Page).toMatchObject({ state: 'ok', finding: expect.stringContaining('while no chat is there') });
    const free = await findings({ LOCAL_PORT: '0', METRICS_PORT: '0' }, {}, parts);
    expect([free.Page!.state, free.Figures!.state]).toEqual(['ok', 'ok']);
  });

  test('that a running bot uses are recognised by its answer', async () => {
    const environment = { LOCAL_PORT: '0', STATE_DIR: await temporaryFolder() };
    const log = createLogger({ level: 'silent' });
    const bot = await startBot(loadConfig({ environment, directory: environment.STATE_DIR }), log, fakePhotoReader());
    ends.push(() => bot.stop());
    const metrics = await startMetricsServer({ host: '127.0.0.1', port: 0 }, log);
    ends.push(() => metrics.close());
    const [, page = ''] = /:(\d+)\//.exec(bot.addresses[0]!) ?? [];
    const { port } = new URL(metrics.origin);
    const found = await findings({ LOCAL_PORT: page, METRICS_PORT: port }, {}, parts);
    expect(found.Page).toMatchObject({ state: 'ok', finding: expect.stringContaining('a bot runs') });
    expect(found.Figures).toMatchObject({ state: 'ok', finding: expect.stringContaining('a bot runs') });
  });

  test('that Slack’s requests come to are tried', async () => {
    const slack = await FakeSlack.start();
    ends.push(() => slack.close());
    const environment = { SLACK_BOT_TOKEN: slack.token, SLACK_SIGNING_SECRET: 'abc', SLACK_PORT: await taken() };
    const { Slack: found } = await findings(environment, { slackApi: `${slack.origin}/api/` }, parts);
    expect(found).toMatchObject({
      state: 'partly',
      finding: expect.stringContaining(`port ${environment.SLACK_PORT} of 127.0.0.1 is in use`),
      remedy: expect.stringContaining('SLACK_PORT'),
    });
  });
});

describe('training data', () => {
  const look = async (files: Record<string, string | Buffer>) => {
    const data = await temporaryFolder();
    for (const [name, content] of Object.entries(files)) await writeFile(join(data, name), content);
    return await findings({ DATA_DIR: data }, {}, ['Training data', 'Votes']);
  };
  const chunk = (n: number) => csvText(tinyRows(1, SPLITS).slice(n, n + 4));

  test('is read row by row, not only listed', async () => {
    const found = await look({
      'fer2013_01.csv': chunk(0),
      'fer2013_02.csv': `${chunk(4)}7,1 2 3,Training\n`,
      'fer2013new.csv': 'Usage,Image name,faces\n',
    });
    expect(found['Training data']).toMatchObject({
      state: 'partly',
      finding: expect.stringMatching(
        /2 files.*, 9 rows; .*13 of 15 chunks missing.*fer2013_02\.csv, line 6 emotion is "7"/,
      ),
      remedy: expect.stringContaining('npm run dataset -- check'),
    });
    expect(found.Votes).toMatchObject({
      state: 'partly',
      finding: expect.stringContaining('does not name the columns'),
    });
  });

  test('that is another kind of file is named as what it is', async () => {
    const found = await look({ 'fer2013.csv': 'name,age\nAda,36\n' });
    expect(found['Training data']).toMatchObject({
      state: 'partly',
      finding: expect.stringContaining('fer2013.csv: '),
    });
  });
});

describe('Discord', () => {
  const commands = createCommands({} as Parameters<typeof createCommands>[0]).list();
  const names = [...commands.map(({ name }) => name), 'Read emotions'];
  const ask = async (
    prepare: (discord: FakeDiscord) => unknown,
    token?: string,
    settings: Readonly<Record<string, string>> = {},
  ) => {
    const discord = await FakeDiscord.start();
    ends.push(() => discord.close());
    await prepare(discord);
    const internal = { discordApi: `${discord.origin}/api` };
    const environment = { DISCORD_TOKEN: token ?? discord.token, ...settings };
    const { Discord: found } = await findings(environment, internal, ['Discord']);
    expect(JSON.stringify(found)).not.toContain(token ?? discord.token);
    return found!;
  };

  test('is asked whose the token is, whether photos are seen and whether the commands are there', async () => {
    const found = await ask((discord) => {
      discord.gateway.grantsContent = false;
      discord.leaveAll();
    });
    expect(found).toMatchObject({
      state: 'partly',
      finding:
        'the token of emotion-bot, for one bot at a time, accepted; the Message Content Intent is off, so posted photos are not seen; ' +
        `${names.join(', ')} not registered everywhere; it is in no server`,
    });
    expect(found.remedy).toMatch(/\/bot .*10,000 users.*npm run deploy-commands -- register.*oauth2\/authorize/);
  });

  test('is fine where all of it is there', async () => {
    const found = await ask((discord) => discord.registered.set('', names.map((name) => ({ name })) as never));
    expect(found).toEqual({
      part: 'Discord',
      state: 'ok',
      finding: 'the token of emotion-bot, for one bot at a time, accepted',
    });
  });

  test('says which shards are set, and what is wrong with them', async () => {
    const register = (discord: FakeDiscord) => discord.registered.set('', names.map((name) => ({ name })) as never);
    const whole = await ask(register, undefined, { DISCORD_SHARDS: '2' });
    expect(whole).toMatchObject({ state: 'ok', finding: 'the token of emotion-bot, shards 0, 1 of 2, accepted' });
    const part = { DISCORD_SHARDS: '4', DISCORD_SHARD_LIST: '1-3' };
    const few = await ask(
      (discord) => {
        register(discord);
        discord.recommendedShards = 8;
      },
      undefined,
      part,
    );
    expect(few).toMatchObject({
      state: 'partly',
      finding:
        'the token of emotion-bot, shards 1 to 3 of 4, accepted; Discord recommends 8 shards; ' +
        'this process runs only some of the shards, so it cannot tell which server is your own, and nobody may ask for /retrain',
      remedy: expect.stringMatching(/DISCORD_SHARDS=8.*OPERATOR_GUILDS/),
    });
    const named = await ask(register, undefined, { ...part, OPERATOR_GUILDS: '1' });
    expect(named).toMatchObject({ state: 'ok' });
    const bad = await ask(register, undefined, { DISCORD_SHARD_LIST: '1' });
    expect(bad).toMatchObject({
      state: 'broken',
      finding: expect.stringContaining('DISCORD_SHARDS must be a number'),
      remedy: 'Mend it in .env; .env.example explains it.',
    });
  });

  test('does not take a token, or cannot be reached', async () => {
    const refused = await ask(() => {}, 'MTAwMA.wrong.token');
    expect(refused).toMatchObject({ state: 'broken', finding: expect.stringContaining('not accepted') });
    const offline = (token?: string) => ask((discord) => discord.close(), token);
    expect(await offline()).toMatchObject({ state: 'partly', finding: 'Discord cannot be reached (ECONNREFUSED)' });
    // What is no token at all is told from a token without a connection.
    for (const none of ['qzv', 'MTAwMA.part', 'MTAwMA.a.b.part', 'bm90LWFuLWlk.not.an-id', 'MTAwMA..empty']) {
      expect(await offline(none)).toMatchObject({ state: 'broken', finding: expect.stringContaining('three parts') });
    }
  });

  test('asks for a pause, which nobody waits for', async () => {
    const pause = { status: 429, headers: { 'retry-after': '600' }, body: { message: 'slow', retry_after: 600 } };
    const found = await ask((discord) => discord.fail('GET', /gateway/, pause));
    expect(found).toMatchObject({
      state: 'partly',
      finding: expect.stringMatching(/^Discord asks for a pause of 60\d seconds$/),
    });
  });
});

describe('Slack', () => {
  const ask = async (prepare: (slack: FakeSlack) => unknown, tokens: Record<string, string> = {}) => {
    const slack = await FakeSlack.start();
    ends.push(() => slack.close());
    await prepare(slack);
    const environment = { SLACK_BOT_TOKEN: slack.token, SLACK_APP_TOKEN: slack.appToken, ...tokens };
    const { Slack: found } = await findings(environment, { slackApi: `${slack.origin}/api/` }, ['Slack']);
    for (const token of Object.values(environment).filter((text) => text.length > 3))
      expect(JSON.stringify(found)).not.toContain(token);
    return found!;
  };

  test('is asked whose the tokens are and which scopes they have', async () => {
    const found = await ask((slack) => {
      for (const scope of ['files:read', 'files:write']) slack.lacking.add(scope);
    });
    expect(found).toMatchObject({
      state: 'partly',
      finding:
        'the tokens of emotions in Testers, for Socket Mode, accepted; the scopes files:read, files:write missing',
      remedy: expect.stringContaining('slack-manifest.yaml'),
    });
    expect(await ask(() => {})).toEqual({
      part: 'Slack',
      state: 'ok',
      finding: 'the tokens of emotions in Testers, for Socket Mode, accepted',
    });
  });

  test('is asked whether it knows the client that workspaces install', async () => {
    const installer = { SLACK_SIGNING_SECRET: 'abc', SLACK_PORT: '0', SLACK_STATE_SECRET: 's'.repeat(16) };
    const key = Buffer.alloc(32).toString('base64');
    const asClient = async (secret: string) =>
      await ask(() => {}, {
        SLACK_BOT_TOKEN: '',
        SLACK_APP_TOKEN: '',
        SLACK_CLIENT_ID: '12.34',
        SLACK_CLIENT_SECRET: secret,
        SLACK_STORE_KEY: key,
        ...installer,
      });
    expect(await asClient('def456')).toMatchObject({
      state: 'ok',
      finding: expect.stringContaining('every workspace'),
    });
    expect(await asClient('wrong1')).toMatchObject({
      state: 'broken',
      finding: expect.stringContaining('bad_client_secret'),
    });
  });

  test('does not take one of the tokens, or cannot be reached', async () => {
    const wrong = { SLACK_APP_TOKEN: 'xapp-2-other' };
    const refused = 'Slack refuses SLACK_APP_TOKEN (invalid_auth)';
    expect(await ask(() => {}, wrong)).toMatchObject({ state: 'broken', finding: expect.stringContaining(refused) });
    const away = await ask((slack) => slack.close());
    expect(away).toMatchObject({ state: 'partly', finding: expect.stringContaining('Slack cannot be reached') });
  });

  test('asks for a pause, or fails on the way: nobody waits for it, and the tokens are not blamed', async () => {
    const pause = { status: 429, headers: { 'retry-after': '600' } };
    for (const method of ['auth.test', 'apps.connections.open'])
      expect(await ask((slack) => slack.next.set(method, [pause]))).toMatchObject({
        state: 'partly',
        finding: 'Slack asks for a pause of 600 seconds',
      });
    const me = { body: { ok: true, user_id: 'UBOT', user: 'emotions', team_id: 'T1', team: 'Testers' } };
    expect(await ask((slack) => slack.next.set('auth.test', [me, { status: 500 }]))).toMatchObject({
      state: 'partly',
      finding: expect.stringContaining('Slack cannot be reached'),
    });
  });
});

test.skipIf(!HAS_REDIS)('Redis is asked whether it keeps what it is given', async () => {
  const redis = await startRedis('--maxmemory-policy', 'allkeys-lru');
  ends.push(() => redis.stop());
  expect((await findings({ REDIS_URL: redis.url }, {}, ['Redis'])).Redis).toMatchObject({
    state: 'partly',
    finding: expect.stringMatching(/^version \d.*answers; .*allkeys-lru.*appendonly no/),
    remedy: expect.stringContaining('config set maxmemory-policy noeviction'),
  });
});

test('the command prints the same as JSON', async () => {
  const { stdout } = await runScript('doctor.ts', '--json');
  const { canStart, findings: all } = JSON.parse(stdout);
  expect(canStart).toBe(all.every(({ state }: Finding) => state !== 'broken'));
  expect(all.map(({ part }: Finding) => part)).toContain('Telemetry');
});

test('a network beside the one in use that cannot be loaded is named, with what brings it back', async () => {
  const model = await temporaryFolder();
  await cp(join(root, 'model'), model, { recursive: true });
  const whole = await findings({ MODEL_DIR: model }, {}, ['Network']);
  expect(whole.Network).toMatchObject({ state: 'ok', finding: expect.stringContaining('beside it fer2013') });
  await truncate(join(model, 'fer2013', 'weights.bin'), 1000);
  expect((await findings({ MODEL_DIR: model }, {}, ['Network'])).Network).toMatchObject({
    state: 'partly',
    finding: expect.stringContaining('fer2013 beside it cannot be loaded: '),
    remedy: expect.stringContaining(`git checkout -- ${join(model, 'fer2013')}`),
  });
});

test('unknown settings in .env are named, with the setting that was most likely meant', async () => {
  const directory = await temporaryFolder();
  await writeFile(join(directory, '.env'), 'LOCAL_PROT=4000\nPATIENCE=5\n');
  const { config } = loadUsableConfig({ directory, environment: {} });
  expect(await examine(config, [], ['Settings'])).toMatchObject([
    {
      state: 'partly',
      finding: 'LOCAL_PROT in .env is no setting: did you mean LOCAL_PORT?; PATIENCE in .env is no setting',
    },
  ]);
});

test('a version in use that cannot be loaded is named, with what puts another in use', async () => {
  const model = await temporaryFolder();
  await cp(join(root, 'model'), model, { recursive: true });
  await mkdir(join(model, 'versions'), { recursive: true });
  await writeFile(join(model, 'versions', 'in-use.json'), '{"version":7,"before":0}');
  expect(await findings({ MODEL_DIR: model }, {}, ['Network'])).toMatchObject({
    Network: {
      state: 'broken',
      finding: expect.stringContaining('version 7, which is in use, cannot be loaded'),
      remedy: expect.stringContaining('/retrain promote'),
    },
  });
});
