import { Client, type ClientOptions, Events, GatewayIntentBits, Options, Partials } from 'discord.js';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';

/** Messages that are kept a channel, without their pictures: enough to know one again that a reconnect brings twice. */
const KEPT_MESSAGES = 50;
/** People that are kept a server, and in all: those who posted last. */
const KEPT_PEOPLE = 500;
/** Tries after the first where Discord's servers fail. */
const RETRIES = 3;
/** Longest time that Discord may ask the bot to wait before a call; longer waits fail instead of piling up. */
const LONGEST_WAIT_MS = 60_000;

/**
 * A client that has not logged in yet; it logs what becomes of its connection.
 * @param withContent asks for the MessageContent intent too: without it, only the pictures of messages to the bot are seen
 */
export function createClient(config: Config, log: Logger, withContent: boolean): Client {
  const client = new Client(clientOptions(config, withContent));
  client.on(Events.Error, (error) => log.error({ platform: 'discord', err: error }, 'the client failed'));
  client.on(Events.ShardError, (error) => log.warn({ platform: 'discord', err: error }, 'the connection failed'));
  client.on(Events.ShardReconnecting, () => log.info({ platform: 'discord' }, 'reconnecting'));
  client.on(Events.ShardResume, () => log.info({ platform: 'discord' }, 'resumed'));
  return client;
}

function clientOptions({ discord, internal }: Config, withContent: boolean): ClientOptions {
  const { shards } = discord ?? {};
  return {
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.DirectMessages,
      ...(withContent ? [GatewayIntentBits.MessageContent] : []),
    ],
    // Direct messages come from channels that were never announced.
    partials: [Partials.Channel],
    // Unless told, as many connections as Discord recommends: one until about a thousand servers.
    ...(shards === undefined ? { shards: 'auto' } : { shards: shards.ids, shardCount: shards.count }),
    allowedMentions: { parse: [], repliedUser: false },
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: KEPT_MESSAGES,
      // Otherwise everyone who ever posted would be kept. The bot itself must be kept: its permissions are worked out from it.
      GuildMemberManager: { maxSize: KEPT_PEOPLE, keepOverLimit: ({ id, client }) => id === client.user.id },
      UserManager: { maxSize: KEPT_PEOPLE, keepOverLimit: ({ id, client }) => id === client.user.id },
    }),
    rest: {
      ...(internal.discordApi !== undefined && { api: internal.discordApi }),
      retries: RETRIES,
      rejectOnRateLimit: ({ retryAfter, timeToReset }) => Math.max(retryAfter, timeToReset) > LONGEST_WAIT_MS,
    },
  };
}
