import type { Redis } from 'ioredis';
import { hashed, REDIS_PREFIX } from '../base/redis.ts';
import type { JobKey } from './journal.ts';

/** The largest priority that BullMQ takes: whoever waits so long is served in the order of arrival. */
const LAST_TURN = 2_097_151;
/** Seconds after which it is forgotten whose turn was when. */
const TURNS_S = 600;

/** The channel in Redis on which workers are told of what is gone. */
export const LOSSES = `${REDIS_PREFIX}:losses`;

/**
 * A turn for a job. A channel's next turn comes after its own last one, and not before the one that is being served. Its people share its
 * turns by rounds, in each of which everybody has one: where others wait for later rounds, the job takes the first turn of those, whose job
 * takes the first turn of the rounds after its own, and so on; the last of them takes the channel's next turn. So one other job a round is
 * moved at most.
 *
 * Kept of a channel: the turns of its waiting jobs; by job its round and its person; the latest round that was served, and who had a turn in it.
 */
const TAKE_TURN = `
  local line, channel, person, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
  local last, keep = tonumber(ARGV[5]), tonumber(ARGV[6])
  local key = line .. ':turn:' .. channel
  local known = redis.call('ZSCORE', key .. ':waiting', id)
  if known then return {tonumber(known)} end
  local serving = tonumber(redis.call('GET', line .. ':turn') or '0')
  local before = tonumber(redis.call('GET', key) or '0')
  local turn = math.min(math.max(serving, before) + 1, last)
  redis.call('SET', key, turn, 'EX', keep)

  local waiting = redis.call('ZRANGE', key .. ':waiting', 0, -1, 'WITHSCORES')
  local round = tonumber(redis.call('HGET', key .. ':served', person) or '0')
  local rounds = {}
  for k = 1, #waiting, 2 do
    local of, whose = string.match(redis.call('HGET', key .. ':jobs', waiting[k]) or '', '^(%d+) (.*)$')
    rounds[k] = tonumber(of or '0')
    if whose == person then round = math.max(round, rounds[k]) end
  end
  round = math.max(round + 1, tonumber(redis.call('HGET', key .. ':served', 'round') or '1'))

  local answer = {turn}
  local free, above = id, round
  local function give(slot)
    redis.call('ZADD', key .. ':waiting', slot, free)
    if free == id then answer[1] = slot else
      answer[#answer + 1] = free
      answer[#answer + 1] = slot
    end
  end
  for k = 1, #waiting, 2 do
    if rounds[k] > above then
      give(tonumber(waiting[k + 1]))
      free, above = waiting[k], rounds[k]
    end
  end
  give(turn)
  redis.call('HSET', key .. ':jobs', id, round .. ' ' .. person)
  redis.call('HSET', line .. ':places', id, channel)
  for _, one in ipairs({key .. ':waiting', key .. ':jobs', key .. ':served', line .. ':places'}) do
    redis.call('EXPIRE', one, keep)
  end
  return answer`;

/** A job waits no more: it has begun, with its turn, or is taken out, without one. */
const LEAVE = `
  local line, id, turn, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
  if turn > 0 then
    local serving = tonumber(redis.call('GET', line .. ':turn') or '0')
    redis.call('SET', line .. ':turn', math.max(serving, turn), 'EX', keep)
  end
  local channel = redis.call('HGET', line .. ':places', id)
  if not channel then return end
  local key = line .. ':turn:' .. channel
  local round, person = string.match(redis.call('HGET', key .. ':jobs', id) or '', '^(%d+) (.*)$')
  redis.call('HDEL', line .. ':places', id)
  redis.call('HDEL', key .. ':jobs', id)
  redis.call('ZREM', key .. ':waiting', id)
  if turn == 0 or not round then return end
  local latest = tonumber(redis.call('HGET', key .. ':served', 'round') or '0')
  if tonumber(round) < latest then return end
  if tonumber(round) > latest then redis.call('DEL', key .. ':served') end
  redis.call('HSET', key .. ':served', 'round', round, person, round)
  redis.call('EXPIRE', key .. ':served', keep)`;

/** A turn, and what becomes of others' by it. */
interface Turns {
  /** From 1. */
  readonly turn: number;
  readonly moved: readonly { readonly id: string; readonly turn: number }[];
}

/** The name of the line that the jobs of one of the bot's accounts wait in. */
export function lineOf(account: string): string {
  return `photos-${account.replaceAll(/[^\w.]+/g, '-')}`;
}

/** A job's name in its line: whoever puts the same job there again finds it. */
export function idOf({ place, message }: JobKey): string {
  return `${place} ${message}`.replaceAll(':', '%3A');
}

/** The turn of a job, by its channel and its person, who is kept under a hash; one that waits keeps its own. */
export async function takeTurn(
  client: Redis,
  line: string,
  { id, channel, person }: { readonly id: string; readonly channel: string; readonly person: string },
): Promise<Turns> {
  const whose = hashed(`${line} ${person}`).slice(0, 16);
  const answer = await client.eval(TAKE_TURN, 0, `${REDIS_PREFIX}:${line}`, channel, whose, id, LAST_TURN, TURNS_S);
  const [turn, ...moved] = answer as [number, ...(string | number)[]];
  return {
    turn,
    moved: Array.from({ length: moved.length / 2 }, (_, k) => ({
      id: String(moved[2 * k]),
      turn: Number(moved[2 * k + 1]),
    })),
  };
}

/** Takes note that a job's turn has come. */
export async function served(client: Redis, line: string, id: string, turn: number): Promise<void> {
  await client.eval(LEAVE, 0, `${REDIS_PREFIX}:${line}`, id, turn, TURNS_S);
}

/** Takes note that a job waits no more without its turn having come. */
export async function takenOut(client: Redis, line: string, id: string): Promise<void> {
  await client.eval(LEAVE, 0, `${REDIS_PREFIX}:${line}`, id, 0, TURNS_S);
}
