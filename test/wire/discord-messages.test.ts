import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AttachmentFlags } from 'discord.js';
import sharp from 'sharp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type FakeChannel, filePayload, messagePayload, snowflake, user } from '../fakes/discord/payloads.ts';
import type { FakeDiscord, FakeFile } from '../fakes/discord.ts';
import { fakeFace, fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { animation, plainFrame } from '../fixtures/animations.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { isWritten } from './left.ts';
import { aWhile, cleanUp, stateFolder } from './running-bot.ts';

afterEach(cleanUp);

/** A picture of noise, which JPEG compresses badly. */
async function noise(width: number, height: number): Promise<Buffer> {
  const channels = 3;
  const bytes = randomBytes(width * height * channels);
  return await sharp(bytes, { raw: { width, height, channels } }).png().toBuffer();
}

describe('a posted picture', () => {
  test('is answered with a reply: annotated picture with alt text, a line a person, notice, no pings', async () => {
    const { discord } = await startOnDiscord();
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48), 'party.png')] });
    const [answer] = await answers(discord, 1);
    expect(answer!.reference).toMatchObject({ message_id: post.id });
    expect(answer!.content).toBe(
      '**2 people**\n1. happy 93 %\n2. unsure: sad 40 % or neutral 35 %\n-# A guess from one picture: it reads the expression, not the feeling.',
    );
    expect(answer!.allowedMentions).toMatchObject({ parse: [], replied_user: false });
    expect(answer!.files).toMatchObject([
      { filename: 'party-emotions.jpg', description: expect.stringMatching(/2 people/) },
    ]);
    const picture = answer!.files[0]!.bytes!;
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 48 });
  });

  test('shows that the bot is writing until the answer is there', async () => {
    const { discord } = await startOnDiscord();
    discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    const [typing] = discord.callsTo('POST', /typing$/);
    const [sent] = discord.callsTo('POST', /messages$/);
    expect(typing!.at).toBeLessThanOrEqual(sent!.at);
  });

  test('is answered each for itself where a message has several, in their order, other files left alone', async () => {
    const { discord } = await startOnDiscord();
    const post = discord.post({
      files: [
        discord.file(await plainPicture(64, 48), 'one.png'),
        discord.file(Buffer.from('words'), 'notes.txt', { contentType: 'text/plain' }),
        discord.file(await plainPicture(80, 60), 'two.png'),
        discord.file(await plainPicture(96, 72), 'three.jpg', { contentType: null }),
      ],
    });
    const said = await answers(discord, 3);
    await aWhile();
    expect(discord.said()).toHaveLength(3);
    expect(said.map(({ files }) => files[0]!.filename)).toEqual([
      'one-emotions.jpg',
      'two-emotions.jpg',
      'three-emotions.jpg',
    ]);
    expect(said.every(({ reference }) => reference?.message_id === post.id)).toBe(true);
    const widths = said.map(async ({ files }) => (await sharp(files[0]!.bytes).metadata()).width);
    expect(await Promise.all(widths)).toEqual([64, 80, 96]);
  });

  test.each([
    ['IMG_1.JPG', 'application/octet-stream'],
    ['photo.png', 'APPLICATION/OCTET-STREAM'],
    ['photo.webp', 'binary/octet-stream'],
    ['photo', 'IMAGE/PNG'],
    ['photo', 'application/octet-stream'],
    ['photo.bin', null],
    ['SPOILER_photo', null],
  ])('named %s, of the type %s, is answered', async (name, contentType) => {
    const { discord } = await startOnDiscord();
    discord.post({ files: [discord.file(await plainPicture(64, 48), name, { contentType })] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('2 people');
    expect(answer!.files[0]!.filename).toMatch(/^(SPOILER_)?(IMG_1|photo)-emotions\.jpg$/);
  });

  test('is none by its name, its type or its bytes: nobody asked, so nothing is said, and no more than its start is loaded', async () => {
    const { discord } = await startOnDiscord({ environment: { PERSON_PHOTOS_PER_MINUTE: '1' } });
    const contentType = 'application/octet-stream';
    const save = discord.file(randomBytes(100_000), 'game.sav', { contentType });
    const gone = { ...discord.file(randomBytes(10), 'gone', { contentType }), url: `${discord.origin}/attachments/1` };
    const others = [
      save,
      gone,
      discord.file(Buffer.alloc(0), 'empty', { contentType }),
      discord.file(Buffer.from('words'), 'notes', { contentType: null }),
      discord.file(Buffer.from('words'), 'notes.png.txt', { contentType: 'text/plain; charset=utf-8' }),
    ];
    discord.post({ author: user('ann'), files: others });
    // A photo of the same message is answered: the file that is no picture has used up no turn.
    discord.post({ files: [...others, discord.file(await plainPicture(64, 48), 'photo', { contentType })] });
    const [answer] = await answers(discord, 1);
    expect(answer!.files[0]!.filename).toBe('photo-emotions.jpg');
    expect(discord.wholeFiles.map((path) => path.split('/').at(-1))).toEqual(['photo']);
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    // Whoever asks is told.
    discord.post({ content: `<@${discord.me.id}>`, mentions: [discord.me], files: [save] });
    const [, words] = await answers(discord, 2);
    expect(words!.content).toContain('That file is not a picture.');
    // Nor is it the latest picture.
    discord.command('emotions');
    const [, , latest] = await answers(discord, 3);
    expect(latest!.content).toContain('There is no picture here yet.');
  });

  test('that only its bytes tell of is answered later where they cannot be loaded for a moment', async () => {
    const { discord } = await startOnDiscord();
    let failures = 0;
    discord.between = async ({ path }, done) => {
      if (!path.startsWith('/attachments/') || failures === 3) return done();
      failures += 1;
      return { status: 503 };
    };
    discord.post({ files: [discord.file(await plainPicture(64, 48), 'photo', { contentType: null })] });
    await until(() => failures === 3, 'the failures');
    await answers(discord, 1);
  });

  test('of a kind that cannot be read is told so, whatever it is called', async () => {
    const { discord } = await startOnDiscord();
    const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
    discord.post({ files: [discord.file(drawing, 'drawing', { contentType: null })] });
    await answers(discord, 1);
  });

  test('of the bot itself, another bot or a webhook is never answered', async () => {
    const { discord } = await startOnDiscord();
    const files = [discord.file(await plainPicture(64, 48))];
    discord.post({ files, author: discord.me });
    discord.post({ files, author: user('other', { bot: true }) });
    discord.post({ files, webhookId: '77' });
    await aWhile();
    expect(discord.callsTo('POST', /messages$|typing$/)).toEqual([]);
    // The bot's own answer comes back to it as a message with a picture.
    discord.post({ files });
    await until(() => discord.callsTo('POST', /messages$/).length > 0, 'the answer');
    await aWhile();
    expect(discord.callsTo('POST', /messages$/)).toHaveLength(1);
  });

  test('that is a spoiler is answered by a spoiler', async () => {
    const { discord } = await startOnDiscord();
    const byName = discord.file(await plainPicture(64, 48), 'SPOILER_end.png');
    const byFlag = discord.file(await plainPicture(64, 48), 'twist.png', { flags: AttachmentFlags.IsSpoiler });
    discord.post({ files: [byName, byFlag] });
    const said = await answers(discord, 2);
    expect(said.map(({ files }) => files[0]!.filename)).toEqual([
      'SPOILER_end-emotions.jpg',
      'SPOILER_twist-emotions.jpg',
    ]);
    expect(said[0]!.content).not.toContain('SPOILER');
  });

  test('that moves is answered with a moving GIF', async () => {
    const asked: unknown[] = [];
    const moving = await animation(await Promise.all([60, 160].map((gray) => plainFrame(64, 48, gray))), 'gif');
    const { discord } = await startOnDiscord({
      readPhoto: async (_bytes, _signal, _hold, kind) => {
        asked.push(kind);
        const face = { ...fakeFace('happy', 0.9), course: ['happy', 'surprise'] as const };
        const picture = { bytes: moving, mime: 'image/gif', altText: 'Moving picture with 1 face' };
        return { faces: [face], frames: { read: 2, of: 2 }, picture };
      },
    });
    discord.post({ files: [discord.file(moving, 'wave.gif')] });
    const [answer] = await answers(discord, 1);
    expect(asked).toEqual(['gif']);
    expect(answer!.content.split('\n').slice(0, 2)).toEqual(['**1 person (2 frames)**', '1. happy, then surprise']);
    expect(answer!.files[0]!.filename).toBe('wave-emotions.gif');
    expect((await sharp(answer!.files[0]!.bytes).metadata()).pages).toBe(2);
  });

  describe('of a crowd', () => {
    const faces = Array.from({ length: 150 }, (_, k) => fakeFace(k < 80 ? 'surprise' : 'sad', 0.5));

    test('names 20 people, and everybody in a text file beside the picture', async () => {
      const readPhoto = async (bytes: Uint8Array) => ({
        faces,
        picture: { bytes, mime: 'image/png', altText: 'a crowd' },
      });
      const { discord } = await startOnDiscord({ readPhoto });
      discord.post({ files: [discord.file(await plainPicture(64, 48), 'SPOILER_fans.png')] });
      const [answer] = await answers(discord, 1);
      expect(answer!.content.split('\n')[0]).toBe('**150 faces: 80 surprise, 70 sad**');
      expect(answer!.content.match(/^\d+\. surprise 50 %$/gm)).toHaveLength(20);
      expect(answer!.content).toContain('And 130 more: everybody is in the list below.');
      expect(answer!.content.length).toBeLessThanOrEqual(2000);
      expect(answer!.files.map(({ filename }) => filename)).toEqual([
        'SPOILER_fans-emotions.png',
        'SPOILER_fans-emotions.txt',
      ]);
      const list = answer!.files[1]!.bytes!.toString().split('\n');
      expect(list[0]).toBe('150 faces: 80 surprise, 70 sad');
      expect(list.slice(1, 151).map((line) => line.split(' ')[1])).toEqual(faces.map(({ emotion }) => emotion));
    });

    test('names everybody in further messages where no picture goes out', async () => {
      const { discord } = await startOnDiscord({ readPhoto: async () => ({ faces }) });
      discord.post({ files: [discord.file(await plainPicture(64, 48))] });
      const said = await answers(discord, 2);
      const lines = said.flatMap(({ content }) => content.split('\n'));
      expect(lines.filter((line) => /^\d+\. /.test(line))).toHaveLength(150);
    });
  });

  test('that cannot be read is answered with a sentence', async () => {
    const { discord } = await startOnDiscord();
    discord.post({ files: [discord.file(Buffer.from('<svg/>'), 'fake.png')] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toBe('That file is not a picture. Post a photo.');
  });

  test('has its name shown as it is written: no mention, no markup, no address', async () => {
    const { discord } = await startOnDiscord();
    const files = [
      discord.file(await plainPicture(64, 48), 'a.png'),
      discord.file(await plainPicture(64, 48), 'b.png'),
    ].map((file, k) => ({ ...file, filename: k === 0 ? '<@1>_**x**.png' : 'b.png' }));
    discord.post({ files });
    const [first] = await answers(discord, 2);
    expect(first!.content.split('\n')[0]).toBe('**\\<@1\\>\\_\\*\\*x\\*\\*.png: 2 people**');
    expect(first!.files[0]!.filename).toMatch(/^[\w.-]+$/);
  });
});

describe('the size of what goes out', () => {
  test('a picture larger than the server takes is made smaller, and still shows the same', async () => {
    const picture = await noise(600, 400);
    const { discord } = await startOnDiscord({
      before: (fake) => {
        fake.uploadLimit = 30_000;
      },
      readPhoto: async () => ({
        faces: [fakeFace('happy', 0.9)],
        picture: { bytes: picture, mime: 'image/png', altText: 'noise' },
      }),
    });
    expect(picture.length).toBeGreaterThan(100_000);
    discord.command('emotions', { files: { image: discord.file(picture) } });
    const [answer] = await answers(discord, 1);
    const [file] = answer!.files;
    expect(file!.filename).toBe('photo-emotions.jpg');
    expect(file!.bytes!.length).toBeLessThanOrEqual(30_000);
    const { width, height } = await sharp(file!.bytes).metadata();
    expect(width! / height!).toBeCloseTo(1.5, 1);
  });

  test('a limit that only shows when Discord refuses (413) is kept to as well', async () => {
    const picture = await noise(400, 300);
    const { discord } = await startOnDiscord({
      before: (fake) => {
        fake.uploadLimit = 50_000;
      },
      readPhoto: async () => ({
        faces: [fakeFace('happy', 0.9)],
        picture: { bytes: picture, mime: 'image/png', altText: 'noise' },
      }),
    });
    expect(picture.length).toBeGreaterThan(300_000);
    discord.post({ files: [discord.file(picture)] });
    const [answer] = await answers(discord, 1);
    expect(answer!.files[0]!.bytes!.length).toBeLessThanOrEqual(50_000);
    expect(await sharp(answer!.files[0]!.bytes).metadata()).toMatchObject({ format: 'jpeg' });
    expect(discord.callsTo('POST', /messages$/).length).toBeGreaterThan(1);
  });
});

describe('places', () => {
  test('threads and forum posts are answered where they are', async () => {
    const { discord } = await startOnDiscord();
    const thread = discord.openThread(discord.general);
    const post = discord.openThread(discord.addChannel('forum', { type: 15 }));
    const files = [discord.file(await plainPicture(64, 48))];
    discord.post({ channel: thread, files });
    // The first message of a forum post has the post's own id.
    discord.post({ id: post.id, channel: post, files });
    const [inThread] = await answers(discord, 1, thread);
    const [inPost] = await answers(discord, 1, post);
    expect(inThread!.files).toHaveLength(1);
    expect(inPost!.reference).toMatchObject({ message_id: post.id });
    expect(discord.said(discord.general)).toEqual([]);
  });

  test('in a thread on a picture somebody asks about that one, and in a forum post of many messages about its first', async () => {
    let forum: FakeChannel | undefined;
    const { discord } = await startOnDiscord({ before: (fake) => (forum = fake.addChannel('forum', { type: 15 })) });
    const mention = { content: `<@${discord.me.id}>`, mentions: [discord.me] };
    const files = [discord.file(await plainPicture(64, 48))];
    const photo = discord.post({ files });
    await answers(discord, 1);
    const thread = discord.openThread(discord.general, photo);
    discord.post({ ...mention, channel: thread });
    const [inThread] = await answers(discord, 1, thread);
    expect(inThread!.files).toHaveLength(1);
    const post = discord.openThread(forum!);
    discord.post({ id: post.id, channel: post, files });
    for (let k = 0; k < 100; k++) discord.post({ channel: post, content: 'nice' });
    discord.post({ ...mention, channel: post });
    const inPost = await answers(discord, 2, post);
    expect(inPost.map((answer) => answer.files.length)).toEqual([1, 1]);
    const other = discord.openThread(discord.general);
    discord.post({ ...mention, channel: other });
    expect((await answers(discord, 1, other))[0]!.content).toBe(
      'There is no picture here yet. Post one, and I answer it.',
    );
  });

  test('a direct message is answered, one without a picture too', async () => {
    const { discord } = await startOnDiscord();
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    discord.post({ channel, author: ann, files: [discord.file(await plainPicture(64, 48))] });
    const [answer] = await answers(discord, 1, channel);
    expect(answer!.files).toHaveLength(1);
    discord.post({ channel, author: ann, content: 'hello' });
    const [, words] = await answers(discord, 2, channel);
    expect(words!.content).toContain('There is no picture in this message.');
  });

  test('a message without pictures is left alone, unless the bot is spoken to by its name', async () => {
    const { discord } = await startOnDiscord();
    discord.post({ content: 'good morning' });
    // A reply to one of its messages mentions it without naming it.
    discord.post({ content: 'thanks!', mentions: [discord.me] });
    await aWhile();
    expect(discord.said()).toEqual([]);
    discord.post({ content: `<@${discord.me.id}> what now?`, mentions: [discord.me] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('There is no picture in this message.');
  });
});

test('a reply that names the bot asks for the pictures of the message that it replies to', async () => {
  const { discord } = await startOnDiscord();
  // Another bot's picture, which is not answered by itself.
  const photo = discord.post({
    author: user('other', { bot: true }),
    files: [discord.file(await plainPicture(64, 48), 'album.png')],
  });
  const ask = discord.post({ content: `<@${discord.me.id}>`, mentions: [discord.me], repliesTo: photo });
  const [answer] = await answers(discord, 1);
  expect(answer!.reference).toMatchObject({ message_id: ask.id });
  expect(answer!.files[0]!.filename).toBe('album-emotions.jpg');
  // The bot's own pictures are not read again: they do not say whose photo it was.
  discord.post({ content: `<@${discord.me.id}>`, mentions: [discord.me], repliesTo: answer! });
  await answers(discord, 2);
  discord.menu(answer!);
  const [, ...words] = await answers(discord, 3);
  for (const { content } of words) expect(content).toContain('There is no picture in this message.');
  discord.remove(photo);
  await until(() => !discord.messages.has(answer!.id), 'the removal');
});

describe('a mention', () => {
  test('with a command’s name asks for that, with or without its slash', async () => {
    const { discord } = await startOnDiscord();
    const ask = discord.post({ content: `<@${discord.me.id}> help`, mentions: [discord.me] });
    const [help] = await answers(discord, 1);
    expect(help!.content).toContain('/emotions');
    expect(help!.reference).toMatchObject({ message_id: ask.id });
    discord.post({ content: `<@!${discord.me.id}> /Privacy`, mentions: [discord.me] });
    const [, privacy] = await answers(discord, 2);
    expect(privacy!.content).toContain('What I keep');
    discord.post({ content: `<@${discord.me.id}>, Help!`, mentions: [discord.me] });
    const [, , called] = await answers(discord, 3);
    expect(called!.content).toBe(help!.content);
    // The role of the same name that Discord made for the bot: no mention of the bot comes with it.
    discord.post({ content: `<@&${discord.guild.botRole}> help` });
    const [, , , asRole] = await answers(discord, 4);
    expect(asRole!.content).toBe(help!.content);
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    discord.post({ channel, author: ann, content: 'help emotions' });
    const [direct] = await answers(discord, 1, channel);
    expect(direct!.content).toContain('/emotions');
  });

  test('with nothing else reads the latest picture; with a file that is none it says so', async () => {
    const { discord } = await startOnDiscord();
    const name = { content: `<@${discord.me.id}>`, mentions: [discord.me] };
    const unread = discord.post({ files: [discord.file(await plainPicture(64, 48), 'party.png')] });
    await answers(discord, 1);
    discord.post(name);
    const [, answer] = await answers(discord, 2);
    expect(answer!.files[0]!.filename).toBe('party-emotions.jpg');
    discord.post({ ...name, files: [discord.file(Buffer.from('x'), 'a.txt', { contentType: 'text/plain' })] });
    const [, , words] = await answers(discord, 3);
    expect(words!.content).toContain('There is no picture in this message.');
    discord.remove(unread);
    await until(() => discord.said().length === 1, 'the removal');
  });

  test('by the role that Discord made for the bot asks for a photo where the channel is only answered when asked', async () => {
    const { discord } = await startOnDiscord();
    const file = async () => [discord.file(await plainPicture(64, 48), 'a.png')];
    discord.post({ content: `<@&${discord.guild.botRole}> emotions channel:asked`, permissions: ['ManageGuild'] });
    await answers(discord, 1);
    discord.post({ files: await file() });
    // Another role's name is not the bot's.
    discord.post({ content: '<@&4242>', files: await file() });
    discord.post({ content: `<@&${discord.guild.botRole}> who is this?`, files: await file() });
    const [, answer] = await answers(discord, 2);
    await aWhile();
    expect(discord.said()).toHaveLength(2);
    expect(answer!.files).toHaveLength(1);
  });
});

describe('an edit', () => {
  const twoFiles = async (discord: FakeDiscord) => [
    discord.file(await plainPicture(64, 48), 'a.png'),
    discord.file(await plainPicture(80, 60), 'b.png'),
  ];

  test('that takes one of two pictures out removes the answer to that one', async () => {
    const { discord } = await startOnDiscord();
    const files = await twoFiles(discord);
    const post = discord.post({ files });
    await answers(discord, 2);
    const changed = discord.edit(post, { content: 'two friends' });
    discord.edit(changed, { files: files.slice(1) });
    await until(() => discord.said().length === 1, 'the removal');
    await aWhile();
    expect(discord.said().map(({ files: [file] }) => file!.filename)).toEqual(['b-emotions.jpg']);
    discord.edit(changed, { files: [] });
    await until(() => discord.said().length === 0, 'the removal');
  });

  test('that takes out the one that is being read: only the other is answered', async () => {
    let goOn = () => {};
    const reads: AbortSignal[] = [];
    const { discord } = await startOnDiscord({
      readPhoto: async (bytes, signal) => {
        reads.push(signal);
        if (reads.length === 1) await new Promise<void>((done) => (goOn = done));
        return await fakePhotoReader()(bytes, signal);
      },
    });
    const files = await twoFiles(discord);
    const post = discord.post({ files });
    await until(() => reads.length === 1, 'the reading');
    discord.edit(post, { files: files.slice(1) });
    // Handled in order: once this is answered, the edit has been heard of.
    discord.command('help');
    await answers(discord, 1);
    goOn();
    const [, answer] = await answers(discord, 2);
    expect(answer!.files[0]!.filename).toBe('b-emotions.jpg');
    expect(discord.said()).toHaveLength(2);
  });

  test('that takes out all that is being read calls the work off', async () => {
    let signal: AbortSignal | undefined;
    const { discord } = await startOnDiscord({
      readPhoto: (_bytes, given) => {
        signal = given;
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)));
      },
    });
    const post = discord.post({ content: 'look', files: [discord.file(await plainPicture(64, 48))] });
    await until(() => signal, 'the work');
    discord.edit(post, { files: [] });
    await until(() => signal!.aborted, 'the end of the work');
    await aWhile();
    expect(discord.said()).toEqual([]);
  });

  test('that takes the pictures out removes answers that an earlier run of the bot gave', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const post = discord.post({ content: 'look', files: [discord.file(await plainPicture(64, 48))] });
    const other = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    const removed = discord.post({ content: 'against the rules', files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 3);
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.edit(other, { content: 'still there' });
    discord.edit(post, { files: [] });
    await until(() => discord.said().length === 2, 'the removal');
    // What Discord itself takes out is no edit.
    const { channel } = removed;
    const payload = { ...messagePayload({ ...removed, files: [] }), guild_id: channel.guildId, edited_timestamp: null };
    discord.gateway.dispatch('MESSAGE_UPDATE', payload);
    await until(() => discord.said().length === 1, 'the removal');
    expect(discord.said()[0]!.reference).toMatchObject({ message_id: other.id });
  });

  test('that takes out or hides one of several pictures removes the answer to it of an earlier run, and one of this run', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const [a, b] = await twoFiles(discord);
    const c = discord.file(await plainPicture(96, 72), 'c.png');
    const post = discord.post({ files: [a!, b!, c] });
    await answers(discord, 3);
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.menu(post);
    await answers(discord, 6);
    const names = () => discord.said().flatMap(({ files }) => files.map(({ filename }) => filename));
    const changed = discord.edit(post, { files: [b!, c] });
    await until(() => names().length === 4, 'the removal');
    discord.edit(changed, { files: [b!, { ...c, flags: AttachmentFlags.IsSpoiler }] });
    await until(() => names().length === 2, 'the removal');
    expect(names()).toEqual(['b-emotions.jpg', 'b-emotions.jpg']);
    discord.remove(changed);
    await until(() => discord.said().length === 0, 'the removal');
  });

  test('of which Discord tells no more than its files takes answers of an earlier run along; what it does not tell of stays', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const [a, b] = await twoFiles(discord);
    const post = discord.post({ files: [a!, b!] });
    const forward = discord.post({ forwards: post });
    await answers(discord, 4);
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    const { id, channel } = post;
    const where = { channel_id: channel.id, guild_id: channel.guildId };
    const { message_snapshots: _, ...told } = { message_snapshots: undefined, ...messagePayload(forward) };
    discord.gateway.dispatch('MESSAGE_UPDATE', { ...told, ...where, edited_timestamp: new Date().toISOString() });
    discord.gateway.dispatch('MESSAGE_UPDATE', { id, ...where, embeds: [] });
    discord.gateway.dispatch('MESSAGE_UPDATE', { id, ...where, attachments: [filePayload(b!)] });
    await until(() => discord.said().length === 3, 'the removal');
    await aWhile();
    const names = discord.said().map(({ files: [file] }) => file!.filename);
    expect(names.sort()).toEqual(['a-emotions.jpg', 'b-emotions.jpg', 'b-emotions.jpg']);
  });

  test('of which Discord tells nothing of its files, or not where it is, changes nothing and is no error', async () => {
    const { discord, log } = await startOnDiscord();
    const [a] = await twoFiles(discord);
    const post = discord.post({ files: [a!] });
    await answers(discord, 1);
    const { id, channel } = post;
    const where = { channel_id: channel.id, guild_id: channel.guildId };
    const old = snowflake(Date.now() - 60_000);
    const files = [filePayload(a!), { ...filePayload(a!), id: snowflake(Date.now() + 10_000) }];
    const empty = { attachments: null, message_snapshots: null, mentions: null };
    for (const message of [id, old]) {
      discord.gateway.dispatch('MESSAGE_UPDATE', { id: message, ...where, attachments: null });
      discord.gateway.dispatch('MESSAGE_UPDATE', { id: message, ...where, ...empty });
      discord.gateway.dispatch('MESSAGE_UPDATE', { id: message, attachments: files });
      discord.gateway.dispatch('MESSAGE_UPDATE', { id: message, attachments: files, channel_id: null });
      discord.gateway.dispatch('MESSAGE_UPDATE', { id: message });
    }
    discord.gateway.dispatch('MESSAGE_UPDATE', { id: old, attachments: [] });
    discord.command('help');
    await answers(discord, 2);
    await aWhile();
    expect(discord.said().map(({ files }) => files.length)).toEqual([1, 0]);
    const lines = log.map((line) => JSON.parse(line));
    expect(lines.filter(({ level }) => !['debug', 'info', 20, 30].includes(level))).toEqual([]);
  });

  test('that adds a picture has that one answered, once, by the next run too', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const [a, b] = await twoFiles(discord);
    const post = discord.post({ files: [a!] });
    await answers(discord, 1);
    const added = (file: FakeFile) => ({ ...file, id: snowflake(Date.now() + 10_000) });
    const changed = discord.edit(post, { files: [a!, added(b!)] });
    await answers(discord, 2);
    discord.edit(changed, { content: 'both' });
    // A picture that a bot adds to its own message is not answered, and not even loaded.
    const program = discord.post({ author: user('other', { bot: true }) });
    discord.edit(program, { files: [added(a!)] });
    await first.bot.stop();
    expect(discord.callsTo('GET', new RegExp(`/messages/${program.id}$`))).toEqual([]);
    // It checks whether the earlier process has answered messages from before its start.
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 20_000);
    await startOnDiscord({ discord });
    discord.edit(changed, { content: 'both of us' });
    discord.command('help');
    await answers(discord, 3);
    await aWhile();
    expect(discord.said().flatMap(({ files }) => files.map(({ filename }) => filename))).toEqual([
      'a-emotions.jpg',
      'b-emotions.jpg',
    ]);
  });

  test('that comes twenty minutes after one that added a picture does not have it answered again', async () => {
    const readPhoto = vi.fn(fakePhotoReader());
    const { discord } = await startOnDiscord({ readPhoto });
    const [a, b] = await twoFiles(discord);
    const post = discord.post({ files: [a!] });
    await answers(discord, 1);
    const changed = discord.edit(post, { files: [a!, { ...b!, id: snowflake(Date.now() + 10_000) }] });
    await answers(discord, 2);
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 20 * 60_000);
    discord.edit(changed, { content: 'both' });
    await until(
      () => discord.callsTo('GET', new RegExp(`/messages/${post.id}$`)).length > 1,
      'the edit being looked at',
    );
    await delay(500);
    // Not counted by the answers: the fake drops a second one for ever, Discord only for some minutes.
    expect(readPhoto).toHaveBeenCalledTimes(2);
  });

  test('that hides a picture as a spoiler removes the answer that shows it, those that are hidden stay', async () => {
    const { discord } = await startOnDiscord();
    const [open, other] = await twoFiles(discord);
    const hidden = discord.file(await plainPicture(96, 72), 'SPOILER_c.png');
    const post = discord.post({ files: [open!, other!, hidden] });
    await answers(discord, 3);
    const spoiler = (file: FakeFile) => ({ ...file, flags: AttachmentFlags.IsSpoiler });
    const changed = discord.edit(post, { files: [spoiler(open!), other!, hidden] });
    await until(() => discord.said().length === 2, 'the removal');
    await aWhile();
    const names = () => discord.said().flatMap(({ files }) => files.map(({ filename }) => filename));
    expect(names()).toEqual(['b-emotions.jpg', 'SPOILER_c-emotions.jpg']);
    // Asked for now, it is answered by a spoiler, which another edit leaves alone.
    discord.menu(changed);
    await answers(discord, 5);
    discord.edit(changed, { content: 'careful' });
    discord.command('help');
    await answers(discord, 6);
    expect(names()).toEqual([
      'b-emotions.jpg',
      'SPOILER_c-emotions.jpg',
      'SPOILER_a-emotions.jpg',
      'b-emotions.jpg',
      'SPOILER_c-emotions.jpg',
    ]);
  });

  test('that hides a picture while it is being read: no answer shows it', async () => {
    let signal: AbortSignal | undefined;
    const { discord } = await startOnDiscord({
      readPhoto: (_bytes, given) => {
        signal = given;
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)));
      },
    });
    const file = discord.file(await plainPicture(64, 48));
    const post = discord.post({ files: [file] });
    await until(() => signal, 'the work');
    discord.edit(post, { files: [{ ...file, flags: AttachmentFlags.IsSpoiler }] });
    await until(() => signal!.aborted, 'the end of the work');
    expect(discord.said()).toEqual([]);
  });

  test('that hides all pictures removes what an earlier run of the bot shows of them', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const [file] = await twoFiles(discord);
    const hidden = discord.file(await plainPicture(96, 72), 'SPOILER_c.png');
    const post = discord.post({ files: [file!, hidden] });
    await answers(discord, 2);
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.edit(post, { files: [{ ...file!, flags: AttachmentFlags.IsSpoiler }, hidden] });
    await until(() => discord.said().length === 1, 'the removal');
    expect(discord.said()[0]!.files[0]!.filename).toBe('SPOILER_c-emotions.jpg');
  });

  test('that Discord reports without its files, since the intent is off, removes nothing', async () => {
    const { discord } = await startOnDiscord({
      before: (fake) => {
        fake.gateway.grantsContent = false;
      },
    });
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    const named = discord.post({
      content: `<@${discord.me.id}> look`,
      mentions: [discord.me],
      files: [discord.file(await plainPicture(64, 48))],
    });
    await answers(discord, 1);
    discord.menu(post);
    await answers(discord, 2);
    discord.edit(post, { content: 'hello' });
    discord.edit(named, { files: [] });
    await until(() => discord.said().length === 1, 'the removal');
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    discord.remove(post);
    await until(() => discord.said().length === 0, 'the removal');
  });
});

describe('removing', () => {
  test('the message removes every answer to it', async () => {
    const { discord } = await startOnDiscord();
    const files = [
      discord.file(await plainPicture(64, 48), 'a.png'),
      discord.file(await plainPicture(64, 48), 'b.png'),
    ];
    const post = discord.post({ files });
    const other = discord.post({ files: files.slice(0, 1) });
    await answers(discord, 3);
    discord.remove(post);
    await until(() => discord.said().length === 1, 'the removal');
    expect(discord.said()[0]!.reference).toMatchObject({ message_id: other.id });
  });

  test('many messages at once (a moderator’s purge) removes their answers', async () => {
    const { discord } = await startOnDiscord();
    const posts = [1, 2].map((k) => discord.post({ files: [discord.file(Buffer.from('x'), `${k}.png`)] }));
    await answers(discord, 2);
    discord.remove(...posts);
    await until(() => discord.said().length === 0, 'the removal');
  });

  test('the message calls off the work on it', async () => {
    let signal: AbortSignal | undefined;
    const { discord } = await startOnDiscord({
      readPhoto: (_bytes, given) => {
        signal = given;
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)));
      },
    });
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await until(() => signal, 'the work');
    discord.remove(post);
    await until(() => signal!.aborted, 'the end of the work');
    await aWhile();
    expect(discord.said()).toEqual([]);
  });

  test('the thread or channel calls off the work in it', async () => {
    const signals: AbortSignal[] = [];
    const { discord } = await startOnDiscord({
      readPhoto: (_bytes, given) => {
        signals.push(given);
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason)));
      },
    });
    const thread = discord.openThread(discord.general);
    discord.post({ channel: thread, files: [discord.file(await plainPicture(64, 48))] });
    discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await until(() => signals.length === 2, 'the work');
    const where = { id: thread.id, guild_id: thread.guildId, parent_id: thread.parentId, type: thread.type };
    discord.gateway.dispatch('THREAD_DELETE', where);
    await until(() => signals[0]!.aborted, 'the end of the work');
    expect(signals[1]!.aborted).toBe(false);
    discord.gateway.dispatch('CHANNEL_DELETE', { id: discord.general.id, guild_id: discord.guild.id, type: 0 });
    await until(() => signals[1]!.aborted, 'the end of the work');
  });

  test('the message while its answer is being sent takes that back', async () => {
    const { discord } = await startOnDiscord();
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    // Discord has taken the answer, but the bot has not heard of it yet.
    await until(() => discord.callsTo('POST', /messages$/).length > 0, 'the answer');
    discord.remove(post);
    await until(() => discord.callsTo('DELETE', /messages/).length > 0, 'the removal');
    await until(() => discord.said().length === 0, 'the removal');
  });

  test('a message that went without the bot hearing of it is answered by nobody', async () => {
    const { discord, log } = await startOnDiscord({ readPhoto: fakePhotoReader(200) });
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    discord.messages.delete(post.id);
    await until(() => discord.callsTo('POST', /messages$/).length > 0, 'the try');
    await aWhile();
    expect(discord.said()).toEqual([]);
    expect(log.join('')).not.toContain('"level":"error"');
  });

  test('the message removes answers of an earlier run of the bot', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.remove(post);
    await until(() => discord.said().length === 0, 'the removal');
  });

  test('the message that a thread was opened on removes the answers to it in there, also those of an earlier run', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const mention = { content: `<@${discord.me.id}>`, mentions: [discord.me] };
    const files = [discord.file(await plainPicture(64, 48))];
    const posts = [discord.post({ files }), discord.post({ files })];
    await answers(discord, 2);
    const threads = posts.map((post) => discord.openThread(discord.general, post));
    for (const channel of threads) discord.post({ ...mention, channel });
    for (const channel of threads) await answers(discord, 1, channel);
    discord.remove(posts[0]!);
    await until(() => discord.said().length === 2, 'the removal of both answers to the first');
    await first.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.remove(posts[1]!);
    await until(() => discord.said().length === 0, 'the removal of both answers to the second');
  });

  test('a message, or many of a long time, removes answers of an earlier run in a direct message and behind many others', async () => {
    const first = await startOnDiscord();
    const { discord } = first;
    const ann = user('ann');
    const channel = discord.directChannel(ann);
    const direct = discord.post({ channel, author: ann, files: [discord.file(await plainPicture(64, 48))] });
    const early = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1, channel);
    await answers(discord, 1);
    await first.bot.stop();
    for (let k = 0; k < 150; k++) {
      const id = snowflake();
      discord.messages.set(id, { ...early, id, files: [], content: String(k) });
    }
    const second = await startOnDiscord({ discord });
    const late = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 2);
    await second.bot.stop();
    await delay(5);
    await startOnDiscord({ discord });
    discord.remove(direct);
    discord.remove(early, late);
    await until(() => discord.said().length === 0, 'the removal of all of them');
  });
});

describe('the answer to a photo that its poster removes is removed also where Discord fails for a moment', () => {
  test('where this run gave it', async () => {
    const { discord } = await startOnDiscord();
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    discord.fail('DELETE', /messages/, { status: 503, body: {} }, 4);
    discord.remove(post);
    await until(() => discord.said().length === 0, 'the removal', 20_000);
  });

  test('where an earlier run gave it', async () => {
    const { discord, bot } = await startOnDiscord();
    const post = discord.post({ files: [discord.file(await plainPicture(64, 48))] });
    await answers(discord, 1);
    await bot.stop();
    await startOnDiscord({ discord });
    discord.fail('GET', /messages$/, { status: 503, body: {} }, 4);
    discord.remove(post);
    await until(() => discord.said().length === 0, 'the removal', 20_000);
  });
});

test('a photo that an edit adds is answered later where Discord does not give its message for a moment, and stands in the journal until then', async () => {
  const state = stateFolder();
  const { discord } = await startOnDiscord({ state });
  const photo = async () => discord.file(await plainPicture(64, 48));
  const post = discord.post({ files: [await photo()] });
  await answers(discord, 1);
  discord.fail('GET', new RegExp(`/messages/${post.id}$`), { status: 503, body: {} }, 8);
  const added = { ...(await photo()), id: snowflake(Date.now() + 10_000) };
  discord.edit(post, { files: [...post.files, added] });
  await until(
    () => discord.callsTo('GET', new RegExp(`/messages/${post.id}$`)).length > 0,
    'the message being asked for',
  );
  expect(isWritten(state, added.id)).toBe(true);
  await answers(discord, 2);
});
