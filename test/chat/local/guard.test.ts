import { describe, expect, test } from 'vitest';
import { refusal, SECURITY_HEADERS } from '../../../src/chat/local/guard.ts';
import { palette } from '../../../src/chat/local/page-files.ts';
import { browserPictureType } from '../../../src/chat/local/server.ts';
import { EMOTIONS } from '../../../src/emotion/labels.ts';
import { plainPicture } from '../../fakes/photo.ts';

const KEY = 'k'.repeat(24);
const DOOR = { port: 3000, key: KEY };
/** What a browser that has opened the page shows. */
const COOKIE = { cookie: `emotions-3000=${KEY}` };
const HERE = { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000' };

describe('refusal', () => {
  test.each([
    ['GET', '/', { host: '127.0.0.1:3000' }],
    ['GET', '/', { host: 'LOCALHOST:3000' }],
    // Somebody follows a link to the page.
    ['GET', '/', { host: '127.0.0.1:3000', 'sec-fetch-site': 'cross-site' }],
    ['GET', '/api/events', { host: '127.0.0.1:3000', 'sec-fetch-site': 'same-origin' }],
    ['POST', '/api/messages', HERE],
    ['POST', '/api/messages', { ...HERE, 'sec-fetch-site': 'same-origin' }],
    ['DELETE', '/api/messages/1', { host: 'localhost:3000', origin: 'http://localhost:3000' }],
  ])('lets the page itself through: %s %s %j', (method, url, headers) => {
    expect(refusal({ method, url, headers: { ...headers, ...COOKIE } }, DOOR)).toBeUndefined();
    expect(refusal({ method, url, headers }, DOOR)).toContain('npm start printed');
  });

  test.each([
    ['a name that was pointed here', 'GET', '/', { host: 'evil.example:3000' }],
    ['a name that contains ours', 'GET', '/', { host: '127.0.0.1.evil.example:3000' }],
    ['another port', 'GET', '/', { host: '127.0.0.1:4000' }],
    ['no host', 'GET', '/', {}],
    ['a form of a foreign page', 'POST', '/api/messages', { ...HERE, origin: 'http://evil.example' }],
    ['a sandboxed foreign page', 'POST', '/api/files', { ...HERE, origin: 'null' }],
    ['another server on this machine', 'POST', '/api/files', { ...HERE, origin: 'http://127.0.0.1:8080' }],
    ['our page under its other name', 'POST', '/api/files', { ...HERE, origin: 'http://localhost:3000' }],
    ['no origin', 'DELETE', '/api/messages/1', { host: '127.0.0.1:3000' }],
    ['a foreign origin that only reads', 'GET', '/api/events', { ...HERE, origin: 'http://evil.example' }],
    ['an image on a foreign page', 'GET', '/api/files/1', { host: HERE.host, 'sec-fetch-site': 'cross-site' }],
    ['another server’s page', 'GET', '/api/events', { host: HERE.host, 'sec-fetch-site': 'same-site' }],
    [
      'another server’s page, written otherwise',
      'GET',
      '/%61pi/events',
      { host: HERE.host, 'sec-fetch-site': 'same-site' },
    ],
    ['a script on a foreign page', 'GET', '/chat.js', { host: HERE.host, 'sec-fetch-site': 'cross-site' }],
  ])('refuses %s', (_what, method, url, headers) => {
    const refused = refusal({ method, url, headers: { ...headers, ...COOKIE } }, DOOR);
    expect(refused).toMatch(/answers on|page itself/);
  });

  test('a program shows the key in a header, and is told so where it does not', () => {
    const program = { method: 'POST', url: '/api/read', headers: { host: HERE.host, authorization: `Bearer ${KEY}` } };
    expect(refusal(program, DOOR)).toBeUndefined();
    expect(refusal({ ...program, url: '/' }, DOOR)).toContain('page itself');
    expect(refusal({ ...program, headers: { host: HERE.host } }, DOOR)).toContain('Authorization: Bearer KEY');
    expect(refusal({ ...program, headers: { ...program.headers, origin: 'null' } }, DOOR)).toContain('page itself');
    expect(refusal({ ...program, headers: { ...program.headers, host: 'evil.example:3000' } }, DOOR)).toContain(
      'answers on',
    );
  });

  test('on port 80 browsers leave the port out', () => {
    const headers = { host: '127.0.0.1', origin: 'http://127.0.0.1', cookie: `emotions-80=${KEY}` };
    expect(refusal({ method: 'POST', url: '/api/files', headers }, { port: 80, key: KEY })).toBeUndefined();
    expect(refusal({ method: 'POST', url: '/api/files', headers }, DOOR)).toContain('answers on');
  });
});

test('the policy allows nothing from elsewhere and nothing inline', () => {
  const policy = SECURITY_HEADERS['content-security-policy']!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  // Of a device's parts only the camera, and only for the page itself.
  expect(SECURITY_HEADERS['permissions-policy']).toBe('camera=(self), microphone=(), geolocation=()');
});

describe('browserPictureType', () => {
  test('goes by the bytes', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      expect(await browserPictureType(await plainPicture(4, 4, format))).toBe(`image/${format}`);
    }
    expect(await browserPictureType(Buffer.from('GIF89a'))).toBe('image/gif');
  });

  test.each([
    '',
    '<svg xmlns="http://www.w3.org/2000/svg"/>',
    '<!doctype html>',
    'PK\x03\x04',
    '%PDF-1.7',
    'RIFF1234WAVE',
  ])('shows no %j as a picture', async (text) => {
    expect(await browserPictureType(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});

test('the palette has a colour and a readable ink for every emotion', () => {
  const css = palette();
  for (const emotion of [...EMOTIONS, 'unsure']) {
    expect(css).toMatch(
      new RegExp(`\\[data-emotion="${emotion}"\\] \\{ --emotion: #[0-9a-f]{6}; --on-emotion: #(000000|ffffff); \\}`),
    );
  }
});
