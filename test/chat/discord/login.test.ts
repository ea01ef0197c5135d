import { DiscordAPIError, HTTPError, type RateLimitData, RateLimitError } from 'discord.js';
import { expect, test } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { explainConnection } from '../../../src/chat/discord/login.ts';

const call = ['GET', 'https://discord.com/api/v10/users/@me', { body: undefined, files: undefined }] as const;

test.each([
  ['no answer in time', new DOMException('This operation was aborted', 'AbortError'), 'no answer in time'],
  [
    'a pause that Discord asks for',
    new RateLimitError({ global: true, retryAfter: 90_000 } as RateLimitData),
    'it asks for a pause',
  ],
  ['a server error', new HTTPError(503, 'Service Unavailable', ...call), 'status 503'],
  ['no network', Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), 'ENOTFOUND'],
])('Discord counts as out of reach, and is tried again, after %s', (_, error, why) => {
  const explained = explainConnection(error);
  expect(explained).toBeInstanceOf(UserError);
  expect(explained).toMatchObject({
    code: 'busy',
    message: `Discord cannot be reached (${why}). Is this machine online?`,
    cause: error,
  });
});

test('a token that Discord does not accept is a mistake of the operator’s, and a bug stays one', () => {
  const refused = new DiscordAPIError({ code: 0, message: '401: Unauthorized' }, 0, 401, ...call);
  expect(explainConnection(refused)).toMatchObject({ code: 'bad-config' });
  const bug = new TypeError('x is not a function');
  expect(explainConnection(bug)).toBe(bug);
});
