import type { Redis } from 'ioredis';
import type { JobKey } from './journal.ts';

/** Before every key, so that one Redis can serve other programs too. */
export const PREFIX = 'emotion-bot';
/** The largest priority that BullMQ takes: whoever waits so long is served in the order of arrival. */
const LAST_TURN = 2_097_151;
/** Seconds after which it is forgotten whose turn was when. */
const TURNS_S = 600;

/** The channel in Redis on which workers are told of what is gone. */
export const LOSSES = `${PREFIX}:losses`;

/** A channel's next turn: after its own last one, and not before the one that is being served. */
const NEXT_TURN = `
  local now = tonumber(redis.call('GET', KEYS[1]) or '0')
  local last = tonumber(redis.call('GET', KEYS[2]) or '0')
  local turn = math.min(math.max(now, last) + 1, tonumber(ARGV[1]))
  redis.call('SET', KEYS[2], turn, 'EX', ARGV[2])
  return turn`;
const SERVED = `
  local now = tonumber(redis.call('GET', KEYS[1]) or '0')
  redis.call('SET', KEYS[1], math.max(now, tonumber(ARGV[1])), 'EX', ARGV[2])`;

/** The name of the line that the jobs of one of the bot's accounts wait in. */
export function lineOf(account: string): string {
  return `photos-${account.replaceAll(/[^\w.]+/g, '-')}`;
}

/** A job's name in its line: whoever puts the same job there again finds it. */
export function idOf({ place, message }: JobKey): string {
  return `${place} ${message}`.replaceAll(':', '%3A');
}

/** The turn, from 1, of a channel that has something to be done. */
export async function nextTurn(client: Redis, line: string, channel: string): Promise<number> {
  return (await client.eval(
    NEXT_TURN,
    2,
    servedKey(line),
    `${PREFIX}:${line}:turn:${channel}`,
    LAST_TURN,
    TURNS_S,
  )) as number;
}

/** Takes note that a turn has come. */
export async function served(client: Redis, line: string, turn: number): Promise<void> {
  await client.eval(SERVED, 1, servedKey(line), turn, TURNS_S);
}

function servedKey(line: string): string {
  return `${PREFIX}:${line}:turn`;
}
