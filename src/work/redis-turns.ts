import type { Redis } from 'ioredis';
import { hashed, REDIS_PREFIX } from '../base/redis.ts';
import type { Removal } from './job-queue.ts';
import type { JobKey } from './journal.ts';

/** The largest priority that BullMQ accepts. Jobs with later turns are all served in the order of arrival. */
const LAST_TURN = 2_097_151;
/** Seconds after which the record of turns is deleted. */
const TURNS_S = 600;

/** The pub/sub channel in Redis on which bots announce to workers what was removed. */
export const REMOVALS = `${REDIS_PREFIX}:losses`;

/** A message on that channel. Processes of an older version may send and read it, so its fields keep their names. */
export interface RemovalMessage {
  readonly platform: string;
  readonly loss: Removal;
}

/**
 * Gives a job its turn. For each job the channel gets a new turn, which comes after the channel's last one and not before the turn that is
 * being served. The people of a channel share its turns in rounds: in each round everybody has one turn. If jobs of later rounds wait, the
 * new job takes the first of their turns. The job that had it takes the first turn of the rounds after its own, and so on. The last of
 * them takes the channel's new turn. So at most one other job of each round is moved.
 *
 * Stored for a channel: the turns of its waiting jobs; the round and the person of each job; the latest served round, and who had a turn
 * in it.
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

/** Removes a job from its line. It has either begun, with its turn, or was taken out, with turn 0. */
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

/** A job's turn, and the new turns of other jobs that it moved. */
interface Turns {
  /** From 1. */
  readonly turn: number;
  readonly moved: readonly { readonly id: string; readonly turn: number }[];
}

/** The name of the line that the jobs of a bot account wait in. */
export function lineOf(account: string): string {
  return `photos-${account.replaceAll(/[^\w.]+/g, '-')}`;
}

/**
 * A job's id in its line. The same job always gets the same id. It is a hash: BullMQ's list of events, and the record of turns, keep it for
 * longer than the job.
 */
export function idOf({ place, message }: JobKey): string {
  return hashed(`${place} ${message}`);
}

/** Gives a job its turn, by its channel and its person, whose ids are stored as hashes. A job that waits already keeps its turn. */
export async function takeTurn(
  client: Redis,
  line: string,
  { id, channel, person }: { readonly id: string; readonly channel: string; readonly person: string },
): Promise<Turns> {
  const [where, whose] = [channel, person].map((one) => hashed(`${line} ${one}`).slice(0, 16));
  const answer = await client.eval(TAKE_TURN, 0, `${REDIS_PREFIX}:${line}`, where!, whose!, id, LAST_TURN, TURNS_S);
  const [turn, ...moved] = answer as [number, ...(string | number)[]];
  return {
    turn,
    moved: Array.from({ length: moved.length / 2 }, (_, k) => ({
      id: String(moved[2 * k]),
      turn: Number(moved[2 * k + 1]),
    })),
  };
}

/** Records that a job's turn has come. */
export async function markServed(client: Redis, line: string, id: string, turn: number): Promise<void> {
  await client.eval(LEAVE, 0, `${REDIS_PREFIX}:${line}`, id, turn, TURNS_S);
}

/** Records that a job was taken out before its turn. */
export async function markTakenOut(client: Redis, line: string, id: string): Promise<void> {
  await client.eval(LEAVE, 0, `${REDIS_PREFIX}:${line}`, id, 0, TURNS_S);
}
