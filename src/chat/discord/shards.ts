import { type APIChannel, type Client, Routes, ShardClientUtil } from 'discord.js';
import { type DiscordConfig, hasPart } from '../../config-discord.ts';
import { unlessClosed } from './errors.ts';

/**
 * Whether a channel is this process's: its server is on one of its shards, or it is a direct message and this process has shard 0, which
 * Discord tells of those. One that is gone is anybody's.
 * @throws where Discord cannot say just now
 */
export async function isOurs(channel: string, client: Client, discord: DiscordConfig): Promise<boolean> {
  const { shards } = discord;
  if (shards === undefined || !hasPart(discord) || client.channels.cache.has(channel)) return true;
  const found = (await unlessClosed(() => client.rest.get(Routes.channel(channel)))) as APIChannel | undefined;
  if (found === undefined) return true;
  const guild = 'guild_id' in found ? found.guild_id : undefined;
  const shard = guild === undefined ? 0 : ShardClientUtil.shardIdForGuildId(guild, shards.count);
  return shards.ids.includes(shard);
}
