import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { correctionWindow } from '../../src/chat/slack/was-it-right-buttons.ts';
import { plainPicture } from '../fakes/photo.ts';
import type { FakeInstall, FakeSlack, FakeWorkspace } from '../fakes/slack.ts';
import { holdDatabase } from '../helpers/hold-database.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { stuckReader } from './left.ts';
import { afterwards, aWhile, cleanUp, type RunningBotOptions, stateFolder } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

const ONE: FakeInstall & FakeWorkspace = { token: 'xoxb-one', teamId: 'T0FIRSTPLACE' };
const TWO: FakeInstall & FakeWorkspace = { token: 'xoxb-two', teamId: 'T0SECONDPLACE' };
/** An organisation, and a workspace of it. */
const ORGANISATION: FakeInstall = { token: 'xoxb-org', enterpriseId: 'E0ORGANISATION' };
const OF_ORGANISATION: FakeWorkspace = {
  teamId: 'T0THIRDPLACE',
  enterpriseId: 'E0ORGANISATION',
  isOrganisations: true,
};

const KEY = randomBytes(32).toString('base64');

/** A bot that any workspace may install. */
async function start(
  options: {
    slack?: FakeSlack;
    directory?: string;
    redisUrl?: string;
    keys?: string;
    readPhoto?: RunningBotOptions['readPhoto'];
  } = {},
) {
  const directory = options.directory ?? stateFolder();
  const started = await startOnSlack({
    http: true,
    ...(options.slack && { slack: options.slack }),
    ...(options.readPhoto && { readPhoto: options.readPhoto }),
    environment: {
      SLACK_BOT_TOKEN: '',
      SLACK_CLIENT_ID: '12.34',
      SLACK_CLIENT_SECRET: 'def456',
      SLACK_STATE_SECRET: 'a-secret-of-this-test',
      SLACK_STORE_KEY: options.keys ?? KEY,
      STATE_DIR: directory,
      REDIS_URL: options.redisUrl ?? '',
      SHUTDOWN_SECONDS: '1',
    },
  });
  const store = join(directory, 'settings.db');
  return { ...started, directory, store, origin: new URL(started.slack.httpTarget!).origin };
}

/** What a browser does that installs the bot. @returns the last page */
async function install(slack: FakeSlack, installed: FakeInstall, code = `code-${installed.token}`) {
  const { origin } = new URL(slack.httpTarget!);
  slack.installs.set(code, installed);
  const first = await fetch(`${origin}/slack/install`);
  const page = await first.text();
  const url = new URL(/href="(https:\/\/slack\.com\/[^"]*)"/.exec(page)![1]!.replaceAll('&amp;', '&'));
  const cookie = first.headers.get('set-cookie')!.split(';')[0]!;
  const back = `${origin}/slack/oauth_redirect?${new URLSearchParams({ code, state: url.searchParams.get('state')! })}`;
  const last = await fetch(back, { headers: { cookie } });
  return { page, url, status: last.status, text: await last.text(), back, cookie };
}

async function postIn(slack: FakeSlack, workspace: FakeWorkspace, fields: Record<string, unknown> = {}) {
  slack.workspace = workspace;
  return slack.post({ files: [slack.file(await plainPicture(64, 48))], ...fields });
}

/** Tokens that answers were sent with, in their order. */
function answeredWith(slack: FakeSlack): string[] {
  return slack
    .callsTo('files.completeUploadExternal')
    .map(({ authorization }) => authorization!.slice('Bearer '.length));
}

test('two workspaces and an organisation install it from its page, and each is answered with a token of its own that stands nowhere', async () => {
  const { slack, bot, log, store } = await start();
  expect(bot.addresses.join()).toMatch(/On Slack in 0 workspaces, at port \d+.*installed at \/slack\/install/);
  const { page, url, ...first } = await install(slack, ONE);
  expect(page).toContain('banned in the European Union');
  expect(url.searchParams.get('scope')!.split(',')).toContain('files:read');
  expect(first).toMatchObject({ status: 200, text: expect.stringContaining('/invite @emotions') });
  expect((await install(slack, TWO)).status).toBe(200);
  expect((await install(slack, ORGANISATION)).status).toBe(200);
  for (const [k, workspace] of [ONE, TWO, OF_ORGANISATION].entries()) {
    await postIn(slack, workspace);
    await buttons(slack, k + 1);
  }
  expect(answeredWith(slack)).toEqual(['xoxb-one', 'xoxb-two', 'xoxb-org']);
  expect(slack.fileRequests.map(({ authorization }) => authorization)).toEqual(
    ['xoxb-one', 'xoxb-two', 'xoxb-org'].map((token) => `Bearer ${token}`),
  );
  const kept = readFileSync(store, 'latin1');
  for (const secret of ['xoxb-', 'T0FIRSTPLACE', 'T0SECONDPLACE', 'E0ORGANISATION', 'Testers'])
    expect(kept).not.toContain(secret);
  expect(log.join('')).not.toMatch(/xoxb-|code-/);
  // Nobody has said which workspace the operator's is.
  slack.command('/retrain', 'status', 'UADMIN');
  await until(() => slack.responses.some(({ text }) => text.includes('for admins of the place that runs this bot')));
});

test('what was begun elsewhere, is not allowed, or gives a token that rotates installs nothing', async () => {
  const { slack, origin, log } = await start();
  const { back, cookie } = await install(slack, ONE);
  const calls = slack.callsTo('oauth.v2.access').length;
  const otherState = new URL(back);
  otherState.searchParams.set('state', 'abc');
  const otherCode = new URL(back);
  otherCode.searchParams.set('code', 'of-nobody');
  for (const [query, headers, status, words] of [
    [back, {}, 400, 'begun in another browser'],
    [`${origin}/slack/oauth_redirect?error=access_denied`, {}, 200, 'You did not allow it'],
    [`${origin}/slack/oauth_redirect?code=x`, {}, 400, 'Begin again'],
    [`${origin}/slack/oauth_redirect?state=x`, {}, 400, 'Begin again'],
    [otherState.href, { cookie: cookie.replace(/=.*/, '=abc') }, 400, 'Begin again'],
    [otherCode.href, { cookie }, 400, 'Begin again'],
  ] as const) {
    const answer = await fetch(query, { headers });
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(words)]);
  }
  // Slack is asked about a code only if the person began in this browser.
  expect(slack.callsTo('oauth.v2.access')).toHaveLength(calls + 1);
  expect(log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error' || level >= 50)).toEqual([]);
  expect(log.filter((line) => /"level":(40|"warn")/.test(line)).length).toBeGreaterThanOrEqual(6);
  const rotates = { status: 503, text: expect.stringContaining('a token that rotates') };
  // Slack says so of the token, or gives another one along that renews it.
  slack.expiresIn = 43_200;
  expect(await install(slack, TWO)).toMatchObject(rotates);
  slack.expiresIn = undefined;
  const renewed = { ...TWO, token: 'xoxe.xoxb-two', refreshToken: 'xoxe-renews' };
  expect(await install(slack, renewed)).toMatchObject(rotates);
  await postIn(slack, TWO);
  await until(() => log.some((line) => line.includes('has not installed the bot')));
  expect(answeredWith(slack)).toEqual([]);
});

test('when a workspace removes it, its token and settings are deleted; the others’, and who opted out, stay', async () => {
  const { slack, log } = await start();
  for (const installed of [ONE, TWO, ORGANISATION]) await install(slack, installed);
  slack.joined.add('C2');
  const say = async (workspace: FakeWorkspace, command: string, text: string, user: string, channel = 'C1') => {
    const before = slack.said(channel).length + slack.responses.length;
    slack.workspace = workspace;
    slack.command(command, text, user, channel);
    await until(() => slack.said(channel).length + slack.responses.length > before, `${command} ${text}`);
  };
  await say(ONE, '/emotions', 'channel:off', 'UADMIN');
  await say(ONE, '/privacy', 'opt-out', 'UANN');
  await say(TWO, '/emotions', 'channel:asked', 'UADMIN', 'C2');
  // The event arrives late, after the app was installed again: the token works, so nothing is deleted.
  slack.workspace = ONE;
  slack.event({ type: 'app_uninstalled' });
  slack.event({ type: 'tokens_revoked', tokens: { oauth: ['U5'], bot: [] } });
  await until(() => slack.callsTo('auth.test').length >= 7, 'the token is tried');
  await aWhile();
  await postIn(slack, ONE);
  await aWhile();
  slack.installs.delete(`code-${ONE.token}`);
  slack.event({ type: 'tokens_revoked', tokens: { oauth: [], bot: ['UBOT'] } });
  slack.event({ type: 'app_uninstalled' });
  await until(() => log.some((line) => line.includes('the bot was uninstalled')));
  expect(answeredWith(slack)).toEqual([]);
  // Installed again, the channel is as any other; whoever opted out still has.
  await install(slack, ONE);
  await postIn(slack, ONE, { user: 'UANN' });
  await postIn(slack, ONE);
  await buttons(slack, 1);
  await postIn(slack, TWO, { channel: 'C2' });
  await postIn(slack, OF_ORGANISATION);
  await buttons(slack, 2);
  await aWhile();
  expect(answeredWith(slack)).toEqual(['xoxb-one', 'xoxb-org']);
});

test('an organisation takes one workspace out, whose settings go; then all of it', async () => {
  const { slack, log } = await start();
  await install(slack, ORGANISATION);
  slack.workspace = OF_ORGANISATION;
  slack.command('/emotions', 'channel:off', 'UADMIN');
  await until(() => slack.said().some(({ text }) => text.includes('I read no photos here')));
  await postIn(slack, OF_ORGANISATION);
  await aWhile();
  expect(answeredWith(slack)).toEqual([]);
  // As Slack's reference shows it, it does not say that the organisation has installed the app.
  slack.workspace = { ...OF_ORGANISATION, isOrganisations: false };
  slack.event({ type: 'team_access_revoked', team_ids: [OF_ORGANISATION.teamId] });
  await aWhile();
  await postIn(slack, OF_ORGANISATION);
  await buttons(slack, 1);
  slack.installs.clear();
  slack.event({ type: 'app_uninstalled' });
  await until(() => log.some((line) => line.includes('the bot was uninstalled')));
  await postIn(slack, OF_ORGANISATION);
  await until(() => log.some((line) => line.includes('has not installed the bot')));
});

test('a key that does not open what is kept ends the start with a sentence; behind a new one it opens it, and is needed no more', async () => {
  const { slack, bot, directory, store } = await start();
  await install(slack, ONE);
  await bot.stop();
  const before = readFileSync(store);
  const other = randomBytes(32).toString('hex');
  await expect(start({ slack, directory, keys: other })).rejects.toMatchObject({
    code: 'bad-config',
    message: expect.stringMatching(/^SLACK_STORE_KEY does not decrypt what is stored .* before it/),
  });
  expect(readFileSync(store)).toEqual(before);
  const both = await start({ slack, directory, keys: `${other}, ${KEY}` });
  await both.bot.stop();
  await start({ slack, directory, keys: other });
  await postIn(slack, ONE);
  await buttons(slack, 1);
  expect(answeredWith(slack)).toEqual(['xoxb-one']);
});

test('a photo that comes to a process without the new key, after another has begun to use it, is left for Slack to send again', async () => {
  const { slack, directory } = await start();
  const target = slack.httpTarget!;
  await install(slack, ONE);
  await start({ slack, directory, keys: `${randomBytes(32).toString('hex')}, ${KEY}` });
  const renewed = slack.httpTarget!;
  slack.httpTarget = target;
  const message = await postIn(slack, ONE);
  await delay(500);
  expect(slack.acks).toEqual([]);
  slack.httpTarget = renewed;
  slack.event({ type: 'message', ...message }, 'EvAgain', 1);
  await buttons(slack, 1);
  expect(answeredWith(slack)).toEqual(['xoxb-one']);
});

test('a workspace that Slack rate-limits does not delay the others', async () => {
  const { slack } = await start();
  await install(slack, ONE);
  await install(slack, TWO);
  const wait = { status: 429, headers: { 'retry-after': '2' }, body: { ok: false, error: 'ratelimited' } };
  slack.next.set(`files.getUploadURLExternal ${ONE.token}`, [wait]);
  await postIn(slack, ONE);
  await until(() => slack.callsTo('files.getUploadURLExternal').length === 1);
  await postIn(slack, TWO);
  await buttons(slack, 1);
  expect(answeredWith(slack)).toEqual(['xoxb-two']);
  await buttons(slack, 2);
  expect(answeredWith(slack)).toEqual(['xoxb-two', 'xoxb-one']);
});

test('while the store is held, commands from a workspace that was not heard from before are acknowledged, and told to try again', async () => {
  const { slack, store, log } = await start();
  await install(slack, ONE);
  slack.workspace = ONE;
  const letGo = holdDatabase(store);
  const from = performance.now();
  const message = slack.post({ text: 'hello' });
  const commands = [slack.command('/privacy', 'opt-out', 'U5', 'C1'), slack.shortcut('read_emotions', message)];
  await until(() => commands.every((id) => slack.acks.includes(id)), 'the acknowledgements', 10_000);
  expect(performance.now() - from).toBeLessThan(3000);
  await until(() => slack.responses.length === 2, 'the answers', 10_000);
  letGo();
  for (const { text } of slack.responses)
    expect(text).toBe('I cannot read what I have stored at the moment. Try again in a minute.');
  expect(log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test('while another program holds the store, commands are acknowledged, and who wants to opt out is told to try again', async () => {
  const { slack, store } = await start();
  await install(slack, ONE);
  await postIn(slack, ONE);
  await buttons(slack, 1);
  const letGo = holdDatabase(store);
  const from = performance.now();
  const commands = [slack.command('/privacy', 'opt-out', 'U5', 'C1'), slack.command('/emotions-help', '', 'U5', 'C1')];
  await until(() => commands.every((id) => slack.acks.includes(id)), 'the acknowledgements', 10_000);
  expect(performance.now() - from).toBeLessThan(3000);
  await until(() => slack.responses.length === 2, 'the answers', 10_000);
  letGo();
  expect(slack.responses.map(({ text }) => text).sort()).toEqual([
    'I could not save that. Try again in a minute.',
    expect.stringMatching(/^Post a photo/),
  ]);
});

test('a window that is sent while the store is held stays open, and counts when it is sent again', async () => {
  const { slack, store, log } = await start();
  await install(slack, ONE);
  slack.workspace = ONE;
  const letGo = holdDatabase(store);
  const view = correctionWindow({ channel: 'C1', answer: '1.1', letters: 'h' });
  const first = slack.submit(view, { 1: 'angry' }, 'U5');
  await until(() => log.some((line) => line.includes('did not succeed. No listeners')), 'the log', 10_000);
  letGo();
  const again = slack.submit(view, { 1: 'angry' }, 'U5');
  await until(() => slack.acks.includes(again), 'the acknowledgement', 10_000);
  expect(slack.acks).not.toContain(first);
  slack.users.set('UADMIN', { is_admin: true, team_id: ONE.teamId });
  slack.command('/emotions', 'stats', 'UADMIN');
  await until(() => JSON.stringify(slack.messages).includes('I said happy where they saw angry (1)'), 'the figures');
});

test('an event that comes while the installations are out of reach is left for Slack to send again', async () => {
  const { slack, store, log } = await start();
  await install(slack, ONE);
  const kept = readFileSync(store);
  rmSync(store);
  slack.workspace = ONE;
  const message = await postIn(slack, ONE);
  await until(() => log.some((line) => line.includes('emptied or replaced')));
  await aWhile();
  expect(slack.acks).toEqual([]);
  writeFileSync(store, kept);
  slack.event({ type: 'message', ...message }, 'EvAgain', 1);
  await buttons(slack, 1);
});

test('what a run of the bot leaves in several workspaces is answered by the next one, each with the token of its own', async () => {
  const stuck = stuckReader(0);
  const { slack, bot, directory } = await start({ readPhoto: stuck.readPhoto });
  await install(slack, TWO);
  await install(slack, ORGANISATION);
  await postIn(slack, TWO);
  await postIn(slack, OF_ORGANISATION, { user: 'U6' });
  await until(() => stuck.begun >= 1, 'a photo being read');
  await aWhile();
  await bot.stop();
  expect(answeredWith(slack)).toEqual([]);
  await start({ slack, directory });
  await buttons(slack, 2);
  await aWhile();
  expect(answeredWith(slack).sort()).toEqual(['xoxb-org', 'xoxb-two']);
});

test.skipIf(!HAS_REDIS)('bots that share a Redis agree at once on who has installed it', async () => {
  const redis = await startRedis();
  afterwards(() => redis.stop());
  const one = await start({ redisUrl: redis.url });
  const { slack } = one;
  const first = slack.httpTarget;
  const other = await start({ redisUrl: redis.url, slack });
  const second = slack.httpTarget;
  await install(slack, ONE);
  slack.httpTarget = first;
  await postIn(slack, ONE);
  await buttons(slack, 1);
  // Installed again, by the other one: the first takes the new token.
  slack.installs.clear();
  slack.httpTarget = second;
  await install(slack, { ...ONE, token: 'xoxb-new' });
  slack.httpTarget = first;
  await postIn(slack, ONE);
  await buttons(slack, 2);
  expect(answeredWith(slack)).toEqual(['xoxb-one', 'xoxb-new']);
  slack.installs.clear();
  slack.httpTarget = second;
  slack.event({ type: 'app_uninstalled' });
  await until(() => other.log.some((line) => line.includes('the bot was uninstalled')));
  slack.httpTarget = first;
  await postIn(slack, ONE);
  await until(() => one.log.some((line) => line.includes('has not installed the bot')));
});
