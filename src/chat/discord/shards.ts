import { type APIChannel, type Client, Routes, ShardClientUtil } from 'discord.js';
import { type DiscordConfig, hasOnlySomeShards } from '../../config-discord.ts';
import { unlessClosed } from './errors.ts';

/**
 * Whether this process handles a channel: its server is on one of the process's shards, or it is a direct message and the process runs
 * shard 0, which receives those. A channel that is gone counts as this process's too.
 * @throws where Discord cannot say at the moment
 */
export async function isOurs(channel: string, client: Client, discord: DiscordConfig): Promise<boolean> {
  const { shards } = discord;
  if (shards === undefined || !hasOnlySomeShards(discord) || client.channels.cache.has(channel)) return true;
  const found = (await unlessClosed(() => client.rest.get(Routes.channel(channel)))) as APIChannel | undefined;
  if (found === undefined) return true;
  const guild = 'guild_id' in found ? found.guild_id : undefined;
  const shard = guild === undefined ? 0 : ShardClientUtil.shardIdForGuildId(guild, shards.count);
  return shards.ids.includes(shard);
}
