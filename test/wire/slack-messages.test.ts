import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { fakeFace, fakePhotoReader, fakeUnsureFace, plainPicture } from '../fakes/photo.ts';
import type { FakeMessage } from '../fakes/slack.ts';
import { animation, plainFrame } from '../fixtures/animations.ts';
import { until } from '../helpers/until.ts';
import { aWhile, cleanUp } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

describe('a posted picture', () => {
  test('is answered among lists and files that an event has null in the place of, and where the bot’s name comes with its id', async () => {
    const { slack, log } = await startOnSlack();
    const photo = async () => slack.file(await plainPicture(64, 48));
    slack.post({ user: 'U6', files: [null, await photo()], attachments: null, text: null });
    await buttons(slack, 1);
    slack.post({ files: null, attachments: [null, { is_share: true, files: null }] });
    slack.post({ user: 'U7', text: `<@${slack.me}|emotions>`, files: null, attachments: null });
    // The latest picture, for the one who asked.
    await buttons(slack, 2);
    expect(log.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
  });

  test('is answered in its thread with the annotated picture, alt text and a line a person', async () => {
    const { slack } = await startOnSlack();
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48), 'party.png')] });
    const [button] = await buttons(slack, 1);
    const [answer] = slack.answers();
    expect(slack.said()).toEqual([button]);
    expect(answer).toMatchObject({
      thread_ts: post.ts,
      text: '2 people\n1. happy 93 %\n2. unsure: sad 40 % or neutral 35 %\nA guess from one picture: it reads the expression, not the feeling.',
    });
    const upload = slack.uploads.get(answer!.files[0]!.id)!;
    expect(upload).toMatchObject({
      filename: 'party-emotions.jpg',
      altText: 'A photo with 2 people: 1 happy, 2 unsure',
    });
    expect(await sharp(upload.bytes).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 48 });
  });

  test('is answered where a reply in a thread is sent to the channel as well', async () => {
    const { slack } = await startOnSlack();
    const { ts: first } = slack.post({ text: 'who is here?' });
    const files = [slack.file(await plainPicture(64, 48))];
    slack.post({ subtype: 'thread_broadcast', thread_ts: first, files });
    const [button] = await buttons(slack, 1);
    expect(button!.thread_ts).toBe(first);
  });

  test('is answered in two messages where Slack takes no blocks in an upload; the button removes both', async () => {
    const { slack } = await startOnSlack({ before: (fake) => (fake.refusesBlocks = true) });
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48), '<b>.png')] });
    const [button] = await buttons(slack, 1);
    expect(slack.said().map(({ text, thread_ts }) => [text.split('\n')[0], thread_ts])).toEqual([
      ['2 people', post.ts],
      ['Remove this answer', post.ts],
    ]);
    expect(slack.uploads.size).toBe(1);
    slack.press(button!, 'U5');
    await until(() => slack.said().length === 0);
    expect(slack.deletedFiles).toHaveLength(1);
  });

  test('is answered, and nothing is said before, where Slack’s host of files fails for a while', async () => {
    const { slack } = await startOnSlack();
    let failures = 0;
    slack.between = async (called, done) => {
      if (called === 'file' && failures < 3) {
        failures += 1;
        return { status: 503 };
      }
      return done();
    };
    slack.post({ files: [slack.file(await plainPicture(64, 48), 'party.jpg')] });
    await buttons(slack, 1);
    expect(failures).toBe(3);
    expect(slack.ephemeral).toEqual([]);
  });

  test('that moves is answered with a moving GIF', async () => {
    const asked: unknown[] = [];
    const moving = await animation(await Promise.all([60, 160].map((gray) => plainFrame(64, 48, gray))), 'gif');
    const { slack } = await startOnSlack({
      readPhoto: async (_bytes, _signal, _hold, kind) => {
        asked.push(kind);
        const face = { ...fakeFace('happy', 0.9), course: ['happy', 'surprise'] as const };
        const picture = { bytes: moving, mime: 'image/gif', altText: 'Moving picture with 1 face' };
        return { faces: [face], frames: { read: 24, of: 90 }, picture };
      },
    });
    slack.post({ files: [slack.file(moving, 'wave.gif', 'image/gif')] });
    await buttons(slack, 1);
    expect(asked).toEqual(['gif']);
    const [answer] = slack.answers();
    expect(answer!.text).toMatch(/^1 person \(24 of 90 frames\)\n1\. happy, then surprise\n/);
    const upload = slack.uploads.get(answer!.files[0]!.id)!;
    expect(upload.filename).toBe('wave-emotions.gif');
    expect((await sharp(upload.bytes).metadata()).pages).toBe(2);
  });

  test('of a crowd is answered with everybody, in blocks that end with a line', async () => {
    const faces = Array.from({ length: 150 }, () => fakeUnsureFace('surprise', 'disgust'));
    const readPhoto = async (bytes: Uint8Array) => ({
      faces,
      picture: { bytes, mime: 'image/png', altText: 'a crowd' },
    });
    const { slack } = await startOnSlack({ readPhoto });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    const blocks = slack.said()[0]!.blocks!.flatMap(({ text }) => (text ? [text.text] : []));
    expect(blocks.length).toBeGreaterThan(1);
    expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThanOrEqual(3000);
    const lines = blocks.join('\n').split('\n');
    expect(lines[0]).toBe('150 faces: 150 unsure');
    expect(lines.slice(1, 151)).toEqual(faces.map((_, k) => `${k + 1}. unsure: surprise 40 % or disgust 35 %`));
  });

  test('is acknowledged before it is read', async () => {
    let acked = false;
    const { slack } = await startOnSlack({
      readPhoto: async (bytes, signal) => {
        acked = slack.acks.length > 0;
        return await fakePhotoReader()(bytes, signal);
      },
    });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    expect(acked).toBe(true);
  });

  test('is answered each for itself where a message has several; other files are left alone', async () => {
    const { slack } = await startOnSlack();
    const files = [
      slack.file(await plainPicture(64, 48), 'one.png'),
      slack.file(Buffer.from('words'), 'notes.txt', 'text/plain'),
      slack.file(await plainPicture(80, 60), 'two.png'),
    ];
    slack.post({ files });
    await buttons(slack, 2);
    await aWhile();
    expect(slack.answers().map(({ text }) => text.split('\n')[0])).toEqual(['one.png: 2 people', 'two.png: 2 people']);
    expect(slack.fileRequests).toHaveLength(2);
  });

  test('of the bot itself, which comes back as an event, or of another bot is never answered', async () => {
    const { slack } = await startOnSlack({ before: ({ users }) => users.set('UOTHER', { is_bot: true }) });
    const files = [slack.file(await plainPicture(64, 48))];
    slack.post({ files, user: slack.me });
    slack.post({ files: [slack.file(await plainPicture(64, 48))], bot_id: 'B9' });
    slack.post({ files: [slack.file(await plainPicture(64, 48))], user: 'UOTHER' });
    slack.post({ files: [slack.file(await plainPicture(64, 48))], user: 'USLACKBOT' });
    await aWhile();
    expect([slack.callsTo('chat.postMessage'), slack.uploads.size, slack.fileRequests]).toEqual([[], 0, []]);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    await aWhile();
    expect(slack.callsTo('files.completeUploadExternal')).toHaveLength(1);
  });

  test('is answered once however often Slack delivers it', async () => {
    const { slack } = await startOnSlack();
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] }, 'EvSame');
    const event = { type: 'message', ...post };
    slack.event(event, 'EvSame', 1);
    await buttons(slack, 1);
    slack.event(event, 'EvSame', 2);
    // The same file under another event's id.
    slack.event({ ...event, ts: '1700000009.000001' }, 'EvOther');
    await until(() => slack.acks.length >= 4, 'every event being acknowledged');
    await aWhile();
    expect(slack.answers()).toHaveLength(1);
  });

  test('keeps markup and pings of file names from having an effect', async () => {
    const { slack } = await startOnSlack();
    const files = [
      slack.file(await plainPicture(64, 48), '<!channel>&.png'),
      slack.file(await plainPicture(64, 48), 'b.png'),
    ];
    slack.post({ files });
    const [said] = await buttons(slack, 2);
    expect(said!.blocks![0]!.text).toMatchObject({
      type: 'plain_text',
      text: expect.stringMatching(/^<!channel>&\.png/),
    });
  });

  test('without a face, or that is no picture, is answered with a sentence', async () => {
    const { slack } = await startOnSlack();
    slack.post({ files: [slack.file(await plainPicture(8, 8), 'wall.png'), slack.file(Buffer.from('x'), 'odd.png')] });
    const said = await buttons(slack, 2);
    expect(said.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^wall\.png: I found no face/),
      'odd.png: That file is not a picture. Post a photo.',
    ]);
  });
});

describe('removing', () => {
  test('by the poster deletes the file, the text and the button, after a restart of the bot too', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    await first.bot.stop();
    await startOnSlack({ slack });
    const file = slack.answers()[0]!.files[0]!.id;
    slack.press(button!, 'U5');
    await until(() => slack.said().length === 0);
    expect(slack.deletedFiles).toEqual([file]);
  });

  test.each([
    ['by its event', true],
    ['by the file', false],
  ])('finds the answer %s, and looks through no messages for it', async (_way, tellsOwnUploads) => {
    const { slack } = await startOnSlack({ before: (fake) => (fake.tellsOwnUploads = tellsOwnUploads) });
    // The one in public, the other not: Slack lists them apart.
    const posts = [];
    for (const channel of ['C1', 'D1']) {
      posts.push(slack.post({ channel, files: [slack.file(await plainPicture(64, 48))] }));
      await until(() => slack.answers(channel).length === 1);
    }
    for (const post of posts) slack.remove(post);
    await until(() => slack.said('C1').length + slack.said('D1').length === 0);
    expect(slack.deletedFiles).toHaveLength(2);
    expect([...slack.callsTo('conversations.history'), ...slack.callsTo('conversations.replies')]).toEqual([]);
    expect(slack.callsTo('files.info')).toHaveLength(tellsOwnUploads ? 0 : 2);
  });

  test('an answer of an early version deletes the picture above its button too', async () => {
    const { slack } = await startOnSlack({ before: (fake) => (fake.refusesBlocks = true) });
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    const file = slack.answers()[0]!.files[0]!.id;
    const value = JSON.stringify({ by: 'U5', source: post.ts, thread: post.ts, files: [file] });
    slack.press({ ...button!, blocks: [{ type: 'actions', elements: [{ action_id: 'remove_reply', value }] }] }, 'U5');
    await until(() => slack.said().length === 0);
    expect(slack.deletedFiles).toEqual([file]);
  });

  test('is tried again after as long as Slack says, while other photos are answered', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    await first.bot.stop();
    await startOnSlack({ slack });
    slack.next.set('conversations.replies', [{ status: 429, headers: { 'retry-after': '1' } }]);
    slack.remove(post);
    await until(() => slack.callsTo('conversations.replies').length === 1);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 2);
    expect(slack.callsTo('conversations.replies')).toHaveLength(1);
    await until(() => slack.said().length === 1);
    expect(slack.callsTo('conversations.replies')).toHaveLength(2);
  });

  test('that fails is reported, and a second try removes', async () => {
    const { slack } = await startOnSlack();
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    const said = slack.said().length;
    slack.next.set('files.delete', [{ body: { ok: false, error: 'fatal_error' } }]);
    slack.press(button!, 'U5');
    await until(() => slack.responses.length === 1);
    expect(slack.responses[0]!.text).toContain('I could not remove all of it');
    expect(slack.said()).toHaveLength(said);
    slack.press(button!, 'U5');
    await until(() => slack.said().length === 0);
  });

  test('is for the poster and admins: somebody else is told so', async () => {
    const { slack } = await startOnSlack();
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    slack.press(button!, 'U9');
    await until(() => slack.responses.length === 1);
    expect(slack.responses[0]!.text).toBe(
      'Only the person who posted the picture or asked for this, or an admin, can remove it.',
    );
    expect(slack.said()).toHaveLength(1);
    slack.press(button!, 'UADMIN');
    await until(() => slack.said().length === 0);
  });

  test('in a direct message is for the poster alone, whoever is an admin elsewhere', async () => {
    const { slack } = await startOnSlack();
    slack.post({ channel: 'D1', files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.said('D1').length === 1);
    const button = slack.said('D1').find(({ blocks = [] }) => blocks.length > 0)!;
    slack.press(button, 'UADMIN');
    await until(() => slack.responses.length === 1);
    expect(slack.said('D1')).toHaveLength(1);
  });

  test('the posted message removes the answer, that of an earlier run too', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const other = slack.post({ files: [slack.file(await plainPicture(64, 48))], user: 'U7' });
    await buttons(slack, 2);
    await first.bot.stop();
    await startOnSlack({ slack });
    slack.remove(post);
    await until(() => slack.said().length === 1);
    expect(slack.said().every(({ thread_ts }) => thread_ts === other.ts)).toBe(true);
    expect(slack.deletedFiles).toHaveLength(1);
  });

  test('a message deep in a thread removes the answer of an earlier run, with one look at what follows it', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const from = { channel: 'C1', user: 'U7', text: '', files: [] };
    const thread = '1600000000.000000';
    for (let k = 0; k < 450; k++) {
      slack.messages.push({ ...from, ts: `1600000000.${String(k).padStart(6, '0')}`, thread_ts: thread });
    }
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))], thread_ts: thread });
    await buttons(slack, 1);
    await first.bot.stop();
    await startOnSlack({ slack });
    slack.remove(post);
    await until(() => slack.said().length === 0);
    expect(slack.callsTo('conversations.replies')).toHaveLength(1);
  });

  test('a message in a thread that Slack does not name removes the answers of an earlier run, and no others', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const roots = Array.from({ length: 4 }, () => slack.post());
    const picture = await plainPicture(64, 48);
    slack.post({ thread_ts: roots[0]!.ts });
    const posts = roots
      .slice(1, 3)
      .map(({ ts }) => slack.post({ files: [slack.file(picture), slack.file(picture)], thread_ts: ts }));
    await buttons(slack, 4);
    slack.post({ thread_ts: roots[3]!.ts });
    await first.bot.stop();
    await startOnSlack({ slack });
    const [{ channel, ts }] = posts as [FakeMessage, FakeMessage];
    slack.messages.splice(slack.messages.indexOf(posts[0]!), 1);
    slack.event({ type: 'message', subtype: 'message_deleted', hidden: true, channel, deleted_ts: ts });
    await until(() => slack.answers().length === 2, 'the removal');
    expect(slack.answers().map(({ thread_ts }) => thread_ts)).toEqual([roots[2]!.ts, roots[2]!.ts]);
    expect(slack.callsTo('conversations.history')).toHaveLength(1);
    // The first look takes the message itself for its thread; nothing was written in the first one since.
    expect(slack.callsTo('conversations.replies').map(({ body }) => body.ts)).toEqual([
      ts,
      roots[3]!.ts,
      roots[2]!.ts,
      roots[1]!.ts,
    ]);
  });

  test('a file removes its answer whether or not Slack says what was there before, that of an earlier run too', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const files = await Promise.all([64, 80, 96].map(async (width) => slack.file(await plainPicture(width, 48))));
    const root = slack.post();
    const posts = [slack.post({ files: files.slice(0, 2), thread_ts: root.ts }), slack.post({ files: files.slice(2) })];
    await buttons(slack, 3);
    await first.bot.stop();
    await startOnSlack({ slack });
    const change = { type: 'message', subtype: 'message_changed', hidden: true, channel: slack.channel };
    slack.event({ ...change, message: { ...posts[0]!, files: [{ id: files[0]!.id, mode: 'tombstone' }, files[1]!] } });
    await until(() => slack.answers().length === 2, 'the removal of one of two in a thread');
    slack.event({ ...change, message: { ...posts[1]!, files: null, edited: { user: 'U5' } }, previous_message: null });
    await until(() => slack.answers().length === 1, 'the removal of one that is left out');
    const last = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 2);
    const { channel, ts } = last;
    slack.event({ type: 'message', subtype: 'message_deleted', channel, deleted_ts: ts, previous_message: null });
    await until(() => slack.answers().every(({ thread_ts }) => thread_ts === root.ts), 'the removal of the message');
  });

  test('one of two files of a message removes its answer, and leaves the other', async () => {
    const { slack } = await startOnSlack();
    const files = [
      slack.file(await plainPicture(64, 48), 'one.png'),
      slack.file(await plainPicture(80, 60), 'two.png'),
    ];
    const post = slack.post({ files });
    await buttons(slack, 2);
    slack.removeFile(post, files[0]!.id);
    await until(() => slack.answers().length === 1);
    expect(slack.answers()[0]!.text).toMatch(/^two\.png/);
    await aWhile();
    expect(slack.answers()).toHaveLength(1);
    expect(await buttons(slack, 1)).toHaveLength(1);
  });

  test('a file or a message that was asked about again since removes the answers of both runs', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const [file, other] = [slack.file(await plainPicture(64, 48)), slack.file(await plainPicture(80, 60))];
    const post = slack.post({ files: [file, other] });
    await buttons(slack, 2);
    await first.bot.stop();
    await startOnSlack({ slack });
    slack.shortcut('read_emotions', post);
    await buttons(slack, 4);
    slack.removeFile(post, file.id);
    await until(() => slack.answers().length === 2, 'the removal of two');
    slack.remove(post);
    await until(() => slack.said().length === 0, 'the removal of all');
  });

  test('one of two files removes its answer by an earlier run, and leaves the other', async () => {
    const first = await startOnSlack();
    const { slack } = first;
    const files = [
      slack.file(await plainPicture(64, 48), 'one.png'),
      slack.file(await plainPicture(80, 60), 'two.png'),
    ];
    const post = slack.post({ files });
    await buttons(slack, 2);
    await first.bot.stop();
    await startOnSlack({ slack });
    slack.removeFile(post, files[0]!.id);
    await until(() => slack.answers().length === 1);
    await aWhile();
    expect(slack.answers().map(({ text }) => text.split('\n')[0])).toEqual(['two.png: 2 people']);
    slack.removeFile(post, files[1]!.id);
    await until(() => slack.answers().length === 0);
  });

  test('one of two files while it is read: nothing is said of it', async () => {
    const { slack } = await startOnSlack({ readPhoto: fakePhotoReader(300) });
    const files = [
      slack.file(await plainPicture(64, 48), 'one.png'),
      slack.file(await plainPicture(80, 60), 'two.png'),
    ];
    const post = slack.post({ files });
    await until(() => slack.fileRequests.length === 1);
    slack.removeFile(post, files[0]!.id);
    await buttons(slack, 1);
    await aWhile();
    expect(slack.answers().map(({ text }) => text.split('\n')[0])).toEqual(['two.png: 2 people']);
  });

  test('the message while it is read ends the reading, and nothing is said', async () => {
    let reading: AbortSignal | undefined;
    const { slack } = await startOnSlack({
      readPhoto: (bytes, signal) => {
        reading = signal;
        return fakePhotoReader(600)(bytes, signal);
      },
    });
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => reading);
    slack.remove(post);
    await until(() => reading!.aborted);
    await aWhile();
    expect(slack.said()).toEqual([]);
  });
});

describe('files', () => {
  test('are loaded from Slack only: addresses elsewhere, on loopback or behind a redirect get no request', async () => {
    const { slack, log } = await startOnSlack({ environment: { COOLDOWN_PERSON: '0', COOLDOWN_CHANNEL: '0' } });
    const good = slack.file(await plainPicture(64, 48));
    const elsewhere = [
      'https://example.com/files-pri/T1-F/x.png',
      'http://127.0.0.1:9/x.png',
      'http://files.slack.com/x.png',
      'https://files.slack.com.example.com/x.png',
      'https://169.254.169.254/latest/meta-data',
    ];
    for (const [k, url] of elsewhere.entries()) slack.post({ files: [{ ...good, id: `FX${k}`, url_private: url }] });
    slack.next.set('file', [{ status: 302, headers: { location: 'http://127.0.0.1:9/secret' } }]);
    slack.post({ files: [good] });
    const said = await buttons(slack, elsewhere.length + 1);
    for (const { text } of said) expect(text).toContain('on another server');
    expect(slack.fileRequests).toHaveLength(1);
    expect(slack.fileRequests[0]!.authorization).toBe(`Bearer ${slack.token}`);
    expect(log.join('')).not.toContain(slack.token);
  });

  test('that Slack answers with a page to sign in at are explained; the bytes decide', async () => {
    const { slack } = await startOnSlack();
    slack.next.set('file', [{ headers: { 'content-type': 'image/png' }, body: '<!DOCTYPE html><html>Sign in</html>' }]);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [said] = await buttons(slack, 1);
    expect(said!.text).toContain('files:read');
  });

  test('of an Enterprise organisation are loaded from the host that Slack redirects to', async () => {
    const { slack } = await startOnSlack({ before: (fake) => (fake.isGrid = true) });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    expect(slack.answers()).toHaveLength(1);
    expect(slack.fileRequests.map(({ authorization }) => authorization)).toEqual(
      Array(2).fill(`Bearer ${slack.token}`),
    );
  });

  test('that the app lacks the permission for are answered with its name', async () => {
    const { slack } = await startOnSlack({ before: ({ lacking }) => lacking.add('files:read') });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [said] = await buttons(slack, 1);
    expect(said!.text).toContain('files:read');
  });

  test('that Slack must be asked for first are asked for', async () => {
    const { slack } = await startOnSlack();
    const { id } = slack.file(await plainPicture(64, 48));
    slack.post({ files: [{ id, file_access: 'check_file_info' }] });
    await buttons(slack, 1);
    expect(slack.callsTo('files.info')[0]!.body).toMatchObject({ file: id });
    expect(slack.answers()).toHaveLength(1);
  });
});

describe('the answer to a photo that its poster removes is removed also where Slack fails for a moment', () => {
  test('where this run gave it', async () => {
    const { slack } = await startOnSlack();
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    slack.next.set('files.delete', Array(4).fill({ status: 503 }));
    slack.remove(post);
    await until(() => slack.said().length === 0, 'the removal', 20_000);
  });

  test('where an earlier run gave it', async () => {
    const { slack, bot } = await startOnSlack();
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    await bot.stop();
    await startOnSlack({ slack });
    slack.next.set('conversations.replies', Array(4).fill({ status: 503 }));
    slack.remove(post);
    await until(() => slack.said().length === 0, 'the removal', 20_000);
  });
});
