import { afterEach, expect, test } from 'vitest';
import { user } from '../fakes/discord/payloads.ts';
import { plainPicture } from '../fakes/photo.ts';
import { answers, aWhile, cleanUp, startOnDiscord } from './discord-bot.ts';

afterEach(cleanUp);

const ADMIN = { permissions: ['ManageGuild'] } as const;

test('/privacy says what is kept, to the one who asked only', async () => {
  const { discord } = await startOnDiscord();
  discord.command('privacy');
  const [answer] = await answers(discord, 1);
  expect(discord.isPrivate(answer!)).toBe(true);
  expect(answer!.content).toMatch(/opt-out/);
});

test('the photos of a person who opted out are not read, whoever asks, until they opt in again', async () => {
  const { discord } = await startOnDiscord();
  const ann = user('ann');
  const files = [discord.file(await plainPicture(64, 48))];
  discord.command('privacy', { by: ann, input: { choice: 'opt-out' } });
  await answers(discord, 1);
  const post = discord.post({ author: ann, files });
  await aWhile();
  expect(discord.said()).toHaveLength(1);
  discord.menu(post, { by: user('bob') });
  const [, refusal] = await answers(discord, 2);
  expect(refusal!.content).toContain('does not want me to read it');
  // The one who opted out is not the one who posts here.
  discord.post({ author: user('bob'), files });
  await answers(discord, 3);
  discord.command('privacy', { by: ann, input: { choice: 'opt-in' } });
  await answers(discord, 4);
  discord.post({ author: ann, files });
  const said = await answers(discord, 5);
  expect(said[4]!.files).toHaveLength(1);
});

test('an admin switches a channel off and its threads with it; nobody else can', async () => {
  const { discord } = await startOnDiscord();
  const files = [discord.file(await plainPicture(64, 48))];
  discord.command('emotions', { input: { channel: 'off' } });
  const [refusal] = await answers(discord, 1);
  expect(refusal!.content).toContain('Only an admin');
  discord.command('emotions', { ...ADMIN, input: { channel: 'off' } });
  await answers(discord, 2);
  const thread = discord.openThread(discord.general);
  discord.post({ files });
  discord.post({ channel: thread, files });
  await aWhile();
  expect(discord.said()).toHaveLength(2);
});

test('in a channel set to answers only when asked, naming the bot asks', async () => {
  const { discord } = await startOnDiscord();
  const files = [discord.file(await plainPicture(64, 48))];
  discord.command('emotions', { ...ADMIN, input: { channel: 'asked' } });
  await answers(discord, 1);
  discord.post({ files });
  await aWhile();
  expect(discord.said()).toHaveLength(1);
  discord.post({ files, content: `<@${discord.me.id}> please`, mentions: [discord.me] });
  const said = await answers(discord, 2);
  expect(said[1]!.files).toHaveLength(1);
});

test('more photos than a minute allows are not read, and the bot says when it reads the next', async () => {
  const { discord } = await startOnDiscord({ environment: { PERSON_PHOTOS_PER_MINUTE: '2' } });
  const ann = user('ann');
  const files = [discord.file(await plainPicture(64, 48))];
  for (let k = 0; k < 4; k++) discord.post({ author: ann, files });
  const said = await answers(discord, 3);
  await aWhile();
  expect(discord.said()).toHaveLength(3);
  expect(said.filter(({ files: pictures }) => pictures.length === 1)).toHaveLength(2);
  expect(said.map(({ content }) => content).join()).toContain('That is more photos than I read for one person');
});
