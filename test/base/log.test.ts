import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createLogger, type LogLevel } from '../../src/base/log.ts';
import { RUNS_SOURCE } from '../helpers/run-script.ts';

function recorder(level: LogLevel = 'info', secrets: string[] = []) {
  const lines: string[] = [];
  const log = createLogger({ level, secrets, destination: { write: (line) => lines.push(line) } });
  return { log, lines };
}

test('one JSON object a line, with level, time and message', () => {
  const { log, lines } = recorder();
  log.warn({ code: 'busy' }, 'too much');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toEqual({ level: 'warn', time: expect.any(String), code: 'busy', msg: 'too much' });
});

test('says nothing below its level', () => {
  const { log, lines } = recorder('error');
  log.info('hello');
  expect(lines).toEqual([]);
});

test('a secret never appears, wherever it stands and however JSON writes it', () => {
  const secrets = ['xoxb-12345', 'quo"te\\secret'];
  const { log, lines } = recorder('info', secrets);
  log.info({ url: 'https://host/?key=xoxb-12345', nested: { deep: ['xoxb-12345'] } }, 'with xoxb-12345');
  log.error({ err: new Error('refused quo"te\\secret') }, 'failed');
  expect(lines.join('')).not.toMatch(/xoxb-12345|te\\\\secret/);
  expect(JSON.parse(lines[1]!).err.message).toBe('refused [secret]');
});

test('nothing of a pattern appears either, a frozen one’s too', () => {
  const lines: string[] = [];
  const log = createLogger({
    level: 'info',
    secrets: [Object.freeze(/xox[a-z]-[\w-]+/g)],
    destination: { write: (line) => lines.push(line) },
  });
  log.info({ header: 'Bearer xoxb-1-a' }, 'with xoxp-2-b and xoxb-3-c');
  log.info('with xoxb-4-d');
  expect(lines.join('')).not.toContain('xox');
});

test('credentials and pictures are redacted by the name of their field', () => {
  const { log, lines } = recorder();
  log.info(
    { token: 'abc', request: { authorization: 'Bot abc' }, file: { bytes: Buffer.from('abc'), name: 'n' } },
    'x',
  );
  expect(JSON.parse(lines[0]!)).toMatchObject({
    token: '[redacted]',
    request: { authorization: '[redacted]' },
    file: { bytes: '[redacted]', name: 'n' },
  });
});

test('an error is logged with its code, stack and causes, but without the fields a library hung on it', () => {
  const { log, lines } = recorder();
  const cause = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  const error = Object.assign(new Error('request failed', { cause }), {
    request: { body: 'a photo', headers: 'token' },
  });
  log.error({ err: error }, 'failed');
  const { err } = JSON.parse(lines[0]!);
  expect(err).toMatchObject({ type: 'Error', message: 'request failed', cause: { code: 'ECONNRESET' } });
  expect(err.stack).toContain('log.test.ts');
  expect(err).not.toHaveProperty('request');
});

test('the causes of causes are logged too', () => {
  const { log, lines } = recorder();
  const deepest = new Error('no route to the host');
  const err = new Error('the photo failed', { cause: new Error('the request failed', { cause: deepest }) });
  log.error({ err }, 'failed');
  expect(JSON.parse(lines[0]!).err.cause.cause.message).toBe(deepest.message);
});

test('a cause that points back at its error ends somewhere', () => {
  const { log, lines } = recorder();
  const error = new Error('around');
  error.cause = error;
  log.error({ err: error }, 'failed');
  expect(lines).toHaveLength(1);
});

test('something thrown that is no error is still logged', () => {
  const { log, lines } = recorder();
  log.error({ err: 'just a string' }, 'failed');
  expect(JSON.parse(lines[0]!).err).toEqual({ message: 'just a string' });
});

test.skipIf(process.platform !== 'linux').each(['disk that is full', 'reader that has ended'])(
  'a program whose log goes to a %s goes on',
  async (where) => {
    const file = fileURLToPath(new URL('../fixtures/logging-process.ts', import.meta.url));
    const log = where.startsWith('disk') ? openSync('/dev/full', 'w') : 'pipe';
    const child = spawn(process.execPath, [RUNS_SOURCE, file], { stdio: ['ignore', 'pipe', log] });
    child.stderr?.destroy();
    let said = '';
    child.stdout!.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    if (typeof log === 'number') closeSync(log);
    expect({ code, said }).toEqual({ code: 0, said: 'still here' });
  },
);
