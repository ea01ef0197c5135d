import { PermissionFlagsBits, PermissionsBitField, type SendableChannels, type User } from 'discord.js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { inviteLink, isAdmin, maySpeak, missingInWords, Refusals } from '../../../src/chat/discord/permissions.ts';

const { ViewChannel, SendMessages, SendMessagesInThreads, AttachFiles, ReadMessageHistory, ManageGuild } =
  PermissionFlagsBits;

/** A channel where the bot has these permissions. */
function channel(id: string, have: readonly bigint[], isThread = false): SendableChannels {
  const made = {
    id,
    name: `room_${id}`,
    isThread: () => isThread,
    isDMBased: () => false,
    guild: { members: { me: {} } },
    client: { user: {} },
    permissionsFor: () => new PermissionsBitField([...have]),
  };
  return made as unknown as SendableChannels;
}

/** Somebody who takes direct messages, with those that they got. */
function person() {
  const got: string[] = [];
  const user = { send: async ({ content }: { content: string }) => void got.push(content) };
  return { user: user as unknown as User, got };
}

describe('why no answer comes', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is said once an hour for each channel, with the missing permissions', async () => {
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ['Date'] });
    const refusals = new Refusals(createLogger({ level: 'silent' }));
    const { user, got } = person();
    const one = channel('1', [ViewChannel, SendMessages, ReadMessageHistory]);
    await refusals.explain(user, one, 'm', false);
    expect(got).toEqual([
      'I cannot answer your picture in #room\\_1: I lack the permission ‘Attach Files’. Ask an admin of the server to give it to me.',
    ]);
    vi.setSystemTime(Date.now() + 59 * 60_000);
    await refusals.explain(user, one, 'm', false);
    expect(got).toHaveLength(1);
    // Whoever speaks to the bot is told in any case.
    await refusals.explain(user, one, 'n', true);
    expect(got).toHaveLength(2);
    await refusals.explain(user, channel('2', [ViewChannel]), 'm', false);
    expect(got).toHaveLength(3);
    vi.setSystemTime(Date.now() + 2 * 60_000);
    await refusals.explain(user, one, 'm', false);
    expect(got).toHaveLength(4);
  });

  test('fails where Discord fails', async () => {
    const fails = { send: async () => Promise.reject(new Error('the platform is down')) } as unknown as User;
    const refusals = new Refusals(createLogger({ level: 'silent' }));
    await expect(refusals.writeTo(fails, 'a', 'm')).rejects.toThrow('the platform is down');
  });
});

describe('the bot’s permissions in a channel', () => {
  test('that it lacks are named, each kind of channel by its own', () => {
    expect(missingInWords(channel('1', [ViewChannel]))).toBe(
      '‘Send Messages’, ‘Attach Files’ and ‘Read Message History’',
    );
    const thread = [ViewChannel, SendMessages, AttachFiles, ReadMessageHistory];
    expect(missingInWords(channel('1', thread, true))).toBe('‘Send Messages in Threads’');
  });

  test('let it speak where it sees the channel and may write there', () => {
    expect(maySpeak(channel('1', [ViewChannel, SendMessages]))).toBe(true);
    expect(maySpeak(channel('1', [SendMessages]))).toBe(false);
    expect(maySpeak(channel('1', [ViewChannel, SendMessages], true))).toBe(false);
    expect(maySpeak(channel('1', [ViewChannel, SendMessagesInThreads], true))).toBe(true);
  });

  test('are asked for by the link that invites it, and no other', () => {
    const url = new URL(inviteLink('12'));
    const asked = new PermissionsBitField(BigInt(url.searchParams.get('permissions')!)).toArray();
    expect(asked.sort()).toEqual(
      ['AttachFiles', 'ReadMessageHistory', 'SendMessages', 'SendMessagesInThreads', 'ViewChannel'].sort(),
    );
    expect(url.searchParams.get('client_id')).toBe('12');
  });
});

test('an admin is whoever manages the server', () => {
  expect(isAdmin(new PermissionsBitField(ManageGuild))).toBe(true);
  expect(isAdmin(new PermissionsBitField(PermissionFlagsBits.Administrator))).toBe(true);
  expect(isAdmin(new PermissionsBitField(PermissionFlagsBits.ManageMessages))).toBe(false);
  expect(isAdmin(null)).toBe(false);
});
