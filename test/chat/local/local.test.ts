import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { PhotoServices } from '../../../commands/emotions.ts';
import { UserError } from '../../../src/base/errors.ts';
import { createLogger } from '../../../src/base/log.ts';
import { type Bot, startBot } from '../../../src/bot.ts';
import type { ChannelEvent, MessageView } from '../../../src/chat/local/message.ts';
import { loadConfig } from '../../../src/config.ts';
import { Opinions } from '../../../src/settings/opinions.ts';
import { fakePhotoReader, plainPicture } from '../../fakes/photo.ts';
import { load, openPage, pageHeaders } from '../../helpers/local-page.ts';

const MB = 1024 * 1024;
const bots: Bot[] = [];
const openStreams: AbortController[] = [];
afterEach(async () => {
  for (const stream of openStreams.splice(0)) stream.abort();
  await Promise.all(bots.splice(0).map((bot) => bot.stop()));
});

/** A bot on its page, with what a browser would do there. */
async function start(
  options: {
    environment?: Record<string, string>;
    readPhoto?: PhotoServices['readPhoto'];
    ready?: Promise<unknown>;
  } = {},
) {
  const environment = { LOCAL_PORT: '0', SHUTDOWN_SECONDS: '5', ...options.environment };
  const config = loadConfig({ environment, directory: import.meta.dirname });
  const log: string[] = [];
  const logger = createLogger({ level: 'debug', destination: { write: (line) => log.push(line) } });
  const bot = await startBot(config, logger, options.readPhoto ?? fakePhotoReader(), undefined, options.ready);
  bots.push(bot);
  const origin = await openPage(bot.addresses[0]!);
  const send = (method: string, path: string, body?: string | Uint8Array, type = 'application/json') =>
    fetch(origin + path, {
      method,
      headers: { ...pageHeaders(origin), ...(body !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
  const upload = async (bytes: Uint8Array, name = 'photo.png') => {
    const answer = await send('POST', `/api/files?name=${encodeURIComponent(name)}`, bytes, 'application/octet-stream');
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: string }).id;
  };
  const post = (message: unknown) => send('POST', '/api/messages', JSON.stringify(message));
  return { bot, origin, log, send, upload, post, page: await watch(origin) };
}

type PageEvent = ChannelEvent | { type: 'all'; messages: MessageView[]; limits: Record<string, number> };

/** Listens to the page's events as a browser does. */
async function watch(origin: string) {
  const controller = new AbortController();
  openStreams.push(controller);
  const answer = await load(`${origin}/api/events`, { signal: controller.signal });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const events: PageEvent[] = [];
  const ended = (async () => {
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) if (block.startsWith('data: ')) events.push(JSON.parse(block.slice(6)));
    }
  })().catch((error: unknown) => {
    if (!controller.signal.aborted) throw error;
  });
  const until = async <T>(look: () => T | undefined | false): Promise<T> => {
    for (const end = Date.now() + 20_000; Date.now() < end; await delay(5)) {
      const found = look();
      if (found) return found;
    }
    throw new Error(`not seen; the page saw ${JSON.stringify(events)}`);
  };
  const messages = (from: 'you' | 'bot') =>
    events.flatMap((event) => (event.type === 'message' && event.message.from === from ? [event.message] : []));
  return {
    events,
    ended,
    until,
    messages,
    answers: (count: number) => until(() => messages('bot').length >= count && messages('bot')),
    removed: (id: string) => until(() => events.some((event) => event.type === 'removed' && event.id === id)),
  };
}

/** A raw request, with headers that fetch would not send. */
function raw(origin: string, path: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((done, fail) => {
    const { cookie } = pageHeaders(origin);
    const request = http.request(origin + path, { method, headers: { cookie, ...headers } }, (answer) => {
      answer.resume();
      done(answer.statusCode!);
    });
    request.on('error', fail);
    request.end();
  });
}

describe('photos', () => {
  test('a photo is shown, and answered with the annotated picture and its people', async () => {
    const { page, upload, post, origin } = await start();
    const photo = await upload(await plainPicture(64, 48), 'party.png');
    expect((await post({ files: [{ upload: photo }] })).status).toBe(202);
    const [answer] = await page.answers(1);
    expect(page.messages('you')[0]!.files).toEqual([{ id: photo, name: 'party.png', mime: 'image/png' }]);
    expect(answer).toMatchObject({
      removable: true,
      card: {
        heading: '2 people',
        people: [
          { number: 1, emotion: 'happy' },
          { number: 2, emotion: 'unsure' },
        ],
      },
      files: [{ name: 'party-emotions.jpg', mime: 'image/jpeg', altText: expect.stringContaining('2 people') }],
    });
    const picture = await load(`${origin}/api/files/${answer!.files[0]!.id}`);
    expect(picture.headers.get('content-type')).toBe('image/jpeg');
    expect(picture.headers.get('cache-control')).toBe('no-store');
    expect(await sharp(await picture.arrayBuffer()).metadata()).toMatchObject({ width: 64, height: 48 });
    await page.until(() => page.events.some((event) => event.type === 'progress' && event.text === null));
  });

  test('an answer asks whether it is right, once a face', async () => {
    const state = mkdtempSync(join(tmpdir(), 'page-'));
    onTestFinished(() => rmSync(state, { recursive: true, force: true }));
    const { page, upload, post, send } = await start({ environment: { STATE_DIR: state } });
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    const [answer] = await page.answers(1);
    expect(answer!.asks?.faces).toEqual([
      { number: 1, said: 'happy' },
      { number: 2, said: 'unsure' },
    ]);
    const tell = (told: unknown) => send('POST', `/api/messages/${answer!.id}/right`, JSON.stringify(told));
    expect((await tell({ faces: [{ number: 2, meant: 'glum' }] })).status).toBe(400);
    expect((await tell({ faces: [{ number: 2, meant: 'sad' }] })).status).toBe(204);
    const latest = () =>
      page
        .messages('bot')
        .filter(({ id }) => id === answer!.id)
        .at(-1)!;
    await page.until(() => latest().asks?.faces.length === 1);
    expect((await tell({ right: true })).status).toBe(204);
    await page.until(() => latest().asks === undefined);
    const again = await tell({ right: true });
    expect([again.status, ((await again.json()) as { message: string }).message]).toEqual([
      404,
      'That was counted before.',
    ]);
    await post({ text: '/emotions stats' });
    await page.until(() => page.messages('bot').some(({ text }) => text.includes('found 1 right (100 %)')));
    expect(page.messages('bot').at(-1)!.text).toContain('they said: sad 1');
    expect(
      page
        .messages('bot')
        .at(-1)!
        .files.map(({ name }) => name),
    ).toEqual(['right-or-not.png']);
  });

  test('two tabs that judge an answer at once leave no face to ask about', async () => {
    // As where the counts are in a Redis that takes its time.
    const counting = vi.spyOn(Opinions.prototype, 'count').mockImplementation(() => delay(100, 1));
    onTestFinished(() => counting.mockRestore());
    const { page, upload, post, send } = await start();
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    const [answer] = await page.answers(1);
    const tell = (number: number) =>
      send('POST', `/api/messages/${answer!.id}/right`, JSON.stringify({ faces: [{ number, meant: 'sad' }] }));
    expect((await Promise.all([tell(1), tell(2)])).map(({ status }) => status)).toEqual([204, 204]);
    await page.until(() => page.messages('bot').length === 3);
    expect(page.messages('bot')[2]!.asks).toBeUndefined();
  });

  test('every photo of a message is answered, one that cannot be read with a sentence', async () => {
    const { page, upload, post } = await start({ environment: { MAX_PHOTO_MB: '1' } });
    const files = [
      { upload: await upload(await plainPicture(64, 48), 'one.png') },
      { upload: await upload(Buffer.from('hello'), 'notes.txt') },
      { name: 'huge.png', size: 5_000_000 },
      { upload: await upload(await plainPicture(8, 8), 'wall.png') },
    ];
    await post({ files });
    const answers = await page.answers(4);
    expect(answers.map(({ text }) => text.split('\n')[0])).toEqual([
      'one.png: 2 people',
      'notes.txt: That file is not a picture. Post a photo.',
      'huge.png: That file is larger than 1 MB. Try a smaller copy of the picture.',
      expect.stringMatching(/^wall\.png: I found no face/),
    ]);
    // Only what is a picture by its bytes is offered to the browser as one.
    expect(page.messages('you')[0]!.files.map(({ mime }) => mime)).toEqual([
      'image/png',
      undefined,
      undefined,
      'image/png',
    ]);
  });

  test('the page keeps a copy of a large photo, which /emotions reads again', async () => {
    const large = Buffer.concat([await plainPicture(64, 48), Buffer.alloc(2_000_000)]);
    const copy = await plainPicture(40, 30, 'jpeg');
    const read: number[] = [];
    const wanted: unknown[] = [];
    const { page, upload, post, origin } = await start({
      readPhoto: async (bytes, signal, _hold, _moving, withCopy) => {
        read.push(bytes.length);
        wanted.push(withCopy);
        const answered = await fakePhotoReader()(bytes, signal);
        return withCopy ? { ...answered, copy: { bytes: copy, mime: 'image/jpeg' } } : answered;
      },
    });
    const photo = await upload(large, 'large.png');
    await post({ files: [{ upload: photo }] });
    await page.answers(1);
    expect(page.messages('you').at(-1)!.files).toEqual([{ id: photo, name: 'large.png', mime: 'image/jpeg' }]);
    const shown = await load(`${origin}/api/files/${photo}`);
    expect(Buffer.from(await shown.arrayBuffer())).toEqual(copy);
    await post({ text: '/emotions' });
    await page.answers(2);
    expect([read, wanted]).toEqual([
      [large.length, copy.length],
      [true, true],
    ]);
  });

  test('a page that is opened later sees what there is', async () => {
    const { page, upload, post, origin } = await start();
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    await page.answers(1);
    const later = await watch(origin);
    const all = await later.until(() => later.events.find((event) => event.type === 'all'));
    expect(all.messages.map(({ from }) => from)).toEqual(['you', 'bot']);
    expect(all.limits).toEqual({ maxBytes: 32 * MB, together: 24 * MB, maxFiles: 10, keepMinutes: 60 });
  });

  test('Remove deletes the answer and the photo everywhere', async () => {
    const { page, upload, post, send, origin } = await start();
    const photo = await upload(await plainPicture(64, 48));
    await post({ files: [{ upload: photo }] });
    const [answer] = await page.answers(1);
    expect((await send('DELETE', `/api/messages/${answer!.id}`)).status).toBe(204);
    await page.removed(answer!.id);
    await page.removed(page.messages('you')[0]!.id);
    for (const id of [photo, answer!.files[0]!.id]) {
      expect((await load(`${origin}/api/files/${id}`)).status).toBe(404);
    }
    expect((await send('DELETE', `/api/messages/${answer!.id}`)).status).toBe(404);
  });

  test('a photo that is removed while it is read is given up and never comes back', async () => {
    let reading!: AbortSignal;
    const { page, upload, post, send } = await start({
      readPhoto: (bytes, signal) => {
        reading = signal;
        return fakePhotoReader(60_000)(bytes, signal);
      },
    });
    const { id } = (await (await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] })).json()) as {
      id: string;
    };
    await page.until(() => reading);
    await send('DELETE', `/api/messages/${id}`);
    await page.until(() => reading.aborted);
    await page.until(() => page.events.some((event) => event.type === 'progress' && event.text === null));
    expect(page.messages('bot')).toEqual([]);
  });

  test('a photo that is removed while a command reads it again never comes back', async () => {
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let readings = 0;
    const { page, upload, post, send } = await start({
      readPhoto: async (bytes, signal) => {
        readings++;
        if (readings > 1) await finished;
        return await fakePhotoReader()(bytes, signal);
      },
    });
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    await page.answers(1);
    const asked = (await (await post({ text: '/emotions' })).json()) as { id: string };
    await page.until(() => readings === 2);
    await send('DELETE', `/api/messages/${page.messages('you')[0]!.id}`);
    finish();
    await page.until(() =>
      page.events.some((event) => event.type === 'progress' && event.request === asked.id && event.text === null),
    );
    expect(page.messages('bot')).toHaveLength(1);
  });
});

describe('words', () => {
  test('/emotions reads the latest photo again', async () => {
    const { page, upload, post } = await start();
    await post({ files: [{ upload: await upload(await plainPicture(64, 48), 'old.png') }] });
    await page.answers(1);
    await post({ files: [{ upload: await upload(await plainPicture(64, 48), 'new.png') }] });
    await page.answers(2);
    await post({ text: '/emotions' });
    const answers = await page.answers(3);
    expect(answers[2]!.files[0]!.name).toBe('new-emotions.jpg');
  });

  test('/privacy opt-out is kept when the bot starts again, and a photo is answered with why it is not read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'local-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const environment = { STATE_DIR: directory };
    const first = await start({ environment });
    await first.post({ text: '/privacy opt-out' });
    expect((await first.page.answers(1))[0]!.text).toMatch(/^Done/);
    await first.bot.stop();

    const second = await start({ environment, readPhoto: () => Promise.reject(new Error('it must not be read')) });
    await second.post({ files: [{ upload: await second.upload(await plainPicture(64, 48)) }] });
    expect((await second.page.answers(1))[0]!.text).toMatch(/^You opted out/);
    await second.bot.stop();

    const third = await start({ environment });
    await third.post({ text: '/privacy opt-in' });
    await third.page.answers(1);
    await third.post({ files: [{ upload: await third.upload(await plainPicture(64, 48)) }] });
    expect((await third.page.answers(2))[1]!.card?.heading).toBe('2 people');
  });

  test('its one user never waits for a cooldown', async () => {
    const { page, post, upload } = await start({ environment: { PERSON_PHOTOS_PER_MINUTE: '1' } });
    for (let k = 1; k <= 3; k++) {
      await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
      expect((await page.answers(k))[k - 1]!.card?.heading).toBe('2 people');
    }
  });

  test.each([
    ['/emotions', 'There is no picture here yet.'],
    ['/help', 'For example: /emotions'],
    ['Help', 'For example: /emotions'],
    ['/help emotions', 'IMAGE – The picture to read'],
    ['/dance', 'There is no command /dance. /help says'],
    ['/emotions now', '‘now’'],
    ['hello', 'There is no picture in this message.'],
    ['/', 'There is no picture in this message.'],
  ])('%j is answered: %s', async (text, part) => {
    const { page, post } = await start();
    await post({ text });
    expect((await page.answers(1))[0]!.text).toContain(part);
    expect(page.messages('you')[0]!.text).toBe(text);
  });

  test.each([
    [{ text: '  ' }, 400, 'empty'],
    [{ text: 'x'.repeat(2001) }, 400, 'at most 2000 characters'],
    [{ text: 'x'.repeat(70_000) }, 400, 'at most 2000 characters'],
    [{ files: Array.from({ length: 11 }, () => ({ name: 'a', size: 1 })) }, 400, '10 photos'],
    [{ files: [{ upload: 'f47ac10b-58cc-4372-a567-0e02b2c3d479' }] }, 404, 'Post it again'],
    [{ files: [{ path: '/etc/passwd' }] }, 400, 'at most'],
  ])('%j is refused with %i', async (message, status, part) => {
    const { page, post } = await start();
    const answer = await post(message);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining(part) });
    expect(page.messages('you')).toEqual([]);
  });

  test('a message with a photo that has been forgotten keeps no memory for the others', async () => {
    const { upload, post } = await start({ environment: { MAX_PHOTO_MB: '30' } });
    const gone = { upload: 'f47ac10b-58cc-4372-a567-0e02b2c3d479' };
    for (let k = 0; k < 3; k++) {
      const photo = { upload: await upload(new Uint8Array(20 * 1024 * 1024)) };
      expect((await post({ files: [photo, gone] })).status).toBe(404);
    }
  });

  test('what is not JSON is refused with a sentence that says so', async () => {
    const { send } = await start();
    const answer = await send('POST', '/api/messages', '{"text":');
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: expect.stringContaining('not read') }]);
  });
});

describe('a request for files', () => {
  test.each([
    ['no body', undefined, ''],
    ['JSON', '{"name":"a.png"}', 'application/json'],
    ['JSON of nothing', 'null', 'application/json'],
    ['JSON that is none', '{', 'application/json'],
    ['words', 'hello', 'text/plain'],
    ['a form', '--a--', 'multipart/form-data; boundary=a'],
  ])('with %s instead of a file is refused in words', async (_what, body, type) => {
    const { send, log } = await start();
    const answer = await send('POST', '/api/files?name=a.png', body, type);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(await answer.json()).toMatchObject({ code: 'bad-usage', message: expect.stringMatching(/^[A-Z].*\.$/) });
    expect(log.join('')).not.toContain('the local page failed');
  });

  test('without a byte, or under two names, is taken as a file', async () => {
    const sizes: number[] = [];
    const { page, post, send, upload } = await start({
      readPhoto: async (bytes, signal) => {
        sizes.push(bytes.length);
        return bytes.length > 0 ? await fakePhotoReader()(bytes, signal) : { faces: [] };
      },
    });
    await post({ files: [{ upload: await upload(new Uint8Array(0), 'empty.png') }] });
    await page.answers(1);
    expect(sizes).toEqual([0]);
    const picture = await plainPicture(64, 48);
    const answer = await send('POST', '/api/files?name=a.png&name=b.png', picture, 'application/octet-stream');
    await post({ files: [{ upload: ((await answer.json()) as { id: string }).id }] });
    expect((await page.answers(2))[1]!.files[0]!.name).toMatch(/emotions\.jpg$/);
  });
});

describe('care', () => {
  test('a file is refused as soon as it is too large, announced or not', async () => {
    const { send, origin } = await start({ environment: { MAX_PHOTO_MB: '1' } });
    const large = new Uint8Array(1024 * 1024 + 1);
    const announced = await send('POST', '/api/files?name=a.png', large, 'application/octet-stream');
    expect(announced.status).toBe(413);
    expect(await announced.json()).toEqual({
      code: 'too-large',
      message: 'That file is larger than 1 MB. Try a smaller copy of the picture.',
    });

    // Chunked, so that nothing says how long it will be; it goes on until the server has enough.
    let sent = 0;
    const status = await new Promise<number>((done, fail) => {
      const headers = { ...pageHeaders(origin), 'content-type': 'application/octet-stream' };
      const request = http.request(`${origin}/api/files?name=a.png`, { method: 'POST', headers }, (answer) => {
        done(answer.statusCode!);
        request.destroy();
      });
      request.on('error', fail);
      const more = () => {
        if (request.destroyed) return;
        sent += 65_536;
        if (request.write(new Uint8Array(65_536))) setImmediate(more);
        else request.once('drain', more);
      };
      more();
    });
    expect(status).toBe(413);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('only four files arrive at a time: a fifth is refused, and taken once one of them has arrived', async () => {
    const { origin, send } = await start();
    const headers = { ...pageHeaders(origin), 'content-type': 'application/octet-stream' };
    const fifth = () => send('POST', '/api/files?name=e.png', new Uint8Array(8), 'application/octet-stream');
    const slow = ['a', 'b', 'c', 'd'].map((name) => {
      const request = http.request(`${origin}/api/files?name=${name}.png`, { method: 'POST', headers });
      const arrived = new Promise((done, fail) =>
        request.on('response', (answer) => done(answer.statusCode)).on('error', fail),
      );
      request.write(new Uint8Array(8));
      return { request, arrived };
    });
    await vi.waitUntil(async () => (await fifth()).status === 503, 5000);
    for (const { request } of slow) request.end();
    expect(await Promise.all(slow.map(({ arrived }) => arrived))).toEqual([201, 201, 201, 201]);
    expect((await fifth()).status).toBe(201);
  });

  test('the events have no answer without a body, which would never end', async () => {
    const { origin } = await start();
    for (let k = 0; k < 20; k++) expect(await raw(origin, '/api/events', {}, 'HEAD')).toBe(404);
    expect(await raw(origin, '/', {}, 'HEAD')).toBe(200);
  });

  test('a name that was pointed at this machine, and a foreign page, are refused', async () => {
    const { origin } = await start();
    const { port } = new URL(origin);
    expect(await raw(origin, '/', {})).toBe(200);
    expect(await raw(origin, '/', { host: `evil.example:${port}` })).toBe(403);
    expect(await raw(origin, '/api/messages', { origin: 'http://evil.example' }, 'POST')).toBe(403);
    expect(await raw(origin, '/api/messages/1', {}, 'DELETE')).toBe(403);
    expect(await raw(origin, '/api/events', { 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  test('another user of this machine, who does not know the key, sees and sends nothing', async () => {
    const { bot, origin, page, post, upload } = await start();
    const id = await upload(await plainPicture(64, 48));
    await post({ files: [{ upload: id }] });
    await page.answers(1);
    const { cookie } = pageHeaders(origin);
    const answer = await fetch(new URL(bot.addresses[0]!.match(/http:\S+/)![0]));
    expect(answer.headers.get('set-cookie')).toBe(`${cookie}; Path=/; HttpOnly; SameSite=Strict`);
    for (const other of ['', 'emotions-1=a', cookie.slice(0, -1), `${cookie}x`, cookie.replace('=', '=x')]) {
      for (const path of [
        '/',
        '/chat.js',
        '/api/events',
        `/api/files/${id}`,
        '/?key=',
        '/?key=wrong',
        '/api/events?key=wrong',
      ]) {
        expect(await raw(origin, path, { cookie: other }), `${other} ${path}`).toBe(403);
      }
      const headers = { cookie: other, origin };
      expect(await raw(origin, '/api/messages', headers, 'POST')).toBe(403);
      expect(await raw(origin, '/api/files', headers, 'POST')).toBe(403);
      expect(await raw(origin, `/api/messages/${page.messages('bot')[0]!.id}`, headers, 'DELETE')).toBe(403);
    }
    // The key opens the page and nothing else, and is another one for another bot.
    const key = cookie.split('=')[1];
    expect(await raw(origin, `/api/events?key=${key}`, { cookie: '' })).toBe(403);
    expect(await raw(origin, '/', { cookie: `theme=dark; ${cookie}` })).toBe(200);
    expect(pageHeaders((await start()).origin).cookie).not.toContain(key);
    await expect(fetch(origin).then((refused) => refused.json())).resolves.toMatchObject({
      message: expect.stringContaining('npm start printed'),
    });
  });

  test('every answer carries the strict headers, refusals and pictures too', async () => {
    const { origin, upload, post, page } = await start();
    const id = await upload(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'drawing.svg');
    await post({ files: [{ upload: id }] });
    await page.answers(1);
    for (const path of ['/', '/chat.js', '/chat.css', '/palette.css', '/nothing', `/api/files/${id}`, '/api/events']) {
      const controller = new AbortController();
      const answer = await load(origin + path, { signal: controller.signal });
      const policy = answer.headers.get('content-security-policy');
      expect(policy, path).toContain("default-src 'none'");
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(answer.headers.get('cross-origin-resource-policy'), path).toBe('same-origin');
      controller.abort();
    }
    const drawing = await load(`${origin}/api/files/${id}`);
    expect(drawing.headers.get('content-type')).toBe('application/octet-stream');
    expect(drawing.headers.get('content-security-policy')).toContain('sandbox');
  });

  test('nothing but the page’s own files is served', async () => {
    const { origin } = await start();
    for (const path of ['/index.html', '/../package.json', '/%2e%2e/package.json', '/local.ts', '/.env']) {
      expect(await raw(origin, path, {}), path).toBe(404);
    }
  });

  test('a photo’s name and bytes stay out of the log, a bug’s id does not', async () => {
    const { page, upload, post, log } = await start({
      readPhoto: () => Promise.reject(new TypeError('broken inside')),
    });
    await post({ files: [{ upload: await upload(await plainPicture(64, 48), 'private-name.png') }] });
    const [answer] = await page.answers(1);
    const id = /log as ([0-9a-f]{8})/.exec(answer!.text)![1];
    expect(log.join('')).toContain(id);
    expect(log.join('')).not.toContain('private-name');
    expect(answer!.text).not.toContain('broken inside');
  });
});

describe('starting and stopping', () => {
  test('a port that is taken makes it look for the next', async () => {
    const first = await start();
    const port = new URL(first.origin).port;
    const second = await start({ environment: { LOCAL_PORT: port } });
    expect(Number(new URL(second.origin).port)).toBeGreaterThan(Number(port));
  });

  test('where no port is free it says which setting to change', async () => {
    const blocker = http.createServer();
    await new Promise<void>((done) => blocker.listen(65_535, '127.0.0.1', done));
    try {
      await expect(start({ environment: { LOCAL_PORT: '65535' } })).rejects.toThrow(
        new UserError(
          'bad-config',
          'The page cannot be shown at port 65535 of 127.0.0.1 (EADDRINUSE). Set LOCAL_PORT to another one.',
        ),
      );
    } finally {
      blocker.close();
    }
  });

  test('it has started once the photo reader is loaded', async () => {
    let load!: () => void;
    const ready = new Promise<void>((done) => {
      load = done;
    });
    const starting = start({ ready });
    expect(await Promise.race([starting, delay(50, 'not yet')])).toBe('not yet');
    load();
    expect((await starting).bot.addresses).toHaveLength(1);
  });

  test('if the photo reader cannot be loaded, it ends with that error, and its page is gone', async () => {
    const { bot, origin } = await start();
    await bot.stop();
    const mistake = new UserError('bad-model', 'There is no network.');
    const port = new URL(origin).port;
    await expect(start({ environment: { LOCAL_PORT: port }, ready: Promise.reject(mistake) })).rejects.toBe(mistake);
    await expect(fetch(origin)).rejects.toThrow();
  });

  test('stopping accepts nothing new, finishes running work, then ends the page', async () => {
    let finish!: () => void;
    const held = new Promise<void>((done) => {
      finish = done;
    });
    const { bot, page, upload, post, origin } = await start({
      readPhoto: async (bytes, signal) => {
        await held;
        return await fakePhotoReader()(bytes, signal);
      },
    });
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    await page.until(() => page.events.some((event) => event.type === 'progress'));
    const stopped = bot.stop();
    const refused = await post({ text: '/help' });
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'busy' }]);
    finish();
    await page.answers(1);
    await Promise.all([stopped, page.ended]);
    await expect(fetch(origin)).rejects.toThrow();
  });

  test('work that does not end in time is aborted', async () => {
    let signal!: AbortSignal;
    const { bot, page, upload, post } = await start({
      environment: { SHUTDOWN_SECONDS: '1' },
      readPhoto: (_bytes, given) => {
        signal = given;
        return new Promise(() => {});
      },
    });
    await post({ files: [{ upload: await upload(await plainPicture(64, 48)) }] });
    await page.until(() => signal);
    await bot.stop();
    expect(signal.aborted).toBe(true);
    expect(page.messages('bot')).toEqual([]);
  });

  test('stopping twice, or with an open page, is no trouble', async () => {
    const { bot, page } = await start();
    await Promise.all([bot.stop(), bot.stop()]);
    await page.ended;
  });
});
