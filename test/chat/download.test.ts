import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { NotYet, UserError } from '../../src/base/errors.ts';
import { type DownloadOptions, downloadAttachment, HostRefused } from '../../src/chat/download.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

/** A file host on loopback that answers with `handler`. @returns its origin and the paths that were asked for */
async function host(handler: Handler) {
  const asked: { path: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    asked.push({ path: request.url!, authorization: request.headers.authorization });
    handler(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const options = (overrides: Partial<DownloadOptions> = {}): DownloadOptions => ({
  allowedOrigins: ['https://cdn.example.com', 'https://eu.files.example.com'],
  maxBytes: 1000,
  timeoutMs: 5000,
  ...overrides,
});

/** A fetch that answers by address and records what was asked. */
function fakeFetch(answer: (url: string) => Response) {
  return vi.fn(async (input: string | URL | Request, _init?: RequestInit) => answer(String(input)));
}

const redirectTo = (location: string, status = 302) => new Response(null, { status, headers: { location } });

describe('what is loaded from', () => {
  test.each([
    'https://cdn.example.com/a.png',
    'https://CDN.example.com:443/a.png?x=1',
    'https://eu.files.example.com/a.png',
  ])('%s', async (url) => {
    const send = fakeFetch(() => new Response('bytes'));
    expect(String(await downloadAttachment(url, options({ fetch: send })))).toBe('bytes');
    expect(send).toHaveBeenCalledOnce();
  });

  test.each([
    ['another host', 'https://evil.example/a.png'],
    ['http', 'http://cdn.example.com/a.png'],
    ['another scheme', 'file:///etc/passwd'],
    ['data', 'data:image/png;base64,AAAA'],
    ['a blob of the right host', 'blob:https://cdn.example.com/a.png'],
    ['a relative address', '/etc/passwd'],
    ['nothing', ''],
    ['loopback by name', 'https://localhost/a.png'],
    ['loopback by number', 'https://127.0.0.1/a.png'],
    ['loopback as one number', 'https://2130706433/a.png'],
    ['loopback in hexadecimal', 'https://0x7f.1/a.png'],
    ['loopback in IPv6', 'https://[::1]/a.png'],
    ['loopback mapped into IPv6', 'https://[::ffff:127.0.0.1]/a.png'],
    ['a cloud’s metadata', 'http://169.254.169.254/latest/meta-data/'],
    ['a name in userinfo', 'https://cdn.example.com@evil.example/a.png'],
    ['userinfo before the right host', 'https://me:secret@cdn.example.com/a.png'],
    ['a backslash that ends the host', 'https://evil.example\\@cdn.example.com/a.png'],
    ['another port', 'https://cdn.example.com:8443/a.png'],
    ['a longer name', 'https://cdn.example.com.evil.example/a.png'],
    ['a name that ends alike', 'https://evilcdn.example.com/a.png'],
    ['a suffix without its dot', 'https://evilfiles.example.com/a.png'],
    ['the suffix itself', 'https://files.example.com/a.png'],
    ['the fragment', 'https://evil.example/#.files.example.com'],
    ['a trailing dot', 'https://cdn.example.com./a.png'],
  ])('but not from %s', async (_trick, url) => {
    const send = fakeFetch(() => new Response('secret'));
    const attempt = downloadAttachment(url, options({ fetch: send, headers: { authorization: 'Bearer token' } }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'not-allowed' });
    expect(send).not.toHaveBeenCalled();
  });

  test('a server of http, or of another port, only where that is listed', async () => {
    const { origin, asked } = await host((_request, response) => response.end('bytes'));
    const url = `${origin}/a.png`;
    await expect(downloadAttachment(url, options())).rejects.toMatchObject({ code: 'not-allowed' });
    for (const other of ['http://127.0.0.1:1', origin.replace('http:', 'https:'), 'http://evil.example'])
      await expect(downloadAttachment(url, options({ allowedOrigins: [other] }))).rejects.toThrow(UserError);
    expect(asked).toEqual([]);
    expect(String(await downloadAttachment(url, options({ allowedOrigins: [origin] })))).toBe('bytes');
  });
});

describe('a redirect', () => {
  test('to another of the platform’s hosts is followed with the token', async () => {
    const send = fakeFetch((url) =>
      url.includes('cdn') ? redirectTo('https://eu.files.example.com/b.png') : new Response('bytes'),
    );
    const headers = { authorization: 'Bearer token' };
    const url = 'https://cdn.example.com/a.png';
    expect(String(await downloadAttachment(url, options({ fetch: send, headers })))).toBe('bytes');
    expect(send.mock.calls.map(([to, init]) => [String(to), init?.headers])).toEqual([
      [url, headers],
      ['https://eu.files.example.com/b.png', headers],
    ]);
    expect(send.mock.calls.every(([, init]) => init?.redirect === 'manual')).toBe(true);
  });

  test('on the same host is followed with the token', async () => {
    const { origin, asked } = await host((request, response) => {
      if (request.url === '/b.png') response.end('bytes');
      else response.writeHead(301, { location: '/b.png' }).end();
    });
    const headers = { authorization: 'Bearer token' };
    await downloadAttachment(`${origin}/a.png`, options({ allowedOrigins: [origin], headers }));
    expect(asked).toEqual([
      { path: '/a.png', authorization: 'Bearer token' },
      { path: '/b.png', authorization: 'Bearer token' },
    ]);
  });

  test.each([
    ['elsewhere', 'https://evil.example/a.png'],
    ['this machine', 'http://127.0.0.1:80/a.png'],
    ['http', 'http://cdn.example.com/a.png'],
    ['a host by the scheme’s short form', '//evil.example/a.png'],
    ['a file', 'file:///etc/passwd'],
  ])('to %s is refused before anything is asked there', async (_where, location) => {
    const send = fakeFetch(() => redirectTo(location, 307));
    const headers = { authorization: 'Bearer token' };
    const attempt = downloadAttachment('https://cdn.example.com/a.png', options({ fetch: send, headers }));
    await expect(attempt).rejects.toMatchObject({ code: 'not-allowed' });
    expect(send).toHaveBeenCalledOnce();
  });

  test('from a real server to another real server is refused', async () => {
    const inside = await host((_request, response) => response.end('secret'));
    const outside = await host((_request, response) => response.writeHead(302, { location: inside.origin }).end());
    const attempt = downloadAttachment(`${outside.origin}/a.png`, options({ allowedOrigins: [outside.origin] }));
    await expect(attempt).rejects.toMatchObject({ code: 'not-allowed' });
    expect(inside.asked).toEqual([]);
  });

  test('to a page to sign in at is a refusal, and the page is not asked for', async () => {
    const send = fakeFetch(() => redirectTo('https://me.example.com/?redir=a.png'));
    const isSignIn = ({ hostname }: URL) => hostname === 'me.example.com';
    const attempt = downloadAttachment('https://cdn.example.com/a.png', options({ fetch: send, isSignIn }));
    await expect(attempt).rejects.toBeInstanceOf(HostRefused);
    expect(send).toHaveBeenCalledOnce();
  });

  test('in a circle ends', async () => {
    const send = fakeFetch((url) => redirectTo(url));
    const attempt = downloadAttachment('https://cdn.example.com/a.png', options({ fetch: send }));
    await expect(attempt).rejects.toMatchObject({
      code: 'busy',
      cause: { message: expect.stringMatching(/more than 3 times/) },
    });
    expect(send).toHaveBeenCalledTimes(4);
  });
});

describe('size and time', () => {
  test('exactly as much as allowed is loaded', async () => {
    const { origin } = await host((_request, response) => response.end(Buffer.alloc(1000, 7)));
    const bytes = await downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    expect(bytes).toEqual(Buffer.alloc(1000, 7));
  });

  test('a stream without a length is given up where it exceeds the bound', async () => {
    let sent = 0;
    const { origin } = await host((_request, response) => {
      const timer = setInterval(() => {
        sent += 400;
        response.write(Buffer.alloc(400));
      }, 5);
      response.once('close', () => clearInterval(timer));
    });
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'too-large' });
    // The rest is not read: the connection closes soon.
    const atError = sent;
    await new Promise((done) => setTimeout(done, 100));
    expect(sent).toBeLessThan(atError + 4000);
  });

  test('a length that lies is not believed', async () => {
    const body = new Response(Buffer.alloc(2000), { headers: { 'content-length': '10' } });
    const attempt = downloadAttachment('https://cdn.example.com/', options({ fetch: fakeFetch(() => body) }));
    await expect(attempt).rejects.toMatchObject({ code: 'too-large' });
  });

  test.each(['headers', 'bytes'])('a host that never sends its %s is given up in time', async (silence) => {
    const { origin } = await host((_request, response) => {
      if (silence === 'bytes') response.writeHead(200, { 'content-length': '500' }).write('a');
    });
    const started = Date.now();
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin], timeoutMs: 100 }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'too-slow' });
    expect(Date.now() - started).toBeLessThan(2000);
  });

  test('the caller’s signal gives up with its own reason', async () => {
    const { origin } = await host(() => {});
    const controller = new AbortController();
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin], signal: controller.signal }));
    const reason = new Error('the message was removed');
    setTimeout(() => controller.abort(reason), 20);
    await expect(attempt).rejects.toBe(reason);
  });
});

describe('a host that', () => {
  /** Answers with these statuses, one after the other, and then with the file. */
  async function failing(statuses: readonly number[], headers: Record<string, string> = {}) {
    const left = [...statuses];
    return await host((_request, response) => {
      const status = left.shift();
      if (status === undefined) response.end('bytes');
      else response.writeHead(status, headers).end();
    });
  }

  test.each([404, 410])('has lost the file (%i) is not asked again', async (status) => {
    const { origin, asked } = await failing([status]);
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'not-found' });
    expect(asked).toHaveLength(1);
  });

  test.each([401, 403])('refuses (%i) is a matter for the log', async (status) => {
    const { origin, asked } = await failing([status]);
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    await expect(attempt).rejects.toThrow(`status ${status}`);
    await expect(attempt).rejects.toBeInstanceOf(HostRefused);
    expect(asked).toHaveLength(1);
  });

  test('fails for a moment is asked again', async () => {
    const { origin, asked } = await failing([503, 500]);
    expect(String(await downloadAttachment(origin, options({ allowedOrigins: [origin] })))).toBe('bytes');
    expect(asked).toHaveLength(3);
  });

  test('redirects without saying where is asked again, and then somebody is told to try again', async () => {
    const { origin, asked } = await failing([302, 302]);
    expect(String(await downloadAttachment(origin, options({ allowedOrigins: [origin] })))).toBe('bytes');
    expect(asked).toHaveLength(3);
    const lasting = await failing([302, 302, 302]);
    const attempt = downloadAttachment(lasting.origin, options({ allowedOrigins: [lasting.origin] }));
    await expect(attempt).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining('Try again') });
  });

  test('names a time is asked again after it', async () => {
    const { origin } = await failing([429], { 'retry-after': '0.7' });
    const started = Date.now();
    expect(String(await downloadAttachment(origin, options({ allowedOrigins: [origin] })))).toBe('bytes');
    expect(Date.now() - started).toBeGreaterThanOrEqual(690);
  });

  test('names a time beyond the bound is given up at the bound', async () => {
    const { origin, asked } = await failing([429], { 'retry-after': '3600' });
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin], timeoutMs: 200 }));
    await expect(attempt).rejects.toMatchObject({ code: 'too-slow' });
    expect(asked).toHaveLength(1);
  });

  test('names a long time is not waited for where others wait', async () => {
    const { origin, asked } = await failing([429], { 'retry-after': '90' });
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin], othersWait: true }));
    await expect(attempt).rejects.toMatchObject({
      code: 'busy',
      pauseMs: 90_000,
      message: expect.stringContaining('Try again in 2 minutes'),
    });
    expect(asked).toHaveLength(1);
  });

  test('fails for a moment is asked again where others wait', async () => {
    const { origin, asked } = await failing([503]);
    const bytes = await downloadAttachment(origin, options({ allowedOrigins: [origin], othersWait: true }));
    expect([String(bytes), asked.length]).toEqual(['bytes', 2]);
  });

  test.each([
    ['sends nothing', 0, 0],
    ['sends the beginning and then nothing', 2000, 0],
    ['sends byte after byte', 10, 10],
  ])('%s makes way where others wait, and is waited for elsewhere', async (_what, first, ms) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const load = async (othersWait: boolean) => {
      const send = async (_url: string | URL | Request, init?: RequestInit) => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            const end = performance.now() + 25_000;
            const more = () => {
              if (init!.signal!.aborted) return;
              if (performance.now() >= end) controller.close();
              else {
                if (first > 0) controller.enqueue(new Uint8Array(first));
                setTimeout(more, ms || 25_000);
              }
            };
            init!.signal!.addEventListener('abort', () => controller.error(init!.signal!.reason));
            more();
          },
        });
        return new Response(body);
      };
      const started = performance.now();
      const settled = downloadAttachment(
        'https://cdn.example.com/a.png',
        options({ maxBytes: 1e6, timeoutMs: 1e6, othersWait, fetch: send }),
      ).catch((error: unknown) => error);
      let over = false;
      void settled.finally(() => {
        over = true;
      });
      while (!over) await vi.advanceTimersByTimeAsync(100);
      return { result: await settled, took: performance.now() - started };
    };
    try {
      const hurried = await load(true);
      expect(hurried.result).toBeInstanceOf(NotYet);
      expect(hurried.took).toBeLessThan(5200);
      expect((await load(false)).result).toBeInstanceOf(Buffer);
    } finally {
      vi.useRealTimers();
    }
  });

  test('fails again and again is given up after three tries', async () => {
    const { origin, asked } = await failing([502, 502, 502, 502]);
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'busy' });
    expect(asked).toHaveLength(3);
  });

  test('breaks the connection off is asked again', async () => {
    let first = true;
    const { origin } = await host((_request, response) => {
      if (!first) response.end('bytes');
      else response.writeHead(200, { 'content-length': '500' }).write('half', () => response.destroy());
      first = false;
    });
    expect(String(await downloadAttachment(origin, options({ allowedOrigins: [origin] })))).toBe('bytes');
  });

  test('cannot be reached makes a sentence', async () => {
    const { origin } = await host(() => {});
    const gone = servers.pop()!;
    await new Promise((done) => gone.close(done));
    const attempt = downloadAttachment(origin, options({ allowedOrigins: [origin] }));
    await expect(attempt).rejects.toMatchObject({ name: 'UserError', code: 'busy' });
  });
});
