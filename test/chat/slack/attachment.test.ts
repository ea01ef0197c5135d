import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { picturesOf, toAttachments } from '../../../src/chat/slack/attachment.ts';
import type { SlackContext } from '../../../src/chat/slack/context.ts';
import { loadConfig } from '../../../src/config.ts';

afterEach(() => void vi.unstubAllGlobals());

const FILE = 'https://files.slack.com/files-pri/T1-F1/a.png';

/** Loads a picture whose address is `url` from hosts that answer with `answers`. @returns it, and who was asked with which token */
async function load(answers: Readonly<Record<string, Response>>, url = FILE) {
  const asked: (string | null)[][] = [];
  vi.stubGlobal('fetch', async (address: URL, init: RequestInit) => {
    asked.push([String(address), new Headers(init.headers).get('authorization')]);
    return answers[String(address)] ?? new Response(null, { status: 404 });
  });
  const config = loadConfig({ environment: {}, directory: import.meta.dirname });
  const context = { config, log: createLogger({ level: 'silent' }), token: 'xoxb-1' } as SlackContext;
  const message = { ts: '1.5', user: 'U5', files: [{ id: 'F1', mimetype: 'image/png', url_private: url }] };
  const [picture] = toAttachments('C1', message, picturesOf(message), context);
  const bytes = await picture!.fetch({ maxBytes: 1000 }).catch((error: unknown) => error);
  return { bytes, asked };
}

test.each([
  ['as Slack tells', { url_private: FILE, size: 1234 }, 1234],
  ['not at all of a stub, of which Slack tells when it is asked for', { size: 1234 }, undefined],
])('a file’s size is told %s', (_how, file, size) => {
  const config = loadConfig({ environment: {}, directory: import.meta.dirname });
  const context = { config, log: createLogger({ level: 'silent' }), token: 'xoxb-1' } as SlackContext;
  const message = { ts: '1.5', user: 'U5', files: [{ id: 'F1', mimetype: 'image/png', ...file }] };
  const [picture] = toAttachments('C1', message, picturesOf(message), context);
  expect(picture!.size).toBe(size);
});

const redirectTo = (location: string) => new Response(null, { status: 302, headers: { location } });

describe('a file of an Enterprise organisation', () => {
  test('is followed from Slack’s host to its origin, which gets the token too', async () => {
    const origin = 'https://files-origin.slack.com/files-pri/T1-F1/a.png?x=1';
    const { bytes, asked } = await load({ [FILE]: redirectTo(origin), [origin]: new Response('bytes') });
    expect(String(bytes)).toBe('bytes');
    expect(asked).toEqual([
      [FILE, 'Bearer xoxb-1'],
      [origin, 'Bearer xoxb-1'],
    ]);
  });

  test.each([
    'https://files-origin.slack.com.evil.example/a.png',
    'https://evilfiles-origin.slack.com.example/a.png',
    'http://files-origin.slack.com/a.png',
    'https://slack-files.example/a.png',
    'https://notslack.com/?redir=a.png',
  ])('is not followed to %s, which gets no request', async (elsewhere) => {
    const { bytes, asked } = await load({ [FILE]: redirectTo(elsewhere) });
    expect(bytes).toMatchObject({ code: 'not-allowed', message: expect.stringContaining('on another server') });
    expect(asked).toHaveLength(1);
  });
});

describe('a file that the token may not read', () => {
  test.each([
    ['a workspace’s login page', redirectTo('https://testers.slack.com/?redir=%2Ffiles-pri%2FT1-F1%2Fa.png')],
    ['an organisation’s', redirectTo('https://acme.enterprise.slack.com/?redir=%2Ffiles-pri%2FT1-F1%2Fa.png')],
    ['Slack’s own', redirectTo('https://slack.com/signin')],
    ['a page at the same address', new Response(' <!DOCTYPE html><html>Sign in</html>')],
    ['a refusal', new Response(null, { status: 403 })],
  ])('leads to %s: the sentence names files:read, and no other host sees the token', async (_where, answer) => {
    const { bytes, asked } = await load({ [FILE]: answer });
    expect(bytes).toMatchObject({ code: 'not-allowed', message: expect.stringContaining('files:read') });
    expect(asked).toHaveLength(1);
  });
});
