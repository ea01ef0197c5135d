import { afterEach, describe, expect, test } from 'vitest';
import { CommandRegistry } from '../../commands/registry.ts';
import type { Request } from '../../commands/request.ts';
import { createLogger } from '../../src/base/log.ts';
import { SlackPlatform } from '../../src/chat/slack/slack.ts';
import { loadConfig } from '../../src/config.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { fakeRules } from '../fakes/rules.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { until } from '../helpers/until.ts';
import { aWhile, cleanUp } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

describe('/emotions', () => {
  test('reads the latest picture of the channel, answers in its thread and tells the asker where', async () => {
    const { slack } = await startOnSlack();
    slack.messages.push({
      ts: '1600000000.000001',
      channel: slack.channel,
      user: 'U7',
      text: '',
      files: [slack.file(await plainPicture(64, 48), 'old.png')],
    });
    const envelope = slack.command('/emotions');
    await buttons(slack, 1);
    expect(slack.acks).toContain(envelope);
    expect(slack.answers()[0]).toMatchObject({ thread_ts: '1600000000.000001' });
    await until(() => slack.responses.some(({ text }) => text.includes('https://t.slack.com/archives/C1/p1600000000')));
  });

  test('finds a picture behind hundreds of messages without one', async () => {
    const { slack } = await startOnSlack();
    const from = { channel: slack.channel, user: 'U7', text: '', files: [] };
    slack.messages.push({ ...from, ts: '1600000000.000001', files: [slack.file(await plainPicture(64, 48))] });
    for (let k = 0; k < 450; k++) slack.messages.push({ ...from, ts: `1600000001.${String(k).padStart(6, '0')}` });
    slack.command('/emotions');
    await buttons(slack, 1);
    expect(slack.answers()[0]).toMatchObject({ thread_ts: '1600000000.000001' });
  });

  test('in a channel that the bot is not in says how to invite it', async () => {
    const { slack } = await startOnSlack();
    slack.command('/emotions', '', 'U5', 'C9');
    await until(() => slack.responses.length > 0);
    expect(slack.responses[0]).toMatchObject({
      response_type: 'ephemeral',
      text: expect.stringContaining('/invite @emotions'),
    });
  });

  test('with an expired response address reaches the asker in another way', async () => {
    const { slack } = await startOnSlack();
    slack.responseStatus = 404;
    slack.command('/emotions');
    await until(() => slack.ephemeral.length > 0);
    expect(slack.ephemeral[0]).toMatchObject({
      channel: 'C1',
      user: 'U5',
      text: expect.stringContaining('no picture'),
    });
  });

  test('that Slack sends twice is answered once', async () => {
    const { slack } = await startOnSlack();
    slack.command('/emotions', '', 'U5', 'C1', 'trigger1');
    slack.command('/emotions', '', 'U5', 'C1', 'trigger1');
    await until(() => slack.responses.length > 0);
    await aWhile();
    expect(slack.responses).toHaveLength(1);
  });

  test('channel settings are for admins', async () => {
    const { slack } = await startOnSlack();
    slack.command('/emotions', 'channel:off');
    await until(() => slack.responses.length === 1);
    expect(slack.responses[0]!.text).toContain('Only an admin');
    slack.command('/emotions', 'channel:off', 'UADMIN');
    await until(() => slack.responses.length + slack.said().length > 1);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await aWhile();
    expect(slack.answers()).toEqual([]);
  });
});

describe('other ways to ask', () => {
  test('Read emotions reads the pictures of the message it was chosen on', async () => {
    const { slack } = await startOnSlack();
    const files = [slack.file(await plainPicture(64, 48), 'a.png'), slack.file(await plainPicture(64, 48), 'b.png')];
    const message = { ts: '1600000000.000002', channel: 'C1', user: 'U7', text: '', files };
    slack.messages.push(message);
    slack.shortcut('read_emotions', message);
    const said = await buttons(slack, 2);
    expect(said.every(({ thread_ts }) => thread_ts === message.ts)).toBe(true);
  });

  test('Read emotions tells once where the answers are, and not at all where the bot may not write them', async () => {
    const { slack } = await startOnSlack();
    const files = await Promise.all(
      ['a.png', 'b.png', 'c.png'].map(async (name) => slack.file(await plainPicture(64, 48), name)),
    );
    const message = { ts: '1600000000.000002', channel: 'C1', user: 'U7', text: '', files };
    slack.messages.push(message);
    slack.shortcut('read_emotions', message);
    await buttons(slack, 3);
    await aWhile();
    const where = () => slack.responses.filter(({ text }) => text.includes('The answer is in')).length;
    expect(where()).toBe(1);
    slack.shortcut('read_emotions', { ...message, channel: 'C9' });
    await until(() => slack.responses.some(({ text }) => text.includes('I could not answer there')), 'the refusal');
    await aWhile();
    expect(where()).toBe(1);
    expect(slack.responses.filter(({ text }) => text.includes('I could not answer there'))).toHaveLength(1);
  });

  test('whoever asked may say whether an answer is right, and remove it, as its poster may', async () => {
    const { slack } = await startOnSlack();
    const files = [slack.file(await plainPicture(64, 48))];
    const message = { ts: '1600000000.000002', channel: 'C1', user: 'U7', text: '', files };
    slack.messages.push(message);
    slack.shortcut('read_emotions', message);
    const [answer] = await buttons(slack, 1);
    slack.press(answer!, 'U9');
    await until(() => slack.responses.some(({ text }) => text.includes('can remove it')), 'the refusal');
    slack.press(answer!, 'U6', 'answer_wrong');
    await until(() => slack.views.length === 1, 'the window');
    slack.press(answer!, 'U6');
    await until(() => slack.said().length === 0, 'the removal');
  });

  test('what somebody typed in a message is repeated as it was typed', async () => {
    const { slack } = await startOnSlack();
    slack.post({ text: `<@${slack.me}> emotions &lt;R&amp;D&gt;` });
    await until(() => slack.ephemeral.length === 1, 'the refusal');
    // The answer is escaped once, as Slack wants it.
    expect(slack.ephemeral[0]!.text).toContain('‘&lt;R&amp;D&gt;’');
  });

  test('Read emotions on a message without a picture says so', async () => {
    const { slack } = await startOnSlack();
    slack.shortcut('read_emotions', { ts: '1600000000.000003', channel: 'C1', user: 'U7', text: 'hi', files: [] });
    await until(() => slack.responses.length > 0);
    expect(slack.responses[0]!.text).toBe('There is no picture in this message. Post a photo, or type /emotions-help.');
  });

  test('/emotions-help and /privacy answer the asker alone', async () => {
    const { slack } = await startOnSlack();
    slack.command('/emotions-help');
    await until(() => slack.responses.some(({ text }) => text.includes('/emotions-help')));
    slack.command('/privacy', 'opt-out');
    await until(() => slack.responses.length === 2);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await aWhile();
    expect(slack.said()).toEqual([]);
  });

  test('what only the asker sees stands in the channel, and in a thread where that has replies: elsewhere Slack hides it', async () => {
    const { slack } = await startOnSlack();
    slack.post({ text: `<@${slack.me}> help` });
    await until(() => slack.ephemeral.length === 1, 'the help in the channel');
    const { ts } = slack.post({ text: 'who is here?' });
    slack.post({ text: `<@${slack.me}> help`, thread_ts: ts });
    await until(() => slack.ephemeral.length === 2, 'the help in the thread');
    expect(slack.ephemeral.map(({ thread_ts }) => thread_ts)).toEqual([undefined, ts]);
  });

  test('a mention in a picture’s thread reads that picture; a direct message needs no mention', async () => {
    const { slack } = await startOnSlack();
    slack.messages.push({
      ts: '1600000000.000004',
      channel: 'C1',
      user: 'U7',
      text: '',
      files: [slack.file(await plainPicture(64, 48))],
    });
    slack.post({ text: `<@${slack.me}>`, thread_ts: '1600000000.000004' });
    await buttons(slack, 1);
    slack.post({ text: 'help', channel: 'D1' });
    await until(() => slack.said('D1').length === 1);
    slack.post({ text: 'just talking' });
    await aWhile();
    expect(slack.said()).toHaveLength(1);
  });

  test('where Slack lets no earlier messages be looked at, the asker is told when to ask again; photos are still answered', async () => {
    const { slack } = await startOnSlack();
    slack.next.set('conversations.history', [{ status: 429, headers: { 'retry-after': '60' } }]);
    slack.command('/emotions');
    await until(() => slack.responses.length === 1);
    expect(slack.responses[0]!.text).toContain('Ask again in 60 seconds');
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
  });
});

describe('an operator’s command', () => {
  async function start(
    environment: Record<string, string> = {},
    answer?: (request: Request) => Promise<unknown>,
    grid: { readonly isGrid?: boolean; readonly isOrganisations?: boolean } = {},
  ) {
    const slack = Object.assign(await FakeSlack.start(), grid);
    const config = loadConfig({
      environment: { SLACK_BOT_TOKEN: slack.token, SLACK_APP_TOKEN: slack.appToken, ...environment },
      directory: import.meta.dirname,
      internal: { slackApi: `${slack.origin}/api/` },
    });
    const rights: boolean[] = [];
    const run = async () => {};
    const commands = new CommandRegistry([
      { name: 'train', description: 'Trains', options: [], access: 'operator', run },
    ]);
    const platform = new SlackPlatform({
      config,
      log: createLogger({ level: 'silent' }),
      settings: fakeRules().settings,
      photos: { readPhoto: fakePhotoReader(), queue: new FairQueue({ concurrency: 1, maxWaiting: 1 }), maxBytes: 1 },
      commands,
      dispatch: async (request) => {
        if (answer) await answer(request);
        else rights.push(await request.user[request.command?.input === 'channel' ? 'isAdmin' : 'isOperator']());
      },
    });
    await platform.start();
    const ask = async (user: string, channel = 'C1', about = '') => {
      const count = rights.length;
      slack.command('/train', about, user, channel);
      return await until(() => rights.length > count && { is: rights[count]! });
    };
    const end = async () => {
      await platform.stop(AbortSignal.timeout(2000));
      await slack.close();
    };
    return { slack, platform, ask, end };
  }

  test('is for the workspace’s admins, asked for each time, and never in a direct message', async () => {
    const { slack, ask, end } = await start();
    slack.users.set('USTRANGER', { is_admin: true, team_id: 'T2' });
    slack.users.set('UGUEST', { is_admin: true, is_stranger: true });
    slack.users.set('UGONE', { is_admin: true, deleted: true });
    expect(await ask('U5')).toEqual({ is: false });
    expect(await ask('UADMIN')).toEqual({ is: true });
    expect(await ask('UADMIN', 'D1')).toEqual({ is: false });
    for (const user of ['USTRANGER', 'UGUEST', 'UGONE']) expect(await ask(user), user).toEqual({ is: false });
    slack.users.set('UADMIN', { is_admin: false });
    expect(await ask('UADMIN')).toEqual({ is: false });
    await end();
  });

  test('is for admins of the workspace whose account is in another one of its organisation, and for that one’s own', async () => {
    const { slack, ask, end } = await start({}, undefined, { isGrid: true });
    const of = (enterprise_id: string, more = {}) => ({ enterprise_user: { enterprise_id, ...more } });
    const admin = { is_admin: true, team_id: 'T2' };
    slack.users.set('UOTHER', { ...admin, ...of('E1') });
    slack.users.set('UMEMBER', { ...admin, ...of('E1', { teams: ['T2', 'T1'] }) });
    slack.users.set('UOWNER', { is_owner: true, team_id: 'T2', enterprise_id: 'E1' });
    slack.users.set('UORG', { team_id: 'T2', ...of('E1', { teams: ['T2'], is_owner: true }) });
    for (const user of ['UADMIN', 'UOTHER', 'UMEMBER', 'UOWNER', 'UORG'])
      expect(await ask(user), user).toEqual({ is: true });
    slack.users.set('UNOADMIN', { ...of('E1'), team_id: 'T2' });
    slack.users.set('UABSENT', { ...admin, ...of('E1', { teams: ['T2'] }) });
    slack.users.set('UPARTNER', { ...admin, ...of('E2', { teams: ['T1'], is_admin: true }) });
    slack.users.set('USTRANGER', { ...admin, ...of('E1'), is_stranger: true });
    slack.users.set('UNONE', { ...admin });
    for (const user of ['UNOADMIN', 'UABSENT', 'UPARTNER', 'USTRANGER', 'UNONE'])
      expect(await ask(user), user).toEqual({ is: false });
    await end();
    const named = await start({ OPERATOR_TEAMS: 'E1' }, undefined, { isGrid: true });
    expect(await named.ask('UADMIN')).toEqual({ is: true });
    await named.end();
    const outside = await start({ OPERATOR_TEAMS: 'E1' });
    outside.slack.users.set('UOTHER', { ...admin, ...of('E1') });
    expect(await outside.ask('UOTHER')).toEqual({ is: false });
    await outside.end();
  });

  test('with a token of a whole organisation is for admins of that; channels are for those of the workspace they ask in', async () => {
    const enterprise_user = { enterprise_id: 'E1', teams: ['T1', 'T2'] };
    const rights = async (OPERATOR_TEAMS = '') => {
      const { slack, ask, end } = await start({ OPERATOR_TEAMS }, undefined, { isOrganisations: true });
      slack.workspace = { teamId: 'T1', enterpriseId: 'E1', isOrganisations: true };
      slack.users.set('UHERE', { team_id: 'T1', is_admin: true, enterprise_user });
      slack.users.set('UTHERE', { team_id: 'T2', is_admin: true, enterprise_user });
      slack.users.set('UORG', { team_id: 'T2', enterprise_user: { ...enterprise_user, is_admin: true } });
      slack.users.set('UPARTNER', { team_id: 'T9', is_admin: true, enterprise_user: { enterprise_id: 'E9' } });
      const operators: string[] = [];
      const admins: string[] = [];
      for (const user of ['UHERE', 'UTHERE', 'UORG', 'UPARTNER', 'U5']) {
        if ((await ask(user)).is) operators.push(user);
        if ((await ask(user, 'C1', 'channel')).is) admins.push(user);
      }
      await end();
      return { operators, admins };
    };
    const admins = ['UHERE', 'UORG'];
    expect(await rights()).toEqual({ operators: ['UORG'], admins });
    expect(await rights('T1')).toEqual({ operators: ['UHERE', 'UORG'], admins });
    expect(await rights('T2')).toEqual({ operators: [], admins });
    expect(await rights('E1')).toEqual({ operators: ['UHERE', 'UORG'], admins });
  });

  test('is for an operator’s workspace where those are named', async () => {
    const { ask, end } = await start({ OPERATOR_TEAMS: 'T9' });
    expect(await ask('UADMIN')).toEqual({ is: false });
    await end();
  });

  test('may be answered at any length: in pieces where one block takes no more', async () => {
    const { slack, end } = await start({}, async (request) => {
      await request.reply({ text: 'x'.repeat(7000), removable: true, about: request.attachments[0]! });
    });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [message] = await buttons(slack, 1);
    const pieces = message!.blocks!.flatMap(({ text }) => (text ? [text.text.length] : []));
    expect(pieces).toEqual([3000, 3000, 1000]);
    await end();
  });

  test('tells its asker once that an answer is coming', async () => {
    const { slack, end } = await start({}, async (request) => {
      await request.progress('waiting');
      await request.progress('reading');
      await request.reply({ text: 'done', private: true });
    });
    slack.command('/train');
    await until(() => slack.responses.some(({ text }) => text === 'done'));
    expect(slack.responses.map(({ text }) => text)).toEqual(['waiting', 'done']);
    await end();
  });

  test('can keep reporting its progress in the channel by its id', async () => {
    const { slack, platform, end } = await start();
    const channel = await platform.channel('C1');
    const posted = await channel!.post({ text: 'epoch 1' });
    expect(await posted.update({ text: 'epoch 2' })).toBe(true);
    expect(slack.said().map(({ text }) => text)).toEqual(['epoch 2']);
    await posted.remove();
    await posted.remove();
    expect(await posted.update({ text: 'epoch 3' })).toBe(false);
    expect(await platform.channel('C9')).toBeUndefined();
    slack.next.set('conversations.history', [{ status: 429, headers: { 'retry-after': '60' } }]);
    expect(await platform.channel('C1')).toMatchObject({ id: 'C1' });
    await end();
  });
});
