import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { startMetricsServer } from '../../src/metrics/server.ts';

async function start() {
  const lines: string[] = [];
  const log = createLogger({ level: 'error', destination: { write: (line) => lines.push(line) } });
  const server = await startMetricsServer({ host: '127.0.0.1', port: 0 }, log);
  onTestFinished(() => server.close());
  return { server, lines };
}

test('/healthz says the delay of the event loop since the last request', async () => {
  const { server } = await start();
  const health = async () =>
    (await (await fetch(`${server.origin}/healthz`)).json()) as {
      status: string;
      eventLoopLagSeconds: { mean: number; max: number };
    };
  await health();
  // A look after the block is what measures it.
  await new Promise((done) => setTimeout(done, 50));
  for (const end = performance.now() + 300; performance.now() < end; );
  await new Promise((done) => setTimeout(done, 50));
  const { status, eventLoopLagSeconds: late } = await health();
  expect(status).toBe('ok');
  expect(late.max).toBeGreaterThan(0.25);
  expect(late.mean).toBeLessThan(late.max);
});

test('a figure that cannot be read gives status 500 and a line in the log, and the server keeps running', async () => {
  const { server, lines } = await start();
  server.watch({
    queue: { waiting: 0, running: 0, oldestMs: 0 },
    training: async () => undefined,
    unanswered: async () => undefined,
    parts: () => Promise.reject(new Error('no such file')),
  });
  for (const path of ['/metrics', '/readyz']) {
    const answer = await fetch(server.origin + path);
    expect([answer.status, await answer.text()]).toEqual([500, '{"error":"the log says why"}']);
  }
  expect(lines.join('')).toContain('no such file');
  expect((await fetch(`${server.origin}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.origin}/other`)).status).toBe(404);
});

test.each(['', 'GET /healthz HTTP/1.1\r\nhost: a\r\n'])(
  'a client that has sent only %j does not keep it from closing',
  async (begun) => {
    const { server } = await start();
    const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(begun);
    expect((await fetch(`${server.origin}/healthz`)).status).toBe(200);
    expect(await Promise.race([server.close().then(() => 'closed'), delay(3000, 'waits')])).toBe('closed');
  },
);
