import {
  Client,
  type ClientOptions,
  DiscordjsError,
  DiscordjsErrorCodes,
  Events,
  GatewayCloseCodes,
  GatewayIntentBits,
  HTTPError,
  Options,
  Partials,
} from 'discord.js';
import { unlessAborted } from '../../base/aborts.ts';
import { codeOf, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { tokenRefused } from './errors.ts';

/** Messages that are kept a channel, without their pictures: enough to know one again that a reconnect brings twice. */
const KEPT_MESSAGES = 50;
/** People that are kept a server, and in all: those who posted last. */
const KEPT_PEOPLE = 500;
/** Tries after the first where Discord's servers fail. */
const RETRIES = 3;
/** Longest time that Discord may ask the bot to wait before a call; longer waits fail instead of piling up. */
const LONGEST_WAIT_MS = 60_000;

/** A connection to Discord. */
export interface Connection {
  readonly client: Client<true>;
  /** Whether Discord lets the bot see the pictures of messages that are not addressed to it. */
  readonly seesEverything: boolean;
}

/**
 * Connects; without the MessageContent intent where Discord refuses that.
 * @param signal gives up, at any time
 * @throws UserError 'bad-config' where Discord does not take the token
 * @throws UserError 'busy' where Discord cannot be reached
 */
export async function connect(config: Config, log: Logger, signal: AbortSignal): Promise<Connection> {
  try {
    return { client: await open(config, log, signal, true), seesEverything: true };
  } catch (error) {
    if (!(error instanceof RefusedIntent)) throw error;
  }
  return await connectWithoutContent(config, log, signal);
}

/** Connects without asking for the MessageContent intent, and says so in the log. */
export async function connectWithoutContent(config: Config, log: Logger, signal: AbortSignal): Promise<Connection> {
  log.warn(
    { platform: 'discord' },
    'the MessageContent intent is off: posted photos are not seen; switch it on at https://discord.com/developers/applications > Bot > Message Content Intent and restart',
  );
  return { client: await open(config, log, signal, false), seesEverything: false };
}

/** The gateway does not give a privileged intent that was asked for. */
class RefusedIntent extends Error {
  override readonly name = 'RefusedIntent';
}

async function open(config: Config, log: Logger, signal: AbortSignal, withContent: boolean): Promise<Client<true>> {
  signal.throwIfAborted();
  const client = new Client(clientOptions(config, withContent));
  client.on(Events.Error, (error) => log.error({ platform: 'discord', err: error }, 'the client failed'));
  client.on(Events.ShardError, (error) => log.warn({ platform: 'discord', err: error }, 'the connection failed'));
  client.on(Events.ShardReconnecting, () => log.info({ platform: 'discord' }, 'reconnecting'));
  client.on(Events.ShardResume, () => log.info({ platform: 'discord' }, 'resumed'));
  let closeCode: number | undefined;
  client.on(Events.ShardDisconnect, ({ code }) => {
    closeCode = code;
  });
  try {
    await unlessAborted(logIn(client, config.discord!.token, signal), signal);
    return client as Client<true>;
  } catch (error) {
    if (closeCode === GatewayCloseCodes.DisallowedIntents && withContent) throw new RefusedIntent();
    throw inWords(error, closeCode);
  }
}

/** Resolves when everything is there; a client that has been given up by then leaves again. */
async function logIn(client: Client, token: string, signal: AbortSignal): Promise<void> {
  const ready = new Promise<void>((done) => client.once(Events.ClientReady, () => done()));
  // A login that fails leaves by itself. One under way cannot be called off: it would connect after `destroy`.
  await client.login(token);
  const leave = () => {
    client.destroy().catch((error: Error) => client.emit(Events.Error, error));
  };
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  await ready;
  signal.removeEventListener('abort', leave);
}

function inWords(error: unknown, closeCode: number | undefined): unknown {
  const isInvalid = error instanceof DiscordjsError && error.code === DiscordjsErrorCodes.TokenInvalid;
  if (isInvalid || closeCode === GatewayCloseCodes.AuthenticationFailed) {
    return tokenRefused();
  }
  const why = error instanceof HTTPError ? `status ${error.status}` : networkCode(error);
  if (why === undefined) return error;
  return new UserError('busy', `Discord cannot be reached (${why}). Is this machine online? Try again in a minute.`, {
    cause: error,
  });
}

/** The system's word for a connection that could not be made, e.g. 'ENOTFOUND'; undefined for any other error. */
function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  if (code !== undefined && /^(E[A-Z]+|UND_ERR_\w+)$/.test(code)) return code;
  return networkCode(error.cause);
}

function clientOptions({ internal }: Config, withContent: boolean): ClientOptions {
  return {
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.DirectMessages,
      ...(withContent ? [GatewayIntentBits.MessageContent] : []),
    ],
    // Direct messages come from channels that were never announced.
    partials: [Partials.Channel],
    // As many connections as Discord recommends: one until about a thousand servers.
    shards: 'auto',
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
