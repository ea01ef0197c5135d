import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { user } from '../fakes/discord/payloads.ts';
import type { FakeChannel, FakeDiscord } from '../fakes/discord.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { holdDatabase } from '../helpers/hold-database.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { aWhile, cleanUp } from './running-bot.ts';

afterEach(cleanUp);

const ADMIN = { permissions: ['ManageGuild'] } as const;

/** A bot, a spy on what it reads, and people who post. */
async function start(environment: Record<string, string> = {}) {
  const readPhoto = vi.fn(fakePhotoReader());
  let other!: FakeChannel;
  const before = (fake: FakeDiscord) => {
    other = fake.addChannel('other');
  };
  const { discord, log } = await startOnDiscord({ readPhoto, environment, before });
  const post = async (options: Parameters<typeof discord.post>[0] = {}) =>
    discord.post({ files: [discord.file(await plainPicture(64, 48))], ...options });
  /** Everything said in a channel so far, once it is so much. */
  const said = async (count: number, channel = discord.general) =>
    (await answers(discord, count, channel)).map(({ content }) => content);
  return { discord, log, other, readPhoto, post, said };
}

describe('a person who opted out', () => {
  test('is not read when they post, nor when others ask; after opting in again they are', async () => {
    const { discord, log, readPhoto, post, said } = await start();
    const [shy, ann] = [user('shy'), user('ann')];
    discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
    expect((await said(1))[0]).toMatch(/^Done/);
    expect(discord.isPrivate(discord.said()[0]!)).toBe(true);

    const posted = await post({ author: shy });
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    discord.command('emotions', { by: ann });
    discord.menu(posted, { by: ann });
    const refusals = (await said(3)).slice(1);
    expect(refusals).toEqual([expect.stringMatching(/^Whoever posted/), expect.stringMatching(/^Whoever posted/)]);
    expect(discord.said().every((message) => discord.isPrivate(message))).toBe(true);
    const image = discord.file(await plainPicture(64, 48));
    discord.command('emotions', { by: shy, files: { image } });
    expect((await said(4))[3]).toMatch(/^You opted out/);
    expect(readPhoto).not.toHaveBeenCalled();
    // Nobody's id stands in the log beside what they decided.
    expect(log.join('')).not.toContain(shy.id);

    discord.command('privacy', { by: shy, input: { choice: 'opt-in' } });
    await said(5);
    await post({ author: shy });
    expect((await said(6))[5]).toContain('2 people');
  });

  test('is left alone in every server and channel, and nobody else is', async () => {
    const { discord, other, post, said, readPhoto } = await start();
    const shy = user('shy');
    discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
    await said(1);
    await post({ author: shy, channel: other });
    await post({ author: user('ann'), channel: other });
    await said(1, other);
    await aWhile();
    expect(discord.said(other)).toHaveLength(1);
    expect(readPhoto).toHaveBeenCalledOnce();
  });
});

describe('a forwarded photo, of which Discord hides who posted it,', () => {
  const forward = async (discord: FakeDiscord) => {
    const original = discord.post({
      author: user('ann'),
      channel: discord.addChannel('elsewhere'),
      files: [await file(discord)],
    });
    const ben = user('ben');
    return {
      ben,
      post: (content = '', mentions = [] as (typeof ben)[]) =>
        discord.post({ author: ben, forwards: original, content, mentions }),
    };
  };
  const file = async (discord: FakeDiscord) => discord.file(await plainPicture(64, 48), 'party.png');

  test('counts as that of whoever forwards it', async () => {
    const { discord } = await startOnDiscord();
    const { ben, post } = await forward(discord);
    post();
    const [answer] = await answers(discord, 1);
    expect(answer!.files[0]!.filename).toBe('party-emotions.jpg');
    discord.command('privacy', { by: ben, input: { choice: 'opt-out' } });
    await answers(discord, 2);
    const refused = post();
    discord.menu(refused);
    const [, , words] = await answers(discord, 3);
    expect(words!.content).toContain('does not want me to read it');
    expect(discord.said(discord.general)).toHaveLength(3);
  });

  test('is not read where the bot can see the original and its poster has opted out, also forwarded again; who asks is told', async () => {
    const { discord } = await startOnDiscord();
    const shy = user('shy');
    discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
    const hidden = discord.addChannel('hidden', { denied: ['ViewChannel'] });
    const [seen, unseen] = [discord.addChannel('seen'), hidden].map((channel) => ({ author: shy, channel }));
    const original = discord.post({ ...seen!, files: [await file(discord)] });
    const first = discord.post({ author: user('ann'), forwards: original });
    discord.menu(discord.post({ author: user('ben'), forwards: { ...first, files: original.files } }));
    const [, words] = await answers(discord, 2);
    expect(words!.content).toContain('Whoever posted that picture does not want me to read it');
    discord.post({ forwards: discord.post({ ...unseen!, files: [await file(discord)] }) });
    const [, , answer] = await answers(discord, 3);
    expect(answer!.files).toHaveLength(1);
    expect(discord.wholeFiles).toHaveLength(1);
  });

  test('or that a followed channel publishes, is not read where the bot can see the original and its poster has opted out', async () => {
    const { discord } = await startOnDiscord();
    const shy = user('shy');
    discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
    await answers(discord, 1);
    const files = [await file(discord)];
    const original = discord.post({ author: shy, channel: discord.addChannel('news'), files });
    const webhook = user('news', { bot: true });
    const published = discord.post({ author: webhook, webhookId: webhook.id, files, publishes: original });
    discord.menu(published);
    discord.menu(discord.post({ author: user('ann'), forwards: published }));
    const [, ...words] = await answers(discord, 3);
    for (const { content } of words)
      expect(content).toContain('Whoever posted that picture does not want me to read it');
    expect(discord.wholeFiles).toEqual([]);
  });

  test('that is an answer of the bot is passed over, also forwarded again; who asks is told that there is no picture', async () => {
    const { discord, other: elsewhere } = await start();
    discord.post({ channel: elsewhere, files: [await file(discord)] });
    const [answer] = await answers(discord, 1, elsewhere);
    const forward = discord.post({ author: user('ben'), forwards: answer! });
    discord.post({ forwards: { ...forward, files: answer!.files } });
    await aWhile();
    expect(discord.said(discord.general)).toEqual([]);
    discord.menu(forward);
    expect((await answers(discord, 1)).at(-1)!.content).toMatch(/^There is no picture in this message/);
    discord.command('emotions');
    expect((await answers(discord, 2)).at(-1)!.content).toMatch(/^There is no picture here yet/);
    expect(discord.wholeFiles).toHaveLength(1);
  });

  test('is not read where the operator refuses those; who asks is told why', async () => {
    const { discord } = await startOnDiscord({ environment: { FORWARDED_PHOTOS: 'refuse' } });
    const { post } = await forward(discord);
    const posted = post();
    discord.menu(posted);
    const [words] = await answers(discord, 1);
    expect(words!.content).toContain('That photo is forwarded or published');
    discord.command('emotions');
    const [, latest] = await answers(discord, 2);
    expect(latest!.content).toContain('That photo is forwarded');
    expect(discord.wholeFiles).toEqual([]);
    // What people post themselves is read, also beside what they forward.
    discord.post({ files: [await file(discord)], forwards: posted.forwards! });
    const [, , answer] = await answers(discord, 3);
    expect(answer!.files).toHaveLength(1);
    await aWhile();
    expect(discord.said(discord.general)).toHaveLength(3);
    expect(discord.wholeFiles).toHaveLength(1);
    // What a followed channel publishes hides who posted it too.
    const files = [await file(discord)];
    const original = discord.post({ author: user('shy'), channel: discord.addChannel('news'), files });
    const webhook = user('news', { bot: true });
    discord.menu(discord.post({ author: webhook, webhookId: webhook.id, files, publishes: original }));
    const [, , , refused] = await answers(discord, 4);
    expect(refused!.content).toContain('That photo is forwarded or published');
  });
});

describe('/emotions channel', () => {
  test('is refused to who is not an admin, and nothing changes', async () => {
    const { discord, post, said } = await start();
    discord.command('emotions', { input: { channel: 'off' }, permissions: ['ManageMessages'] });
    expect((await said(1))[0]).toContain('Only an admin');
    expect(discord.isPrivate(discord.said()[0]!)).toBe(true);
    await post();
    expect((await said(2))[1]).toContain('2 people');
  });

  test('is refused in a direct message, where nobody is an admin', async () => {
    const { discord, said } = await start();
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    discord.command('emotions', { by: ann, channel, input: { channel: 'off' }, ...ADMIN });
    expect((await said(1, channel))[0]).toContain('Only an admin');
  });

  test('off: nothing that is posted is read there or in its threads, elsewhere everything is', async () => {
    const { discord, other, post, said, readPhoto } = await start();
    discord.command('emotions', { input: { channel: 'off' }, ...ADMIN });
    expect((await said(1))[0]).toMatch(/^From now on I read no photos here/);
    expect(discord.isPrivate(discord.said()[0]!)).toBe(false);
    await post();
    await post({ channel: discord.openThread(discord.general) });
    discord.command('emotions');
    expect((await said(2))[1]).toMatch(/^An admin has switched me off/);
    expect(readPhoto).not.toHaveBeenCalled();
    await post({ channel: other });
    expect((await said(1, other))[0]).toContain('2 people');
    discord.command('emotions', { input: { channel: 'on' }, ...ADMIN });
    await said(3);
    await post();
    expect((await said(4))[3]).toContain('2 people');
  });

  test('asked: what is posted is not read, what somebody asks for is', async () => {
    const { discord, post, said } = await start();
    discord.command('emotions', { input: { channel: 'asked' }, ...ADMIN });
    await said(1);
    const posted = await post();
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    await post({ mentions: [discord.me], content: `<@${discord.me.id}>` });
    await said(2);
    discord.command('emotions');
    await said(3);
    discord.menu(posted);
    expect((await said(4)).slice(1).every((text) => text.includes('2 people'))).toBe(true);
  });
});

test('too many photos of one person get one sentence, and those of others are answered', async () => {
  const { discord, post, said, readPhoto } = await start({ PERSON_PHOTOS_PER_MINUTE: '2' });
  const [eager, ann] = [user('eager'), user('ann')];
  for (let k = 0; k < 6; k++) await post({ author: eager });
  await until(() => discord.said().length === 3, 'two answers and a sentence');
  await post({ author: ann });
  await said(4);
  await aWhile();
  const texts = await said(4);
  expect(texts).toHaveLength(4);
  expect(texts.filter((text) => text.includes('2 people'))).toHaveLength(3);
  expect(texts.filter((text) => /I can read the next one in \d+ seconds/.test(text))).toHaveLength(1);
  expect(readPhoto).toHaveBeenCalledTimes(3);
});

test('while another program holds the settings, commands are acknowledged and told to try again', async () => {
  const { discord, config } = await startOnDiscord();
  discord.command('privacy', { input: { choice: 'opt-out' } });
  await answers(discord, 1);
  const letGo = holdDatabase(join(config.stateDirectory, 'settings.db'));
  const picture = discord.file(await plainPicture(64, 48));
  const commands = [
    discord.command('privacy', { input: { choice: 'opt-out' } }),
    discord.command('emotions', { files: { image: picture } }),
    discord.command('help'),
  ];
  const said = await answers(discord, 4);
  letGo();
  expect(commands.map(({ acknowledgedAfter = 1e6 }) => acknowledgedAfter < 3000)).toEqual([true, true, true]);
  expect(said.filter(({ content }) => content.includes('Try again in a minute'))).toHaveLength(2);
});

test('a bot that is started again remembers who opted out, and shuts what an earlier one left open', async () => {
  const shy = user('shy');
  const first = await startOnDiscord();
  const environment = { STATE_DIR: first.config.stateDirectory };
  first.discord.command('privacy', { by: shy, input: { choice: 'opt-out' } });
  await answers(first.discord, 1);
  await first.bot.stop();
  const file = join(first.config.stateDirectory, 'settings.db');
  await chmod(file, 0o644);
  const readPhoto = vi.fn(fakePhotoReader());
  const { discord, log } = await startOnDiscord({ discord: first.discord, readPhoto, environment });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(log.join('')).toContain('open to other users of this machine: I closed it');
  for (const author of [shy, user('ann')]) {
    discord.post({ author, files: [discord.file(await plainPicture(64, 48))] });
  }
  await answers(discord, 2);
  await aWhile();
  expect(discord.said()).toHaveLength(2);
  expect(readPhoto).toHaveBeenCalledOnce();
});
