import { afterEach, describe, expect, test } from 'vitest';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import type { FakeMessage, FakeSlack } from '../fakes/slack.ts';
import { until } from '../helpers/until.ts';
import { isWritten } from './left.ts';
import { aWhile, cleanUp, stateFolder } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

/** Somebody wrote a message with a picture where the bot is not. */
async function elsewhere(slack: FakeSlack, user = 'U7'): Promise<FakeMessage> {
  const file = slack.file(await plainPicture(64, 48), 'far.png', 'image/png', user);
  return { ts: '1600000000.000009', channel: 'C7', user, text: 'look', files: [file] };
}

describe('a file of a partner’s workspace', () => {
  test('is judged by what Slack says it is before it is loaded: a picture is answered, others get no word', async () => {
    const { slack } = await startOnSlack();
    const picture = slack.stub(await plainPicture(64, 48), 'party.png');
    const words = slack.stub(Buffer.from('%PDF-1.7'), 'offer.pdf', 'application/pdf');
    slack.post({ files: [words] });
    slack.post({ files: [words, picture] });
    await buttons(slack, 1);
    await aWhile();
    expect(slack.said().map(({ text }) => text.split('\n')[0])).toEqual(['2 people']);
    expect(slack.fileRequests.map(({ path }) => path)).toEqual([`/files-pri/T1-${picture.id}/party.png`]);
  });

  test('that is no picture is said to be none where somebody asks, and nothing else is read instead', async () => {
    const { slack } = await startOnSlack();
    const stub = () => slack.stub(Buffer.from('%PDF-1.7'), 'offer.pdf', 'application/pdf');
    slack.post({ channel: 'D1', files: [stub()] });
    await until(() => slack.said('D1').length === 1);
    slack.shortcut('read_emotions', { ts: '1600000000.000008', channel: 'C1', user: 'U7', text: '', files: [stub()] });
    await until(() => slack.responses.length === 1);
    for (const { text } of [slack.said('D1')[0]!, slack.responses[0]!]) expect(text).toContain('no picture in this');
    expect(slack.fileRequests).toEqual([]);
  });

  test('that Slack tells nothing of gets no word, and says why where somebody asks', async () => {
    const { slack } = await startOnSlack();
    const files = [{ id: 'FGONE', mode: 'file_access', file_access: 'check_file_info' }];
    slack.post({ files });
    await until(() => slack.callsTo('files.info').length === 1);
    await aWhile();
    expect(slack.said()).toEqual([]);
    slack.post({ files, text: `<@${slack.me}>` });
    const [said] = await buttons(slack, 1);
    expect(said!.text).toBe('That picture has been removed. Post it again.');
  });

  test('that Slack cannot tell of at the moment is answered once it can', async () => {
    const { slack } = await startOnSlack();
    slack.next.set('files.info', Array(4).fill({ status: 503 }));
    slack.post({ files: [slack.stub(await plainPicture(64, 48), 'party.png', 'image/png')] });
    await buttons(slack, 1, 20_000);
    expect(slack.answers()).toHaveLength(1);
  });

  test('that Slack tells nothing of is not loaded where it would tell later: nobody has looked at whose it is', async () => {
    const { slack } = await startOnSlack();
    slack.command('/privacy', 'opt-out', 'U7');
    await until(() => slack.responses.length === 1);
    const stub = slack.stub(await plainPicture(64, 48), 'party.png', 'image/png', 'U7');
    slack.next.set('files.info', [{ body: { ok: false, error: 'internal_error' } }]);
    slack.post({ files: [stub], text: `<@${slack.me}>` });
    await until(() => slack.ephemeral.length === 1);
    expect(slack.ephemeral[0]!.text).toContain('Slack cannot tell me at the moment what that file is.');
    expect(slack.fileRequests).toEqual([]);
  });

  test('is found as the latest picture, behind one that is none', async () => {
    const { slack } = await startOnSlack();
    const from = { channel: 'C1', user: 'U7', text: '' };
    slack.messages.push(
      { ...from, ts: '1600000000.000001', files: [slack.stub(await plainPicture(64, 48))] },
      { ...from, ts: '1600000000.000002', files: [slack.stub(Buffer.from('%PDF'), 'a.pdf', 'application/pdf')] },
    );
    slack.command('/emotions');
    await buttons(slack, 1);
    expect(slack.answers()[0]).toMatchObject({ thread_ts: '1600000000.000001' });
  });
});

describe('a forwarded message', () => {
  test('is answered with its pictures, those of a partner’s too; one that is only linked to is not', async () => {
    const { slack } = await startOnSlack();
    const original = await elsewhere(slack);
    const partners = { ...original, files: [slack.stub(await plainPicture(80, 60), 'partner.png')] };
    const post = slack.post({ attachments: [slack.shared(original), slack.shared(partners)] });
    await buttons(slack, 2);
    expect(slack.answers().map(({ text }) => text.split('\n')[0])).toEqual([
      'far.png: 2 people',
      'partner.png: 2 people',
    ]);
    expect(slack.answers().every(({ thread_ts }) => thread_ts === post.ts)).toBe(true);
    slack.post({ attachments: [slack.shared(await elsewhere(slack), {})] });
    await aWhile();
    expect(slack.answers()).toHaveLength(2);
  });

  test('is read by the shortcut, and by a mention in it or in its thread', async () => {
    const { slack } = await startOnSlack({ environment: { PERSON_PHOTOS_PER_MINUTE: '0' } });
    const from = { channel: 'C1', user: 'U8', text: '', files: [] };
    const before = { ...from, ts: '1600000000.000010', attachments: [slack.shared(await elsewhere(slack))] };
    slack.messages.push(before);
    // Twice the same picture is one.
    slack.shortcut('read_emotions', { ...before, attachments: [...before.attachments, ...before.attachments] });
    await buttons(slack, 1);
    slack.messages.push({
      ...from,
      ts: '1600000000.000011',
      thread_ts: before.ts,
      bot_id: 'B9',
      files: [slack.file(await plainPicture(64, 48), 'of-another-bot.png')],
    } as FakeMessage);
    slack.post({ text: `<@${slack.me}>`, thread_ts: before.ts });
    await buttons(slack, 2);
    slack.post({ text: `<@${slack.me}> look`, attachments: [slack.shared(await elsewhere(slack))] });
    await buttons(slack, 3);
    slack.command('/emotions');
    const said = await buttons(slack, 4);
    expect(said.map(({ thread_ts }) => thread_ts === before.ts)).toEqual([true, true, false, false]);
    expect(slack.fileRequests.every(({ path }) => path.endsWith('/far.png'))).toBe(true);
  });

  test('takes the answer with it when it is deleted', async () => {
    const { slack } = await startOnSlack();
    const post = slack.post({ attachments: [slack.shared(await elsewhere(slack))] });
    await buttons(slack, 1);
    slack.remove(post);
    await until(() => slack.said().length === 0);
  });
});

describe('a picture that somebody else shares again', () => {
  test.each([
    ['its file', async (slack: FakeSlack) => ({ files: (await elsewhere(slack)).files })],
    ['the message', async (slack: FakeSlack) => ({ attachments: [slack.shared(await elsewhere(slack))] })],
    [
      'a message that does not say whose its file is',
      async (slack: FakeSlack) => {
        const { files, ...message } = await elsewhere(slack);
        return {
          attachments: [slack.shared({ ...message, files: files.map((file) => ({ ...file, user: undefined })) })],
        };
      },
    ],
    [
      'a message whose file has nobody’s name',
      async (slack: FakeSlack) => {
        const { files, ...message } = await elsewhere(slack);
        return { attachments: [slack.shared({ ...message, files: files.map((file) => ({ ...file, user: '' })) })] };
      },
    ],
    [
      'the message in which they shared somebody else’s file',
      async (slack: FakeSlack) => {
        const { files, ...message } = await elsewhere(slack);
        return { attachments: [slack.shared({ ...message, files: files.map((file) => ({ ...file, user: 'U9' })) })] };
      },
    ],
  ])('by %s is not read where whoever posted it first has opted out', async (_way, share) => {
    const { slack } = await startOnSlack();
    slack.command('/privacy', 'opt-out', 'U7');
    await until(() => slack.responses.length === 1);
    slack.post({ user: 'U5', ...(await share(slack)) });
    await aWhile();
    expect(slack.said()).toEqual([]);
    slack.post({ user: 'U5', text: `<@${slack.me}>`, ...(await share(slack)) });
    await until(() => slack.ephemeral.length === 1);
    expect(slack.ephemeral[0]!.text).toContain('does not want me to read it');
    expect(slack.fileRequests).toEqual([]);
  });

  test('whose poster Slack does not name is not read if the operator requires a known poster', async () => {
    const { slack } = await startOnSlack({ environment: { FORWARDED_PHOTOS: 'refuse' } });
    const original = await elsewhere(slack);
    slack.post({ attachments: [slack.shared(original)] });
    await buttons(slack, 1);
    const files = (await elsewhere(slack)).files.map((file) => ({ ...file, user: undefined }));
    slack.post({ attachments: [slack.shared({ ...original, files }, { is_share: true, author_id: undefined })] });
    await aWhile();
    expect(slack.said()).toHaveLength(1);
  });

  test('is not read where whoever shares it has opted out', async () => {
    const { slack } = await startOnSlack();
    slack.command('/privacy', 'opt-out', 'U5');
    await until(() => slack.responses.length === 1);
    slack.post({ user: 'U5', files: (await elsewhere(slack)).files });
    await aWhile();
    expect([slack.said(), slack.fileRequests]).toEqual([[], []]);
  });

  test('can be removed by whoever posted it first', async () => {
    const { slack } = await startOnSlack();
    slack.post({ user: 'U5', files: (await elsewhere(slack)).files });
    const [button] = await buttons(slack, 1);
    slack.press(button!, 'U9');
    await until(() => slack.responses.length === 1);
    slack.press(button!, 'U7');
    await until(() => slack.said().length === 0);
  });

  test('is not read where it is a picture of the bot’s own', async () => {
    const { slack } = await startOnSlack();
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [answer] = await buttons(slack, 1);
    slack.post({
      user: 'U9',
      attachments: [slack.shared({ ...answer!, files: [{ ...answer!.files[0]!, name: 'x' }] })],
    });
    await aWhile();
    expect(slack.said()).toEqual([answer]);
    expect(slack.fileRequests).toHaveLength(1);
  });
});

describe('a file that is deleted', () => {
  test('takes the answers to it along wherever it was shared, and no others', async () => {
    const { slack } = await startOnSlack();
    const original = await elsewhere(slack);
    slack.post({ files: [original.files[0], slack.file(await plainPicture(80, 60), 'other.png')] });
    await buttons(slack, 2);
    slack.post({ channel: 'D1', attachments: [slack.shared(original)] });
    await until(() => slack.answers('D1').length === 1);
    slack.deleteFile(original.files[0]!.id);
    await until(() => slack.answers('D1').length === 0 && slack.answers().length === 1);
    expect(slack.answers()[0]!.text).toMatch(/^other\.png/);
  });

  test('while it is read is not answered', async () => {
    let reading: AbortSignal | undefined;
    const { slack } = await startOnSlack({
      readPhoto: (bytes, signal) => {
        reading = signal;
        return fakePhotoReader(2000)(bytes, signal);
      },
    });
    const file = slack.file(await plainPicture(64, 48));
    slack.post({ files: [file] });
    await until(() => reading);
    slack.deleteFile(file.id);
    await until(() => reading!.aborted);
    await aWhile();
    expect(slack.said()).toEqual([]);
  });
});

describe('a message with a file that was seen before and a new one', () => {
  test('is answered with the new one alone', async () => {
    const { slack } = await startOnSlack();
    const old = slack.file(await plainPicture(64, 48), 'old.png');
    slack.post({ files: [old] });
    await buttons(slack, 1);
    const post = slack.post({ files: [old, slack.file(await plainPicture(80, 60), 'new.png')] });
    await buttons(slack, 2);
    await aWhile();
    const said = slack.answers();
    expect(said).toHaveLength(2);
    expect(said[1]).toMatchObject({ thread_ts: post.ts });
    expect(slack.uploads.get(said[1]!.files[0]!.id)).toMatchObject({ filename: 'new-emotions.jpg' });
  });

  test('is read again, unchanged, when somebody asks', async () => {
    const { slack } = await startOnSlack();
    const old = slack.file(await plainPicture(64, 48));
    slack.post({ files: [old] });
    await buttons(slack, 1);
    slack.post({ files: [old], text: `<@${slack.me}>` });
    await buttons(slack, 2);
  });
});

describe('an edit', () => {
  test('that adds a picture has that one answered, once, also where the one before was taken out', async () => {
    const { slack } = await startOnSlack();
    const [first, second] = [
      slack.file(await plainPicture(64, 48), 'a.png'),
      slack.file(await plainPicture(80, 60), 'b.png'),
    ];
    const post = slack.post({ text: 'soon', files: [first] });
    await buttons(slack, 1);
    slack.removeFile(post, first.id);
    await until(() => slack.answers().length === 0, 'the removal');
    const before = { ...post };
    post.files = [...post.files, second];
    const change = { type: 'message', subtype: 'message_changed', channel: post.channel, message: post };
    slack.event({ ...change, previous_message: before }, 'EvTwice');
    slack.event({ ...change, previous_message: before }, 'EvTwice');
    await buttons(slack, 1);
    // Nobody knows what is new where Slack does not say what was there before.
    slack.event(change);
    await aWhile();
    expect(slack.answers().map(({ thread_ts }) => thread_ts)).toEqual([post.ts]);
    expect(slack.fileRequests).toHaveLength(2);
  });

  test('that adds a picture is written into the journal before it is acknowledged', async () => {
    const state = stateFolder();
    const { slack } = await startOnSlack({ state });
    const post = slack.post({ text: 'soon', files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    const before = { ...post };
    const added = slack.stub(await plainPicture(80, 60), 'b.png');
    post.files = [...post.files, added];
    // Slack does not say for a moment what the file is, so that work on it does not begin.
    slack.next.set('files.info', Array(8).fill({ status: 503 }));
    const { channel } = post;
    const acknowledged = slack.acks.length;
    slack.event({ type: 'message', subtype: 'message_changed', channel, message: post, previous_message: before });
    await until(() => slack.acks.length > acknowledged, 'the acknowledgement');
    expect(isWritten(state, added.id)).toBe(true);
    await buttons(slack, 2);
  });

  test('of a program, or that adds what is no picture, has nothing answered', async () => {
    const { slack } = await startOnSlack();
    const changed = (before: FakeMessage, files: FakeMessage['files']) =>
      slack.event({
        type: 'message',
        subtype: 'message_changed',
        channel: before.channel,
        message: { ...before, files },
        previous_message: before,
      });
    changed(slack.post({ bot_id: 'B7', user: 'U8' }), [slack.file(await plainPicture(64, 48))]);
    changed(slack.post(), [slack.file(Buffer.from('%PDF'), 'a.pdf', 'application/pdf')]);
    await aWhile();
    expect([slack.said(), slack.fileRequests]).toEqual([[], []]);
  });
});

test.each([
  ['photo.avif', 'application/octet-stream'],
  ['PHOTO.JPG', ''],
  ['photo', 'IMAGE/PNG; charset=binary'],
])('a picture %s of the type %j is answered', async (name, type) => {
  const { slack } = await startOnSlack();
  slack.post({ files: [slack.file(await plainPicture(64, 48), name, type)] });
  slack.post({ files: [slack.file(Buffer.from('PK'), 'a.zip', type.startsWith('IMAGE') ? 'application/zip' : type)] });
  await buttons(slack, 1);
  await aWhile();
  expect([slack.said().length, slack.fileRequests.length]).toEqual([1, 1]);
});
