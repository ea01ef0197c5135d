import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import type { SlackApi } from '../../../src/chat/slack/api.ts';
import { People } from '../../../src/chat/slack/people.ts';
import { loadConfig } from '../../../src/config.ts';

test('what Slack does not say of a person stands in the log, and work goes on', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const api = { users: { info: () => Promise.reject(new Error('ratelimited')) } } as unknown as SlackApi;
  const people = new People(api, { config: loadConfig({ environment: {} }), log }, { name: 'bot', teamId: 'T1' });
  expect(await people.displayName('U1')).toBe('U1');
  expect(await people.isBot('U1')).toBe(false);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', msg: expect.stringContaining('the name of a person'), err: { message: 'ratelimited' } },
    { level: 'warn', msg: expect.stringContaining('a bot'), err: { message: 'ratelimited' } },
  ]);
});
