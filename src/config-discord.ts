import { z } from 'zod';
import { secret } from './base/environment.ts';
import { UserError } from './base/errors.ts';

/** No bot has more shards than this. */
const MOST_SHARDS = 10_000;
const COUNT = `must be auto, or a whole number from 1 to ${MOST_SHARDS}`;
const LIST = 'must be numbers or ranges of numbers with commas between them, such as 0-3 or 0,2';

/** Discord's settings; see `SETTINGS` in config.ts. */
export const DISCORD_SETTINGS = {
  DISCORD_TOKEN: secret(/^[\w.-]+$/, 'must be the token of the page "Bot" in the developer portal, and nothing else'),
  DISCORD_SHARDS: z
    .string()
    .default('auto')
    .refine((text) => text === 'auto' || (/^\d{1,5}$/.test(text) && isCount(Number(text))), COUNT)
    .transform((text) => (text === 'auto' ? undefined : Number(text))),
  DISCORD_SHARD_LIST: z
    .string()
    .default('')
    .refine((text) => parts(text).every((part) => /^\d{1,5}(-\d{1,5})?$/.test(part)), { error: LIST, abort: true })
    .refine((text) => parts(text).every((part) => isRange(bounds(part))), LIST)
    .transform((text) => [...new Set(parts(text).flatMap((part) => range(bounds(part))))].sort((a, b) => a - b)),
};

type Settings = z.infer<z.ZodObject<typeof DISCORD_SETTINGS>>;

/** Connections to Discord's gateway, among which it spreads its servers. */
export interface DiscordShards {
  /** How many shards the bot has, in all processes together. */
  readonly count: number;
  /** Ids of the shards that this process runs: from 0, ascending. */
  readonly ids: readonly number[];
}

export interface DiscordConfig {
  readonly token: string;
  /** Absent where Discord says how many there are and this process runs all of them. */
  readonly shards?: DiscordShards;
}

/** @throws UserError 'bad-config' where the shards do not fit together */
export function discordOf(settings: Settings): DiscordConfig | undefined {
  const { DISCORD_TOKEN: token, DISCORD_SHARDS: count, DISCORD_SHARD_LIST: list } = settings;
  if (count === undefined && list.length > 0) {
    throw new UserError(
      'bad-config',
      'DISCORD_SHARDS must be a number beside DISCORD_SHARD_LIST: how many shards there are in all processes together.',
    );
  }
  const beyond = list.find((id) => id >= (count ?? 0));
  if (count !== undefined && beyond !== undefined) {
    const there = count === 1 ? 'the only one is 0' : `they go from 0 to ${count - 1}`;
    throw new UserError(
      'bad-config',
      `DISCORD_SHARD_LIST names shard ${beyond}: of ${count} (DISCORD_SHARDS) ${there}.`,
    );
  }
  if (token === undefined) return undefined;
  if (count === undefined) return { token };
  return { token, shards: { count, ids: list.length > 0 ? list : range([0, count - 1]) } };
}

/** Whether this process runs only some of the bot's shards. */
export function hasOnlySomeShards(discord: Pick<DiscordConfig, 'shards'> | undefined): boolean {
  const { shards } = discord ?? {};
  return shards !== undefined && shards.ids.length < shards.count;
}

/** Shards in words, e.g. 'shards 0, 2 of 4'. */
export function shardsInWords({ ids, count }: DiscordShards): string {
  const first = ids[0]!;
  const last = ids.at(-1)!;
  const isRun = ids.length > 2 && last - first === ids.length - 1;
  return `${ids.length === 1 ? 'shard' : 'shards'} ${isRun ? `${first} to ${last}` : ids.join(', ')} of ${count}`;
}

function isCount(count: number): boolean {
  return count >= 1 && count <= MOST_SHARDS;
}

function parts(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '');
}

function bounds(part: string): readonly [number, number] {
  const [first, last = first] = part.split('-').map(Number);
  return [first!, last!];
}

function isRange([first, last]: readonly [number, number]): boolean {
  return first <= last && last < MOST_SHARDS;
}

function range([first, last]: readonly [number, number]): number[] {
  return Array.from({ length: last - first + 1 }, (_, k) => first + k);
}
