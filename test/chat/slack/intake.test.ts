import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { App } from '@slack/bolt';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { NotNow } from '../../../src/chat/slack/errors.ts';
import { createIntake } from '../../../src/chat/slack/intake.ts';
import { loadConfig } from '../../../src/config.ts';

const SECRET = 'abc123';

/** Takes requests over HTTP. @returns a function that sends one as Slack does, and tells the status of the answer */
async function takeEvents(processEvent: () => Promise<void>): Promise<() => Promise<number>> {
  const config = loadConfig({ environment: {}, directory: import.meta.dirname });
  const connection = { kind: 'http', signingSecret: SECRET, host: '127.0.0.1', port: 0 } as const;
  const intake = createIntake(connection, config, createLogger({ level: 'silent' }));
  intake.receiver.init({ processEvent } as unknown as App);
  const [, port] = /port (\d+)/.exec(await intake.start())!;
  onTestFinished(() => intake.stop());
  return async () => {
    const body = '{"type":"event_callback","event":{"type":"message"}}';
    const time = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', SECRET).update(`v0:${time}:${body}`).digest('hex');
    const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-slack-request-timestamp': time,
        'x-slack-signature': `v0=${signature}`,
      },
      body,
    });
    return answer.status;
  };
}

test('an event that cannot be taken now is to be sent again', async () => {
  const send = await takeEvents(() => Promise.reject(new NotNow('the store is away')));
  expect(await send()).toBe(503);
});

test('an event that cannot be taken, which shows only after the library has answered, does not end the process', async () => {
  let isOver = false;
  const send = await takeEvents(async () => {
    // The library has answered by then.
    await delay(3500);
    isOver = true;
    throw new NotNow('the store does not answer');
  });
  expect(await send()).toBe(404);
  await expect.poll(() => isOver, { timeout: 5000 }).toBe(true);
  // An error that nobody catches would end the process.
  await delay(50);
});
