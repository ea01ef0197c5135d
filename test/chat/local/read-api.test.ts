import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { UserError } from '../../../src/base/errors.ts';
import { createLogger } from '../../../src/base/log.ts';
import { WorkerDied } from '../../../src/base/workers.ts';
import { type Bot, startBot } from '../../../src/bot.ts';
import { loadConfig } from '../../../src/config.ts';
import { fakePhotoReader, plainPicture } from '../../fakes/photo.ts';

const description = JSON.parse(await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'));

/** A schema of the description, as one that can be asked. */
function schemaOf(name: string): z.ZodType {
  const local = JSON.parse(
    JSON.stringify(description.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
  );
  return z.fromJSONSchema({ ...local[name], $defs: local });
}

let bot: Bot;
let address: URL;
let key: string;
/** What the bot has logged as its own mistakes. */
const mistakes: string[] = [];
/** What reads photos in the present test. */
let readPhoto = fakePhotoReader();

beforeAll(async () => {
  const config = loadConfig({ environment: { LOCAL_PORT: '0', MAX_PHOTO_MB: '1' }, directory: import.meta.dirname });
  const log = createLogger({ level: 'error', destination: { write: (line) => mistakes.push(line) } });
  bot = await startBot(config, log, (bytes, signal) => readPhoto(bytes, signal));
  address = new URL(/http:\S+/.exec(bot.addresses[0]!)![0]);
  key = address.searchParams.get('key')!;
});
afterAll(async () => bot.stop());

async function read(
  body: Uint8Array | undefined,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return await fetch(new URL(`/api/read${query}`, address), {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...headers },
    ...(body && { body: Buffer.from(body) }),
  });
}

async function withReader<T>(reader: typeof readPhoto, work: () => Promise<T>): Promise<T> {
  readPhoto = reader;
  try {
    return await work();
  } finally {
    readPhoto = fakePhotoReader();
  }
}

/** Sends the beginning of a request that promises so many bytes. @returns the connection */
async function begin(path: string, promised: number, body: string): Promise<Socket> {
  const socket = connect(Number(address.port), address.hostname);
  await once(socket, 'connect');
  const headers = [`host: ${address.host}`, `authorization: Bearer ${key}`, 'content-type: application/octet-stream'];
  socket.write(`POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\ncontent-length: ${promised}\r\n\r\n${body}`);
  return socket;
}

describe.each(['/api/read', '/api/files'])('a file that comes in at %s', (path) => {
  test('and is announced as too large is refused before it is sent', async () => {
    const socket = await begin(path, 2 ** 21, '');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test('and is sent without a look at the answer, though it is too large, is refused all the same', async () => {
    const size = 16 * 1024 * 1024;
    const socket = await begin(path, size, '');
    socket.pause();
    await new Promise((done, fail) => {
      socket.on('error', fail);
      socket.write(Buffer.alloc(size), done);
    });
    const [answer] = (await once(socket.resume(), 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test('and breaks off, since its sender went away, is no error', async () => {
    const socket = await begin(path, 1000, 'half');
    // It has been begun.
    expect((await read(await plainPicture(64, 48))).status).toBe(200);
    socket.destroy();
    await once(socket, 'close');
    for (let k = 0; k < 3; k++) expect((await read(await plainPicture(64, 48))).status).toBe(200);
    expect(mistakes).toEqual([]);
  });
});

describe('POST /api/read', () => {
  test('answers with what the command line says of a picture, as the description promises', async () => {
    for (const [query, keys] of [
      ['?name=party.png', []],
      ['?name=party.png&picture=1', ['picture']],
    ] as const) {
      const answer = await read(await plainPicture(64, 48), { query, headers: { 'content-type': 'image/png' } });
      expect(answer.status).toBe(200);
      const body = (await answer.json()) as object;
      expect(Object.keys(body)).toEqual(['photo', 'width', 'height', 'faces', ...keys, 'milliseconds']);
      expect(body).toMatchObject({
        photo: 'party.png',
        width: 64,
        height: 48,
        faces: [
          { box: { x: 2, y: 3, width: 8, height: 8 }, emotion: 'happy', confidence: 0.93 },
          { emotion: 'unsure', confidence: 0.4 },
        ],
      });
      expect(schemaOf('Reading').safeParse(body).error).toBeUndefined();
    }
  });

  test('the schema takes no other answer', async () => {
    const body = (await (await read(await plainPicture(64, 48))).json()) as { faces: object[] };
    for (const wrong of [
      { ...body, faces: [{ ...body.faces[0], emotion: 'glum' }] },
      { ...body, width: undefined },
      { ...body, more: 'yes' },
    ])
      expect(schemaOf('Reading').safeParse(wrong).success).toBe(false);
  });

  test('gives the annotated picture alone where that is accepted, nothing where nobody is in it', async () => {
    const headers = { accept: 'image/jpeg' };
    const picture = await read(await plainPicture(64, 48), { headers });
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect(Buffer.from(await picture.arrayBuffer()).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect((await read(await plainPicture(8, 8), { headers })).status).toBe(204);
    const nobody = await (await read(await plainPicture(8, 8), { query: '?picture=1' })).json();
    expect(nobody).toMatchObject({ faces: [] });
    expect(nobody).not.toHaveProperty('picture');
  });

  test.each(['application/x-www-form-urlencoded', 'application/json', 'text/plain'])(
    'takes a picture that is called %s, as curl may call it',
    async (type) => {
      expect((await read(await plainPicture(64, 48), { headers: { 'content-type': type } })).status).toBe(200);
    },
  );

  test.each([
    ['no picture', 415, 'not-a-picture', async () => Buffer.from('hello')],
    ['a file that is too large', 413, 'too-large', async () => Buffer.alloc(1024 * 1024 + 1)],
  ])('%s is refused with %i and %s', async (_what, status, code, bytes) => {
    const answer = await read(await bytes());
    const body = await answer.json();
    expect([answer.status, body]).toMatchObject([status, { code }]);
    expect(schemaOf('Mistake').safeParse(body).error).toBeUndefined();
  });

  test.each([
    [new UserError('busy', 'Too much.'), 503, 'busy'],
    [new UserError('too-slow', 'Too slow.'), 422, 'too-slow'],
    [new UserError('cut-picture', 'Cut.'), 400, 'cut-picture'],
    [new WorkerDied('a thread died'), 422, 'broke-down'],
    [new Error('a bug'), 500, 'bug'],
  ])('what fails on the way is told: %s as %i', async (error, status, code) => {
    const answer = await withReader(
      () => Promise.reject(error),
      async () => await read(await plainPicture(64, 48)),
    );
    expect([answer.status, await answer.json()]).toMatchObject([status, { code, message: expect.any(String) }]);
  });

  test('an empty request is an empty picture', async () => {
    const answer = await withReader(
      async (bytes) => {
        throw new UserError('empty-file', `${bytes.length} bytes`);
      },
      async () => await read(undefined),
    );
    expect([answer.status, await answer.json()]).toEqual([400, { code: 'empty-file', message: '0 bytes' }]);
  });

  test('more than four at a time are refused, a program that goes away is not read for', async () => {
    const signals: AbortSignal[] = [];
    await withReader(
      (bytes, signal) => {
        signals.push(signal);
        return fakePhotoReader(60_000)(bytes, signal);
      },
      async () => {
        const gone = new AbortController();
        const picture = await plainPicture(64, 48);
        const waiting = [1, 2, 3, 4].map(() =>
          fetch(new URL('/api/read', address), {
            method: 'POST',
            headers: { authorization: `Bearer ${key}` },
            body: Buffer.from(picture),
            signal: gone.signal,
          }).catch(() => 'gone'),
        );
        await expect.poll(() => signals.length).toBe(1);
        await expect.poll(async () => (await read(picture)).status).toBe(503);
        gone.abort();
        expect(await Promise.all(waiting)).toEqual(['gone', 'gone', 'gone', 'gone']);
        await expect.poll(() => signals.every(({ aborted }) => aborted)).toBe(true);
      },
    );
    await expect.poll(async () => (await read(await plainPicture(64, 48))).status).toBe(200);
  });
});

describe('the guard', () => {
  test.each([
    ['no key', { authorization: '' }],
    ['a wrong key', { authorization: `Bearer ${'x'.repeat(24)}` }],
    ['a foreign page that knows the key', { origin: 'http://evil.example' }],
    ['a foreign page whose browser hides the origin', { 'sec-fetch-site': 'cross-site' }],
  ])('refuses %s', async (_what, headers: Record<string, string>) => {
    const answer = await read(await plainPicture(64, 48), { headers });
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'not-allowed' }]);
  });

  test('a key in the header opens the API, and not the page', async () => {
    const headers = { authorization: `Bearer ${key}` };
    const served = await fetch(new URL('/api/openapi.json', address), { headers });
    expect(await served.json()).toEqual(description);
    expect((await fetch(new URL('/chat.js', address), { headers })).status).toBe(403);
  });
});
