import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import type { SlackShared } from '../../../src/chat/slack/context.ts';
import type { Installations } from '../../../src/chat/slack/installations.ts';
import { ManyWorkspaces } from '../../../src/chat/slack/many-workspaces.ts';
import type { Settings } from '../../../src/settings/settings.ts';

afterEach(() => void vi.useRealTimers());

test('the settings of a workspace that has removed the bot are deleted also where the store is out of reach for a moment', async () => {
  vi.useFakeTimers();
  const find = vi.fn(async () => undefined);
  const forgetPlace = vi.fn(async () => {});
  const shared = { log: createLogger({ level: 'silent' }) } as unknown as SlackShared;
  const settings = { forgetPlace } as unknown as Settings;
  const workspaces = new ManyWorkspaces(shared, { find } as unknown as Installations, settings);
  find.mockResolvedValueOnce(undefined).mockRejectedValueOnce(new Error('the store is out of reach'));
  const removed = workspaces.removed({ teamId: 'T1' });
  removed.catch(() => {});
  await vi.advanceTimersByTimeAsync(10_000);
  await removed;
  expect(forgetPlace).toHaveBeenCalledExactlyOnceWith('slack', 'T1');
});
