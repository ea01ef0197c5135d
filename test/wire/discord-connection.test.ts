import { afterEach, describe, expect, test } from 'vitest';
import { type FakeChannel, type Permission, user } from '../fakes/discord/payloads.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { fakeFace, fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { until } from '../helpers/until.ts';
import { answers, type BotOptions, startOnDiscord } from './discord-bot.ts';
import { aWhile, cleanUp } from './running-bot.ts';

afterEach(cleanUp);

const MESSAGE_CONTENT = 1 << 15;
const photo = async () => await plainPicture(64, 48);

/** Discord takes the intent away; the bot connects again, and answers who names it. */
async function answersOnceTheIntentIsGone(discord: FakeDiscord): Promise<void> {
  discord.gateway.grantsContent = false;
  discord.gateway.drop(4014);
  await until(() => discord.gateway.identifies.length === 2, 'the new connection');
  await until(() => discord.gateway.connections === 1, 'the new connection');
  await aWhile();
  discord.post({ files: [discord.file(await photo())], content: `<@${discord.me.id}>`, mentions: [discord.me] });
  await answers(discord, 1);
}

describe('starting', () => {
  test('asks for what it needs and says where it is', async () => {
    const { discord, bot } = await startOnDiscord();
    expect(bot.addresses).toEqual(['On Discord as emotion-bot, in 1 server']);
    expect(discord.gateway.identifies).toHaveLength(1);
    expect(discord.gateway.identifies[0]!.intents & MESSAGE_CONTENT).toBe(MESSAGE_CONTENT);
  });

  test('in no server yet it says how to invite it', async () => {
    const { discord, bot } = await startOnDiscord({ before: (fake) => fake.leaveAll() });
    expect(bot.addresses[0]).toContain('in 0 servers; invite me: https://discord.com/oauth2/authorize?');
    expect(bot.addresses[0]).toContain(`client_id=${discord.me.id}`);
  });

  test('with a token that Discord does not take ends with a sentence, without the token', async () => {
    const environment = { DISCORD_TOKEN: 'MTAwMA.wrong.token' };
    const failed = startOnDiscord({ environment });
    await expect(failed).rejects.toMatchObject({ code: 'bad-config' });
    await expect(failed).rejects.toThrow(/^DISCORD_TOKEN is not accepted by Discord/);
    await expect(failed).rejects.not.toThrow(/wrong/);
  });

  test('with what is no token at all ends with a sentence, though Discord cannot be reached', async () => {
    const gone = await FakeDiscord.start();
    await gone.close();
    const failed = startOnDiscord({ discord: gone, environment: { DISCORD_TOKEN: 'qzv' } });
    await expect(failed).rejects.toMatchObject({ code: 'bad-config', message: expect.stringContaining('three parts') });
    await expect(failed).rejects.not.toThrow(/qzv/);
  });

  test('where Discord cannot be reached the page stands in for it, and a sentence says why', async () => {
    const gone = await FakeDiscord.start();
    await gone.close();
    const { bot } = await startOnDiscord({ discord: gone, environment: { LOCAL_PORT: '0' } });
    expect(bot.addresses).toEqual([expect.stringContaining('http://127.0.0.1:')]);
    expect(bot.troubles).toEqual([
      'Discord cannot be reached (ECONNREFUSED). Is this machine online? I try again until it can.',
    ]);
  });

  test('the token is in no line of the log', async () => {
    const { discord, log } = await startOnDiscord({ readPhoto: () => Promise.reject(new Error('a bug')) });
    discord.fail('POST', /typing$/, { status: 500, body: {} }, 10);
    discord.post({ files: [discord.file(await photo())] });
    discord.command('emotions', { files: { image: discord.file(await photo()) } });
    await answers(discord, 2);
    expect(log.join('')).toContain('a bug');
    expect(log.join('')).not.toContain(discord.token);
    for (const { token } of discord.interactions.values()) expect(log.join('')).not.toContain(token);
  });
});

describe('without the MessageContent intent', () => {
  const start = () =>
    startOnDiscord({
      before: (discord) => {
        discord.gateway.grantsContent = false;
      },
    });

  test('it connects again without asking for it and says so', async () => {
    const { discord, bot, log } = await start();
    expect(discord.gateway.identifies.map(({ intents }) => intents & MESSAGE_CONTENT)).toEqual([MESSAGE_CONTENT, 0]);
    expect(bot.addresses[0]).toContain('without the Message Content Intent');
    expect(log.join('')).toContain('MessageContent intent is off');
  });

  test('mentions, direct messages, slash and menu are answered, other photos not', async () => {
    const { discord } = await start();
    const files = [discord.file(await photo())];
    const ann = user('ann');
    const unseen = discord.post({ author: ann, files });
    await aWhile();
    expect(discord.said()).toEqual([]);
    discord.post({ files, content: `<@${discord.me.id}>`, mentions: [discord.me] });
    await answers(discord, 1);
    discord.command('emotions', { files: { image: files[0]! } });
    await answers(discord, 2);
    discord.menu(unseen);
    const inServer = await answers(discord, 3);
    discord.post({ channel: discord.directChannel(ann), author: ann, files });
    const direct = await answers(discord, 1, discord.directChannel(ann));
    for (const answer of [...inServer, ...direct]) expect(answer.files).toHaveLength(1);
  });

  test('/emotions without a picture says how to give one', async () => {
    const { discord } = await start();
    discord.post({ files: [discord.file(await photo())] });
    discord.command('emotions');
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('I may not look for pictures here.');
  });

  test('an intent that is taken away while the bot runs ends nothing', async () => {
    const { discord } = await startOnDiscord();
    await answersOnceTheIntentIsGone(discord);
  });
});

test('an intent that is taken away while Discord cannot be reached for a moment ends nothing', async () => {
  const { discord } = await startOnDiscord();
  discord.fail('GET', /gateway\/bot$/, { status: 503, body: {} }, 4);
  await answersOnceTheIntentIsGone(discord);
});

describe('a connection that breaks', () => {
  test('is resumed: a photo posted while it was down is answered, once', async () => {
    const { discord } = await startOnDiscord();
    discord.gateway.askToReconnect();
    await until(() => discord.gateway.connections === 0, 'the break');
    discord.post({ files: [discord.file(await photo())] });
    await until(() => discord.gateway.resumes.length === 1, 'the resumption');
    await answers(discord, 1);
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    expect(discord.gateway.identifies).toHaveLength(1);
  });

  test('is opened again where Discord has ended the session', async () => {
    const { discord } = await startOnDiscord();
    // 4007: the numbers of the events do not fit, so the session cannot be resumed.
    discord.gateway.drop(4007);
    await until(() => discord.gateway.identifies.length === 2, 'the new session');
    await until(() => discord.gateway.connections === 1, 'the new session');
    await aWhile();
    discord.post({ files: [discord.file(await photo())] });
    await answers(discord, 1);
  });
});

test('a token that is taken back while the bot runs is said in the log', async () => {
  const { discord, log } = await startOnDiscord();
  discord.gateway.drop(4004);
  await until(() => log.some((line) => line.includes('is the token still valid?')), 'the line in the log');
  expect(discord.gateway.identifies).toHaveLength(1);
});

test('a second process with the same token says nothing twice: photos, commands, Remove, words in a direct message', async () => {
  let hidden: FakeChannel | undefined;
  const { discord, log } = await startOnDiscord({
    before: (fake) => {
      hidden = fake.addChannel('hidden', { denied: ['SendMessages'] });
    },
  });
  const second = await startOnDiscord({ discord });
  const ann = user('ann');
  const files = [discord.file(await photo(), 'a.png'), discord.file(await photo(), 'b.png')];
  discord.post({ author: ann, files });
  discord.post({ author: ann, content: `<@${discord.me.id}> help`, mentions: [discord.me] });
  discord.post({ author: ann, files, channel: hidden! });
  discord.command('help');
  discord.command('emotions', { files: { image: files[0]! } });
  // Twice a picture, once an answer in words and once a direct message, of each of the two; one answer a command.
  await until(
    () => discord.callsTo('POST', /^\/channels\/.*messages$/).length >= 2 * (2 + 1 + 2 + 1),
    'both processes',
  );
  await until(() => discord.callsTo('POST', /callback/).length >= 4, 'both processes');
  await answers(discord, 5);
  await aWhile();
  expect(discord.said(discord.general)).toHaveLength(5);
  expect(discord.said(discord.directChannel(ann))).toHaveLength(1);
  const lines = [...log, ...second.log];
  expect(lines.filter((line) => line.includes('another process answers commands with the same token'))).toHaveLength(2);
  const removable = discord
    .said(discord.general)
    .find(({ components, reference }) => reference && components.length > 0);
  discord.click(removable!, { by: ann });
  await until(() => discord.callsTo('POST', /callback/).length >= 6, 'both processes');
  await aWhile();
  expect(discord.said(discord.general)).toHaveLength(4);
  expect(lines.filter((line) => /"level":"(error|50)"/.test(line))).toEqual([]);
});

describe('a REST interface in trouble', () => {
  test('429 is honoured: the answer comes after the time that Discord named', async () => {
    const { discord } = await startOnDiscord();
    const headers = { 'retry-after': '1', 'x-ratelimit-scope': 'user' };
    const body = { message: 'You are being rate limited.', retry_after: 1, global: false };
    discord.fail('POST', /^\/channels\/\d+\/messages$/, { status: 429, body, headers });
    discord.post({ files: [discord.file(await photo())] });
    await answers(discord, 1);
    const [first, second] = discord.callsTo('POST', /messages$/);
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(1000);
    expect(discord.callsTo('POST', /messages$/)).toHaveLength(2);
  });

  test('server errors are tried again, and never post twice', async () => {
    const { discord } = await startOnDiscord();
    discord.fail('POST', /^\/channels\/\d+\/messages$/, { status: 502, body: {} }, 2);
    discord.post({ files: [discord.file(await photo())] });
    await answers(discord, 1);
    const calls = discord.callsTo('POST', /messages$/);
    expect(calls).toHaveLength(3);
    // Had Discord taken the first one, it would have dropped the others for this.
    expect(new Set(calls.map(({ json }) => json.nonce)).size).toBe(1);
    expect(calls.every(({ json }) => json.enforce_nonce)).toBe(true);
  });

  test('server errors without an end are given up for a while, and the bot goes on', async () => {
    const { discord, log } = await startOnDiscord();
    discord.fail('POST', /^\/channels\/\d+\/messages$/, { status: 503, body: {} }, 4);
    const first = discord.post({ files: [discord.file(await photo())] });
    await until(
      () => log.some((line) => line.includes('a request cannot be answered at the moment')),
      'the end of trying',
    );
    // Four tries for the answer; that it failed is not said.
    expect(discord.callsTo('POST', /messages$/)).toHaveLength(4);
    const second = discord.post({ files: [discord.file(await photo())] });
    const [one, other] = await answers(discord, 2);
    expect([one, other].map((answer) => answer?.reference?.message_id)).toEqual([second.id, first.id]);
    expect(other?.files).toHaveLength(1);
  });
});

describe('files from elsewhere', () => {
  test('are not loaded: another host, this machine, the cloud’s own address, another scheme', async () => {
    const { discord } = await startOnDiscord();
    const secret = discord.file(await photo(), 'secret.png');
    const addresses = [
      'https://example.com/photo.png',
      'http://169.254.169.254/latest/meta-data',
      secret.url.replace('127.0.0.1', 'localhost'),
      'file:///etc/hostname',
      'https://cdn.discordapp.com@127.0.0.1/photo.png',
      'https://cdn.discordapp.com.example.com/photo.png',
    ];
    for (const [k, url] of addresses.entries()) {
      discord.post({ files: [{ ...secret, id: `${k + 1}`, url }] });
    }
    const said = await answers(discord, addresses.length);
    for (const answer of said) expect(answer.content).toContain('That picture is on another server.');
  });

  test('are not loaded through a redirect of the file host either', async () => {
    const { discord } = await startOnDiscord();
    const file = discord.file(await photo());
    discord.redirect(file, 'http://localhost:1/admin');
    discord.post({ files: [file] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('That picture is on another server.');
    expect(answer!.files).toEqual([]);
  });

  test('that say they are too large are not loaded at all', async () => {
    const { discord } = await startOnDiscord({ environment: { MAX_PHOTO_MB: '1' } });
    discord.post({ files: [{ ...discord.file(await photo()), size: 2_000_000 }] });
    const [answer] = await answers(discord, 1);
    expect(answer!.content).toContain('larger than 1 MB');
  });
});

describe('a permission that is missing', () => {
  const startWithout = async (permission: Permission, options: BotOptions = {}) => {
    let channel!: FakeChannel;
    const started = await startOnDiscord({
      ...options,
      before: (fake) => {
        channel = fake.addChannel('closed', { denied: [permission] });
      },
    });
    return { ...started, channel };
  };

  test('to attach files: the words come, and why there is no picture', async () => {
    const { discord, channel } = await startWithout('AttachFiles');
    discord.post({ channel, files: [discord.file(await photo())] });
    const [answer] = await answers(discord, 1, channel);
    expect(answer!.files).toEqual([]);
    expect(answer!.content).toContain('happy 93 %');
    expect(answer!.content).toContain('I lack the permission ‘Attach Files’.');
  });

  test('to attach files: the answer to a crowd is one message, which its button removes', async () => {
    const faces = Array.from({ length: 150 }, () => fakeFace('happy', 0.9));
    const { discord, channel } = await startWithout('AttachFiles', {
      readPhoto: async (bytes) => ({ faces, picture: { bytes, mime: 'image/png', altText: 'a crowd' } }),
    });
    const ann = user('ann');
    discord.post({ channel, author: ann, files: [discord.file(await photo())] });
    const [answer] = await answers(discord, 1, channel);
    await aWhile();
    expect(answer!.content).toContain('20. happy 90 %\nAnd 130 more.\n');
    expect(answer!.content).toContain('I lack the permission ‘Attach Files’.');
    discord.click(answer!, { by: ann });
    await until(() => discord.said(channel).length === 0, 'the removal');
  });

  test('to write: a direct message says so, once', async () => {
    const { discord, channel } = await startWithout('SendMessages');
    const ann = user('ann');
    for (let k = 0; k < 3; k++) discord.post({ channel, author: ann, files: [discord.file(await photo())] });
    const [words] = await answers(discord, 1, discord.directChannel(ann));
    await aWhile();
    expect(words!.content).toContain('I cannot answer your picture in #closed: I lack the permission ‘Send Messages’.');
    expect(discord.said(discord.directChannel(ann))).toHaveLength(1);
    expect(discord.said(channel)).toEqual([]);
  });

  test.each([160005, 50083])('to write in a locked thread (%i): a direct message says so', async (code) => {
    const { discord, log } = await startOnDiscord();
    const ann = user('ann');
    const locked = { status: 403, body: { code, message: 'Thread is locked' } };
    discord.fail('POST', /messages$/, locked);
    const thread = discord.openThread(discord.general);
    discord.post({ channel: thread, author: ann, files: [discord.file(await photo())] });
    const [words] = await answers(discord, 1, discord.directChannel(ann));
    expect(words!.content).toBe('I cannot answer your picture in #thread: the thread is locked.');
    // A command is not even acknowledged there.
    const bob = user('bob');
    discord.fail('POST', /callback$/, locked);
    discord.fail('POST', new RegExp(`${thread.id}/messages$`), locked);
    discord.command('emotions', { channel: thread, by: bob, files: { image: discord.file(await photo()) } });
    const [said] = await answers(discord, 1, discord.directChannel(bob));
    expect(said!.content).toBe(words!.content);
    expect(log.join('')).not.toContain('"level":"error"');
  });

  test.each([
    [50007, 'takes no direct messages either'],
    [50278, 'has left the server'],
  ])('to write, where the person (%i) %s: it stands in the log alone', async (code) => {
    const { discord, channel, log } = await startWithout('SendMessages');
    const ann = user('ann');
    if (code === 50007) discord.closeDirectChannel(ann);
    const direct = new RegExp(`${discord.directChannel(ann).id}/messages$`);
    if (code === 50278) discord.fail('POST', direct, { status: 403, body: { code, message: 'Cannot send' } });
    discord.post({ channel, author: ann, files: [discord.file(await photo())] });
    await until(() => log.some((line) => line.includes('accepts no direct messages')), 'the line in the log');
    expect(log.join('')).not.toContain('"level":"error"');
  });

  test('to read what was posted: the answer comes without its reference, and /emotions says what it lacks', async () => {
    const { discord, channel } = await startWithout('ReadMessageHistory');
    discord.post({ channel, files: [discord.file(await photo())] });
    const [answer] = await answers(discord, 1, channel);
    expect(answer!.reference).toBeUndefined();
    expect(answer!.files).toHaveLength(1);
    discord.command('emotions', { channel });
    const [, words] = await answers(discord, 2, channel);
    expect(words!.content).toContain('I lack the permission ‘Read Message History’.');
  });
});

describe('stopping', () => {
  test('finishes what runs, takes nothing new, then leaves', async () => {
    const { discord, bot } = await startOnDiscord({ readPhoto: fakePhotoReader(500) });
    discord.post({ files: [discord.file(await photo())] });
    await until(() => discord.callsTo('POST', /typing$/).length > 0, 'the work');
    const stopped = bot.stop();
    discord.post({ files: [discord.file(await photo())] });
    discord.command('emotions', { files: { image: discord.file(await photo()) } });
    await stopped;
    const pictures = discord.said().filter(({ files }) => files.length > 0);
    expect(pictures).toHaveLength(1);
    const refusal = discord.said().find(({ files }) => files.length === 0);
    expect(refusal!.content).toContain('I am about to restart.');
    expect(discord.isPrivate(refusal!)).toBe(true);
    expect(discord.gateway.connections).toBe(0);
  });

  test('does what a click has asked for before it leaves', async () => {
    const { discord, bot } = await startOnDiscord();
    const author = user('ann');
    discord.post({ author, files: [discord.file(await photo())] });
    const [answer] = await answers(discord, 1);
    const body = { message: 'You are being rate limited.', retry_after: 0.4, global: false };
    discord.fail('DELETE', /@original$|messages/, { status: 429, body, headers: { 'retry-after': '0.4' } });
    discord.click(answer!, { by: author });
    await until(() => discord.callsTo('DELETE', /messages/).length > 0, 'the first try');
    await bot.stop();
    expect(discord.said()).toEqual([]);
  });

  test('answers those who speak to it with a direct message, and not those who only post a picture', async () => {
    const { discord, bot } = await startOnDiscord({ readPhoto: fakePhotoReader(500) });
    const [ann, ben, eve] = [user('ann'), user('ben'), user('eve')];
    discord.post({ author: eve, files: [discord.file(await photo())] });
    await until(() => discord.callsTo('POST', /typing$/).length > 0, 'the work');
    const stopped = bot.stop();
    discord.post({ author: ann, content: `<@${discord.me.id}> help`, mentions: [discord.me] });
    discord.post({ author: ben, channel: discord.directChannel(ben), content: 'help' });
    discord.post({ author: eve, files: [discord.file(await photo())] });
    await stopped;
    const told = [ann, ben, eve].map((person) => discord.said(discord.directChannel(person)).map((one) => one.content));
    const sentence = 'I am about to restart. Try again in a minute.';
    expect(told).toEqual([[sentence], [sentence], []]);
    expect(discord.said(discord.general)).toHaveLength(1);
  });

  test('gives up what does not end in time', async () => {
    let signal: AbortSignal | undefined;
    const { discord, bot } = await startOnDiscord({
      environment: { SHUTDOWN_SECONDS: '1' },
      readPhoto: (_bytes, given) => {
        signal = given;
        return new Promise(() => {});
      },
    });
    discord.post({ files: [discord.file(await photo())] });
    await until(() => signal, 'the work');
    await bot.stop();
    expect(signal!.aborted).toBe(true);
    expect(discord.said()).toEqual([]);
    expect(discord.gateway.connections).toBe(0);
  });
});
