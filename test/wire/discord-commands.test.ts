import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { snowflake, user } from '../fakes/discord/payloads.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { aWhile, cleanUp } from './running-bot.ts';

afterEach(cleanUp);

describe('/emotions', () => {
  test('reads the picture of its image option', async () => {
    const { discord } = await startOnDiscord();
    const image = discord.file(await plainPicture(64, 48), 'given.png');
    const command = discord.command('emotions', { files: { image } });
    const [answer] = await answers(discord, 1);
    expect(answer!.files).toMatchObject([{ filename: 'given-emotions.jpg', description: expect.stringMatching(/\w/) }]);
    expect(answer!.content).toContain('2 people');
    expect(answer!.allowedMentions).toMatchObject({ parse: [] });
    expect(await sharp(answer!.files[0]!.bytes).metadata()).toMatchObject({ width: 64, height: 48 });
    expect(command.originalId).toBe(answer!.id);
    expect(discord.isPrivate(answer!)).toBe(false);
  });

  test('without one reads the latest picture that a person posted in the channel', async () => {
    const { discord } = await startOnDiscord({ readPhoto: fakePhotoReader(50) });
    const elsewhere = discord.addChannel('elsewhere');
    const post = async (width: number, options: Parameters<typeof discord.post>[0] = {}) =>
      discord.post({ files: [discord.file(await plainPicture(width, 40))], ...options });
    await post(50);
    await post(60);
    await post(70, { author: user('other', { bot: true }) });
    await post(90, { channel: elsewhere });
    discord.post({ content: 'nice' });
    await answers(discord, 2);
    discord.command('emotions');
    const said = await answers(discord, 3);
    expect(await sharp(said[2]!.files[0]!.bytes).metadata()).toMatchObject({ width: 60 });
  });

  test('with nothing to read says so, to the one who asked only', async () => {
    const { discord } = await startOnDiscord();
    discord.command('emotions');
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('There is no picture here yet.');
    expect(discord.isPrivate(answer!)).toBe(true);
  });

  test('where the bot is not, but whoever asks has brought it along, reads what it is given and says that it sees nothing else', async () => {
    const { discord } = await startOnDiscord();
    const channel = discord.addChannel('elsewhere', { guildId: snowflake(), denied: ['ViewChannel'] });
    discord.command('emotions', { channel, files: { image: discord.file(await plainPicture(64, 48)) } });
    await answers(discord, 1, channel);
    discord.command('emotions', { channel });
    const [read, refusal] = await answers(discord, 2, channel);
    expect(read!.files).toHaveLength(1);
    expect(refusal!.content).toMatch(/^I may not look for pictures here\. .*option image/);
  });

  test('and its menu, delivered twice, are answered once', async () => {
    const { discord, log } = await startOnDiscord();
    const image = discord.file(await plainPicture(64, 48));
    discord.command('emotions', { files: { image } });
    discord.gateway.repeat('INTERACTION_CREATE');
    await answers(discord, 1);
    discord.menu(discord.post({ author: user('other', { bot: true }), files: [image] }));
    discord.gateway.repeat('INTERACTION_CREATE');
    await answers(discord, 2);
    await aWhile();
    expect(discord.said()).toHaveLength(2);
    // Each was answered once: Discord refused no second answer, as it would to another process.
    expect(discord.callsTo('POST', /callback/)).toHaveLength(2);
    expect(log.join('')).not.toContain('another process');
  });

  test('is put off within three seconds, however long the photo takes', async () => {
    const { discord } = await startOnDiscord({ readPhoto: fakePhotoReader(3500) });
    const image = discord.file(await plainPicture(64, 48));
    const command = discord.command('emotions', { files: { image } });
    await until(() => command.state === 'deferred', 'the deferral');
    expect(command.acknowledgedAfter).toBeLessThan(2000);
    const [answer] = await answers(discord, 1);
    expect(answer!.files).toHaveLength(1);
  });

  test('whose token has expired, as after 15 minutes, is answered with an ordinary message', async () => {
    const { discord } = await startOnDiscord({ readPhoto: fakePhotoReader(300) });
    const image = discord.file(await plainPicture(64, 48));
    const command = discord.command('emotions', { files: { image } });
    await until(() => command.state === 'deferred', 'the deferral');
    discord.expire(command);
    const [answer] = await answers(discord, 1);
    expect(discord.callsTo('POST', /^\/channels\/\d+\/messages$/)).toHaveLength(1);
    expect(answer!.files).toHaveLength(1);
    expect(answer!.content).toContain('2 people');
  });

  test('that reached the bot too late is answered with an ordinary message', async () => {
    const { discord } = await startOnDiscord();
    discord.fail('POST', /callback$/, { status: 404, body: { code: 10062, message: 'Unknown interaction' } });
    discord.command('emotions', { files: { image: discord.file(await plainPicture(64, 48)) } });
    const [answer] = await answers(discord, 1);
    expect(answer!.files).toHaveLength(1);
  });

  test('of a file that is no picture is refused, to the one who asked only, although it was put off in public', async () => {
    const { discord } = await startOnDiscord({ readPhoto: fakePhotoReader(50) });
    const command = discord.command('emotions', { files: { image: discord.file(Buffer.from('words'), 'words.txt') } });
    const [answer] = await answers(discord, 1);
    expect(command.acknowledgedAfter).toBeDefined();
    expect(answer!.content).toBe('That file is not a picture. Post a photo.');
    expect(discord.isPrivate(answer!)).toBe(true);
    // Nothing stays behind that says that the bot is thinking.
    expect(discord.callsTo('DELETE', /@original$/)).toHaveLength(1);
  });

  test('works in a direct message', async () => {
    const { discord } = await startOnDiscord();
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    discord.command('emotions', { channel, by: ann, files: { image: discord.file(await plainPicture(64, 48)) } });
    const [answer] = await answers(discord, 1, channel);
    expect(answer!.files).toHaveLength(1);
  });

  test('of a spoiler is answered by a spoiler', async () => {
    const { discord } = await startOnDiscord();
    const image = discord.file(await plainPicture(64, 48), 'SPOILER_x.png');
    discord.command('emotions', { files: { image } });
    const [answer] = await answers(discord, 1);
    expect(answer!.files[0]!.filename).toBe('SPOILER_x-emotions.jpg');
  });
});

describe('Read emotions in a message’s menu', () => {
  test('reads every picture of the message', async () => {
    const { discord } = await startOnDiscord({ readPhoto: fakePhotoReader(20) });
    const files = [
      discord.file(await plainPicture(64, 48), 'a.png'),
      discord.file(await plainPicture(80, 60), 'b.png'),
    ];
    // Nobody answers a bot's message by itself; a person may still ask for it.
    const target = discord.post({ author: user('other', { bot: true }), files });
    discord.menu(target);
    const said = await answers(discord, 2);
    const widths = said.map(async (answer) => (await sharp(answer.files[0]!.bytes).metadata()).width);
    expect(await Promise.all(widths)).toEqual([64, 80]);
  });

  test('on a message without a picture says so', async () => {
    const { discord } = await startOnDiscord();
    discord.menu(discord.post({ content: 'only words' }));
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('There is no picture in this message.');
    expect(discord.isPrivate(answer!)).toBe(true);
  });

  test('is cancelled, and its answer removed, when the message is deleted', async () => {
    const { discord } = await startOnDiscord();
    const target = discord.post({
      author: user('other', { bot: true }),
      files: [discord.file(await plainPicture(64, 48))],
    });
    discord.menu(target);
    await answers(discord, 1);
    discord.remove(target);
    await until(() => discord.said().length === 0, 'the removal');
  });
});

describe('the Remove button', () => {
  const withAnswer = async () => {
    const started = await startOnDiscord();
    const { discord } = started;
    const ann = user('ann');
    discord.post({ author: ann, files: [discord.file(await plainPicture(64, 48))] });
    const [answer] = await answers(discord, 1);
    return { ...started, ann, answer: answer! };
  };

  test('removes the reply for the person who posted', async () => {
    const { discord, ann, answer } = await withAnswer();
    discord.click(answer, { by: ann });
    await until(() => !discord.messages.has(answer.id), 'the removal');
  });

  test('removes it for those who may remove anybody’s messages, and for admins', async () => {
    for (const permission of ['ManageMessages', 'ManageGuild'] as const) {
      const { discord, answer } = await withAnswer();
      discord.click(answer, { by: user('mod'), permissions: [permission] });
      await until(() => !discord.messages.has(answer.id), 'the removal');
    }
  });

  test('refuses others, and tells only them', async () => {
    const { discord, answer } = await withAnswer();
    discord.click(answer, { by: user('eve') });
    const [, refusal] = await answers(discord, 2);
    expect(refusal!.content).toContain('can remove it');
    expect(discord.isPrivate(refusal!)).toBe(true);
    expect(discord.messages.has(answer.id)).toBe(true);
  });

  test('works after the bot was started again', async () => {
    const { discord, bot, ann, answer } = await withAnswer();
    await bot.stop();
    await startOnDiscord({ discord });
    discord.click(answer, { by: user('eve') });
    await answers(discord, 2);
    discord.click(answer, { by: ann });
    await until(() => !discord.messages.has(answer.id), 'the removal');
  });

  test('is under the answer to a command too, for the one who asked', async () => {
    const { discord } = await startOnDiscord();
    const ann = user('ann');
    discord.command('emotions', { by: ann, files: { image: discord.file(await plainPicture(64, 48)) } });
    const [answer] = await answers(discord, 1);
    discord.click(answer!, { by: ann });
    await until(() => !discord.messages.has(answer!.id), 'the removal');
  });

  test('removes it as well where the click reached the bot too late', async () => {
    const { discord, ann, answer } = await withAnswer();
    discord.fail('POST', /callback$/, { status: 404, body: { code: 10062, message: 'Unknown interaction' } });
    discord.click(answer, { by: ann });
    await until(() => !discord.messages.has(answer.id), 'the removal');
  });

  test('with anything else in its id does nothing', async () => {
    const { discord, answer, log } = await withAnswer();
    const forged = { ...answer, components: [{ type: 1, components: [{ custom_id: 'remove:everything' }] }] };
    discord.click(forged, { by: user('eve') });
    await aWhile();
    expect(discord.messages.has(answer.id)).toBe(true);
    expect(log.join('')).not.toContain('"level":"error"');
  });
});

describe('other commands', () => {
  test('/help answers at once, to the one who asked only', async () => {
    const { discord } = await startOnDiscord();
    const command = discord.command('help', { input: { command: 'emotions' } });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('/emotions');
    expect(discord.isPrivate(answer!)).toBe(true);
    expect(command.state).toBe('answered');
  });

  test('/privacy says what is kept, to the one who asked only', async () => {
    const { discord } = await startOnDiscord();
    discord.command('privacy');
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('What I keep');
    expect(answer!.content).toContain('opt-out');
    expect(discord.isPrivate(answer!)).toBe(true);
  });

  test('what only one person may see goes to them directly where the interaction has expired', async () => {
    const { discord } = await startOnDiscord();
    discord.fail('POST', /callback$/, { status: 404, body: { code: 10062, message: 'Unknown interaction' } });
    const ann = user('ann');
    discord.command('help', { by: ann });
    const [answer] = await answers(discord, 1, discord.directChannel(ann));
    expect(answer!.content).toContain('/emotions');
    expect(discord.said(discord.general)).toEqual([]);
  });

  test('one that is no longer registered is answered with a sentence', async () => {
    const { discord } = await startOnDiscord();
    discord.command('gone-command');
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('There is no command /gone-command.');
  });
});
