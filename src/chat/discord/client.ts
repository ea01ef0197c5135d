import { Client, type ClientOptions, Events, GatewayIntentBits, Options, Partials } from 'discord.js';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';

/** How many messages the cache keeps for each channel, without pictures: enough to recognise one that a reconnect sends twice. */
const KEPT_MESSAGES = 50;
/** How many people the cache keeps for each server, and in all: those who posted last. */
const KEPT_PEOPLE = 500;
/** How often a call is repeated where Discord's servers fail. */
const RETRIES = 3;
/**
 * Longest wait, in milliseconds, that Discord's rate limits may ask for before a call. A call with a longer wait fails, so that calls do
 * not pile up.
 */
const LONGEST_WAIT_MS = 60_000;

/**
 * Creates a client that has not logged in yet. It logs changes of its connection.
 * @param withContent asks for the MessageContent intent too. Without it, the bot sees only pictures in messages addressed to it
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
    // Direct messages come from channels that the gateway never announced.
    partials: [Partials.Channel],
    // By default as many connections as Discord recommends: one up to about a thousand servers.
    ...(shards === undefined ? { shards: 'auto' } : { shards: shards.ids, shardCount: shards.count }),
    allowedMentions: { parse: [], repliedUser: false },
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: KEPT_MESSAGES,
      // Otherwise the cache would keep everyone who ever posted. The bot itself must stay in it, since its permissions are computed from
      // its entry.
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
