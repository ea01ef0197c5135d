import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { loadClassifier } from '../../src/emotion/classifier.ts';
import { createFaceDetector } from '../../src/photo/faces/create-detector.ts';
import { readPhoto } from '../../src/photo/read-photo.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { until } from '../helpers/until.ts';
import { afterwards, aWhile, cleanUp } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

describe('the socket', () => {
  test('is opened again when Slack refreshes it, and photos are answered over the new one', async () => {
    const { slack } = await startOnSlack();
    slack.refresh();
    await until(() => slack.connections === 2 && slack.sockets.size === 1);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
  });

  test('is opened again after it broke while Slack could not be reached', async () => {
    const { slack, log } = await startOnSlack();
    slack.next.set('apps.connections.open', Array(5).fill({ status: 503 }));
    for (const socket of slack.sockets) socket.terminate();
    await until(() => slack.connections === 2 && slack.sockets.size === 1);
    expect(log.join('')).toContain('could not be reached');
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
  });

  test('there may be several: an event is taken on once, whichever of them it comes over, and they are opened again one by one', async () => {
    const { slack, bot } = await startOnSlack({ environment: { SLACK_SOCKETS: '3' } });
    expect(bot.addresses[0]).toMatch(/, over Socket Mode with 3 sockets$/);
    expect(slack.sockets.size).toBe(3);
    // This Slack tells all of them.
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    await aWhile();
    expect(slack.answers().map((answer) => answer.thread_ts)).toEqual([post.ts]);
    const [first, ...others] = slack.sockets;
    first!.terminate();
    const later = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 2);
    await until(() => slack.connections === 4 && slack.sockets.size === 3, 'the socket being opened again');
    // Now, as the real one, one of them each.
    slack.deliverOnce([200]);
    const more = await Promise.all(
      Array.from({ length: 6 }, async () => slack.post({ files: [slack.file(await plainPicture(64, 48))] })),
    );
    await buttons(slack, 8);
    await aWhile();
    const answered = slack.answers().map((answer) => answer.thread_ts);
    expect(answered.sort()).toEqual([post, later, ...more].map(({ ts }) => ts).sort());
    expect(others.every((socket) => socket.readyState === socket.OPEN)).toBe(true);
  });

  test('where one of several cannot be opened, none stays open', async () => {
    const slack = await FakeSlack.start();
    afterwards(() => slack.close());
    const before = ({ next }: FakeSlack) =>
      next.set('apps.connections.open', [{ body: { ok: false, error: 'invalid_auth' } }]);
    await expect(startOnSlack({ slack, before, environment: { SLACK_SOCKETS: '2' } })).rejects.toThrow(
      'Slack refuses SLACK_APP_TOKEN',
    );
    await until(() => slack.sockets.size === 0, 'the other one being closed');
  });

  test('that Slack closes before it greets the bot, at the start, is opened again', async () => {
    const { slack, bot } = await startOnSlack({
      before: (fake) => {
        fake.turnsAway = 1;
      },
      environment: { LOCAL_PORT: '0' },
    });
    expect(bot.troubles).toEqual([expect.stringMatching(/^Slack cannot be reached\b.* I try again until it can\.$/)]);
    await until(() => slack.sockets.size === 1, 'the socket', 10_000);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
  });

  test('tokens that Slack refuses end the start with a sentence that does not repeat them', async () => {
    const badToken = startOnSlack({ environment: { SLACK_BOT_TOKEN: 'xoxb-2-other' } });
    await expect(badToken).rejects.toThrow('Slack refuses SLACK_BOT_TOKEN (invalid_auth)');
    const badAppToken = startOnSlack({ environment: { SLACK_APP_TOKEN: 'xapp-2-other' } });
    await expect(badAppToken).rejects.toThrow('Slack refuses SLACK_APP_TOKEN (invalid_auth)');
    await expect(badAppToken).rejects.not.toThrow('xapp-2-other');
  });
});

test('a token that rotates ends the start with a sentence that says what to take instead', async () => {
  for (const [token, options] of [
    ['xoxe.xoxb-1-fake', {}],
    ['xoxe-1-fake', {}],
    ['xoxb-1-fake', { before: (slack: FakeSlack) => (slack.expiresIn = 43_200) }],
    [
      'xoxb-1-fake',
      { before: ({ next }: FakeSlack) => next.set('auth.test', [{ body: { ok: false, error: 'token_expired' } }]) },
    ],
  ] as const) {
    const start = startOnSlack({ environment: { SLACK_BOT_TOKEN: token }, ...options });
    await expect(start).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringMatching(/^SLACK_BOT_TOKEN is a token that rotates.*slack-manifest\.yaml/),
    });
  }
});

test('a message over the socket that is no event ends nothing', async () => {
  const { slack, log } = await startOnSlack();
  for (const message of [
    'null',
    '5',
    '{"type":"events_api"}',
    '{"type":"events_api","payload":{"event":null}}',
    'words',
  ]) {
    for (const socket of slack.sockets) socket.send(message);
  }
  slack.post({ files: [slack.file(await plainPicture(64, 48))] });
  await buttons(slack, 1);
  expect(log.filter((line) => line.includes('could not be understood'))).toHaveLength(3);
});

describe('signed requests', () => {
  test('are answered; a bad signature, an old one or none is refused and nothing is read', async () => {
    // An app token beside them changes nothing: the port asks for the web server.
    const { slack } = await startOnSlack({ http: true, environment: { SLACK_APP_TOKEN: 'xapp-1-fake' } });
    const event = { type: 'message', subtype: 'file_share', channel: 'C1', user: 'U5', ts: '1.5', files: [] };
    const body = JSON.stringify({ type: 'event_callback', event_id: 'E1', team_id: 'T1', event });
    expect((await slack.signed(body, { signature: 'v0=bad' })).status).toBe(401);
    expect((await slack.signed(body, { at: 1_600_000_000 })).status).toBe(401);
    expect((await fetch(slack.httpTarget!, { method: 'POST', body })).status).toBe(401);
    expect((await slack.signed(JSON.stringify({ type: 'url_verification', challenge: 'abc' }))).status).toBe(200);
    expect(slack.fileRequests).toEqual([]);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    slack.command('/emotions-help');
    await until(() => slack.responses.length === 1);
    slack.press(button!, 'U5');
    await until(() => slack.said().length === 0);
    expect(slack.connections).toBe(0);
  });
});

describe('a signed request', () => {
  /** JSON of any kind, and what is none. */
  const BODIES = [
    'null',
    '5',
    'true',
    '"words"',
    '[]',
    '[null]',
    '{}',
    '{"event":null}',
    '{"event":5}',
    '{"type":"event_callback","event":{"type":null}}',
    '{"event":{"type":"message","channel":null,"item":null}}',
    '{"event":{"type":"message","channel":"C1","user":"U5","ts":"1.5","files":{},"attachments":[null]}}',
    '{"event":{"type":"message","subtype":"message_changed","message":null,"previous_message":null}}',
    '{"event":{"type":"file_deleted"}}',
    '{"command":null}',
    '{"actions":null}',
    '{"type":"block_actions","actions":[null]}',
    '{"type":"message_action","callback_id":"read_emotions","message":null,"channel":null}',
    '{"name":null}',
    'no JSON at all',
  ];

  test('is answered whatever its body, and ends nothing', async () => {
    const { slack } = await startOnSlack({ http: true });
    const form = { contentType: 'application/x-www-form-urlencoded' };
    const answers = BODIES.flatMap((body) => [
      slack.signed(body),
      slack.signed(new URLSearchParams({ payload: body }).toString(), form),
    ]);
    for (const { status } of await Promise.all(answers)) expect([200, 400, 404, 500]).toContain(status);
    for (const body of ['null', '[]', '5']) expect((await slack.signed(body)).status).toBe(400);
    slack.command('/emotions-help');
    await until(() => slack.responses.length === 1);
  });

  test('is refused where its time is more than five minutes from now, before or ahead', async () => {
    const { slack } = await startOnSlack({ http: true });
    const statusAt = async (seconds: number) =>
      (
        await slack.signed('{"type":"url_verification","challenge":"a"}', {
          at: Math.floor(Date.now() / 1000) + seconds,
        })
      ).status;
    expect(await Promise.all([-310, -290, 290, 310].map(statusAt))).toEqual([401, 200, 200, 401]);
    expect(await statusAt(Number.NaN)).toBe(401);
  });

  test('is taken up to a bound, and without a signature only where it asks whether anybody is there', async () => {
    const { slack } = await startOnSlack({ http: true });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams({
      ssl_check: '1',
      command: '/emotions-help',
      response_url: `${slack.origin}/respond`,
    });
    expect((await fetch(slack.httpTarget!, { method: 'POST', headers, body })).status).toBe(200);
    expect((await fetch(slack.httpTarget!)).status).toBe(404);
    await aWhile();
    expect(slack.responses).toEqual([]);
    expect((await slack.signed(`{"type":"${'x'.repeat(5_000_000)}"}`)).status).toBe(413);
  });

  test('that asks for a path that is no path is refused, and is no error in the log', async () => {
    const { slack, log } = await startOnSlack({ http: true });
    const { port } = new URL(slack.httpTarget!);
    const statusOf = (method: string, path: string) =>
      new Promise((done, fail) => {
        const request = httpRequest({ method, port, path, host: '127.0.0.1' }, (response) => {
          response.resume().on('end', () => done(response.statusCode));
        });
        request.on('error', fail).end();
      });
    for (const path of ['//', '//[', 'http://[::bad/']) expect(await statusOf('GET', path), path).toBe(400);
    expect(await statusOf('GET', '/elsewhere')).toBe(404);
    expect(log.join('')).not.toContain('"level":"error"');
  });

  test('comes in at this machine’s own address, or at the one that is set', async () => {
    const { slack, bot } = await startOnSlack({ http: true });
    expect(bot.addresses[0]).toContain(' of 127.0.0.1, ');
    // Linux has this address as well: a server at all addresses would answer there.
    const { port } = new URL(slack.httpTarget!);
    await expect(fetch(`http://127.0.0.2:${port}/slack/events`, { method: 'POST' })).rejects.toThrow('fetch failed');
    const open = await startOnSlack({ http: true, environment: { SLACK_HOST: '0.0.0.0' } });
    expect((await open.slack.signed('{"type":"url_verification","challenge":"a"}')).status).toBe(200);
    const wrong = startOnSlack({ http: true, environment: { SLACK_HOST: '192.0.2.1' } });
    await expect(wrong).rejects.toThrow(/at port 0 of 192\.0\.2\.1 \(EADDRNOTAVAIL\)\. Set SLACK_HOST/);
  });
});

describe('trouble at Slack', () => {
  test('429 is honoured: the call comes again after as long as Slack says', async () => {
    const { slack } = await startOnSlack();
    slack.next.set('files.completeUploadExternal', [{ status: 429, headers: { 'retry-after': '1' } }]);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.callsTo('files.completeUploadExternal').length === 1);
    const from = Date.now();
    await buttons(slack, 1);
    expect(Date.now() - from).toBeGreaterThanOrEqual(950);
  });

  test('a failing server is asked again, but not for ever', async () => {
    const { slack, log } = await startOnSlack();
    slack.next.set('files.getUploadURLExternal', [{ status: 503 }]);
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    slack.next.set('files.getUploadURLExternal', Array(20).fill({ status: 503 }));
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => log.some((line) => line.includes('a request cannot be answered at the moment')));
    expect(slack.callsTo('files.getUploadURLExternal')).toHaveLength(2 + 4);
  });

  test.each([
    ['a picture', 'files.completeUploadExternal', 64],
    ['words', 'chat.postMessage', 8],
  ])('%s that Slack posts without saying so is not posted again', async (_, method, width) => {
    const { slack } = await startOnSlack();
    let failed = 0;
    slack.between = async (called, done) => {
      const answer = done();
      if (called !== method || failed > 0) return answer;
      failed += 1;
      return { status: 503 };
    };
    slack.post({ files: [slack.file(await plainPicture(width, 48))] });
    await until(() => failed > 0 && slack.calls.at(-1)?.method !== method, 'a look at what was posted');
    slack.post({ files: [slack.file(await plainPicture(width, 48))] });
    await buttons(slack, 2);
    await aWhile();
    expect(slack.said()).toHaveLength(2);
    expect(slack.callsTo(method)).toHaveLength(2);
  });

  test('an answer that Slack cannot take for a while comes later, and nothing else is said', async () => {
    const { slack } = await startOnSlack();
    slack.next.set('files.completeUploadExternal', Array(4).fill({ status: 503 }));
    const { ts } = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await buttons(slack, 1);
    await aWhile();
    expect(slack.said().map(({ thread_ts: to, files }) => [to, files.length])).toEqual([[ts, 1]]);
  });

  test('a missing permission is named in a sentence, with the text of the answer', async () => {
    const { slack } = await startOnSlack({ before: ({ lacking }) => lacking.add('files:write') });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [said] = await buttons(slack, 1);
    expect(said!.text).toMatch(/^2 people[\s\S]*lacks the permission files:write/);
  });

  test('a channel that is closed to the bot is said in a direct message', async () => {
    const { slack } = await startOnSlack();
    slack.joined.delete('C1');
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.said('U5').length === 1);
    expect(slack.said('U5')[0]!.text).toContain('/invite @emotions');
    expect(slack.callsTo('files.completeUploadExternal')).toHaveLength(1);
    // Once an hour; but whoever speaks to the bot is told in any case.
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.callsTo('files.completeUploadExternal').length === 2);
    slack.post({ files: [slack.file(await plainPicture(64, 48))], text: `<@${slack.me}>`, user: 'U7' });
    await until(() => slack.said('U7').length === 1);
    expect(slack.said('U5')).toHaveLength(1);
  });
});

describe('stopping', () => {
  test('finishes the photo that is being read, and takes no new one', async () => {
    const { slack, bot } = await startOnSlack({ readPhoto: fakePhotoReader(500) });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.fileRequests.length === 1);
    const stopped = bot.stop();
    const acknowledged = slack.acks.length;
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await stopped;
    expect(slack.answers()).toHaveLength(1);
    // Not acknowledged, the new one is sent again to the next run.
    expect(slack.acks).toHaveLength(acknowledged);
    await until(() => slack.sockets.size === 0);
  });

  test('answers only those who ask the bot something', async () => {
    const { slack, bot } = await startOnSlack({ readPhoto: fakePhotoReader(500) });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.fileRequests.length === 1);
    const stopped = bot.stop();
    slack.command('/privacy', '', 'U7', 'C1');
    await stopped;
    expect(slack.responses.map(({ text }) => text)).toEqual(['I am about to restart. Try again in a minute.']);
    expect(slack.answers()).toHaveLength(1);
  });

  test('reads a photo whose poster was being looked up, and ends after an answer that somebody removes is gone', async () => {
    const { slack, bot } = await startOnSlack();
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [button] = await buttons(slack, 1);
    slack.delay('users.info', 300);
    slack.delay('files.delete', 300);
    const post = slack.post({ user: 'U8', files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.callsTo('users.info').some(({ body }) => body.user === 'U8'));
    slack.press(button!, 'U5');
    await until(() => slack.callsTo('files.delete').length === 1);
    await bot.stop();
    expect(slack.answers().map(({ thread_ts }) => thread_ts)).toEqual([post.ts]);
  });

  test('still gives up what is removed', async () => {
    const { slack, bot } = await startOnSlack({ readPhoto: fakePhotoReader(2000) });
    const post = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.fileRequests.length === 1);
    const stopped = bot.stop();
    slack.remove(post);
    await stopped;
    expect(slack.said()).toEqual([]);
  });

  test('gives up what takes longer than allowed', async () => {
    const { slack, bot } = await startOnSlack({
      readPhoto: fakePhotoReader(60_000),
      environment: { SHUTDOWN_SECONDS: '1' },
    });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.fileRequests.length === 1);
    const from = Date.now();
    await bot.stop();
    expect(Date.now() - from).toBeLessThan(4000);
    expect(slack.said()).toEqual([]);
  });

  test.each([
    ['the socket', false],
    ['HTTP', true],
  ])('over %s, tells whoever asks meanwhile, and leaves messages to be sent again', async (_, http) => {
    const { slack, bot, log } = await startOnSlack({ http, readPhoto: fakePhotoReader(500) });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    await until(() => slack.fileRequests.length === 1);
    const stopped = bot.stop();
    const command = slack.command('/emotions-help');
    const [photo, mention] = [{ files: [slack.file(await plainPicture(64, 48))] }, { text: `<@${slack.me}> help` }];
    const ids = [photo, mention].map((fields, k) =>
      slack.event({ type: 'message', channel: 'C1', user: 'U7', ts: `1700000008.00000${k}`, text: '', ...fields }),
    );
    await stopped;
    expect(slack.responses.map(({ text }) => text)).toEqual(['I am about to restart. Try again in a minute.']);
    expect(slack.acks).toContain(command);
    for (const id of ids) expect(slack.acks).not.toContain(id);
    expect(slack.answers()).toHaveLength(1);
    expect(log.join('')).not.toContain('"level":"error"');
  });
});

test('one process serves Slack and Discord', async () => {
  const discord = await FakeDiscord.start();
  const { slack, bot } = await startOnSlack({
    environment: { DISCORD_TOKEN: discord.token },
    internal: { discordApi: `${discord.origin}/api` },
  });
  expect(bot.addresses).toEqual([expect.stringMatching(/^On Discord/), expect.stringMatching(/^On Slack/)]);
  slack.post({ files: [slack.file(await plainPicture(64, 48))] });
  await buttons(slack, 1);
  await bot.stop();
  await discord.close();
});

test('no token, secret or picture stands in the log at its fullest', async () => {
  const { slack, log } = await startOnSlack({ environment: { LOG_LEVEL: 'trace' } });
  slack.post({ files: [slack.file(await plainPicture(64, 48), 'private-name.png')], text: 'private words' });
  await buttons(slack, 1);
  slack.next.set('chat.postMessage', [{ body: { ok: false, error: `bad ${slack.token}` } }]);
  slack.post({ files: [slack.file(Buffer.from('x'))] });
  await until(() => log.some((line) => line.includes('could not be sent')));
  await aWhile();
  expect(log.join('')).not.toMatch(/xoxb-|xapp-|private words|respond\b|abc123/);
});

test('a real photo goes through the whole walk: the picture that comes back is decoded again', async () => {
  const classifier = await loadClassifier('model', { threads: 1 });
  const detector = createFaceDetector({ threads: 1 });
  try {
    // However busy the machine that runs the tests is.
    const tools = { detector, classifier, limits: { maxMilliseconds: 85_000 } };
    const { slack } = await startOnSlack({
      readPhoto: (bytes, signal) => readPhoto(bytes, tools, { annotate: true, signal }),
    });
    const demo = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'demo');
    const photo = await sharp(join(demo, 'sample1.jpg'))
      .resize(800)
      .withExif({ IFD0: { Copyright: 'somebody' } })
      .jpeg()
      .toBuffer();
    slack.post({ files: [slack.file(photo, 'sample1.jpg', 'image/jpeg')] });
    await buttons(slack, 1, 90_000);
    const [answer] = slack.answers();
    expect(answer!.text).toMatch(/^\d+ (person|people)\b.*\n1\. /);
    const upload = slack.uploads.get(answer!.files[0]!.id)!;
    const [before, after] = await Promise.all([sharp(photo).metadata(), sharp(upload.bytes).metadata()]);
    expect(after.width! / after.height!).toBeCloseTo(before.width! / before.height!, 1);
    expect(after.exif).toBeUndefined();
    // The boxes are drawn: the picture is not the photo.
    const pixels = (bytes: Buffer) => sharp(bytes).resize(200, 200, { fit: 'fill' }).removeAlpha().raw().toBuffer();
    const [a, b] = await Promise.all([pixels(photo), pixels(upload.bytes!)]);
    expect(a.filter((value, k) => Math.abs(value - b[k]!) > 60).length).toBeGreaterThan(200);
    expect(upload.altText).toMatch(/^Photo with \d+ faces?: 1\. /);
  } finally {
    await detector.close();
    await classifier.dispose();
  }
}, 120_000);
