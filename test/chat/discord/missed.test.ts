import { expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import type { DiscordContext } from '../../../src/chat/discord/context.ts';
import { MissedMessages } from '../../../src/chat/discord/missed.ts';
import type { Journal } from '../../../src/work/journal.ts';

/** A bot without channels. */
const context = {
  client: { user: { id: '1' }, channels: { cache: new Map(), fetch: async () => null } },
  config: { discord: { token: '' } },
  log: createLogger({ level: 'silent' }),
} as unknown as DiscordContext;

function start() {
  const lastSeen = vi.fn(async () => new Map([['c', '5']]));
  const markSeen = vi.fn();
  const missed = new MissedMessages({ lastSeen, markSeen } as unknown as Journal);
  return { missed, lastSeen, markSeen };
}

test('what is handled while two sessions catch up is recorded after the second has looked what came before it', async () => {
  const { missed, lastSeen, markSeen } = start();
  let read = () => {};
  lastSeen.mockImplementationOnce(async () => {
    await new Promise<void>((done) => (read = done));
    return new Map([['c', '5']]);
  });
  const recorded: number[] = [];
  lastSeen.mockImplementation(async () => {
    recorded.push(markSeen.mock.calls.length);
    return new Map([['c', '5']]);
  });
  const first = missed.catchUp(context, 0);
  await vi.waitFor(() => expect(lastSeen).toHaveBeenCalled());
  const second = missed.catchUp(context, 1);
  missed.markSeen('c', '9');
  read();
  await Promise.all([first, second]);
  expect(recorded, 'what was recorded when the second session looked').toEqual([0]);
  expect(markSeen.mock.calls).toEqual([['discord 1', 'c', '9']]);
});

test('a journal that cannot be read for a moment is read again before anything is recorded', async () => {
  const { missed, lastSeen, markSeen } = start();
  lastSeen.mockRejectedValueOnce(new Error('the file is locked'));
  const done = missed.catchUp(context);
  missed.markSeen('c', '9');
  await vi.waitFor(() => expect(lastSeen).toHaveBeenCalled());
  expect(markSeen).not.toHaveBeenCalled();
  await done;
  expect(lastSeen.mock.calls.length).toBeGreaterThan(1);
  expect(markSeen.mock.calls).toEqual([['discord 1', 'c', '9']]);
});
