import {
  type APIApplication,
  type APIApplicationCommand,
  type APIGatewayBotInfo,
  ApplicationFlags,
  DiscordAPIError,
  HTTPError,
  RateLimitError,
  REST,
  Routes,
} from 'discord.js';
import type { CommandRegistry } from '../../../commands/registry.ts';
import { codeOf, UserError } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import { hasOnlySomeShards, shardsInWords } from '../../config-discord.ts';
import type { ChatCheck } from '../check.ts';
import { applicationCommands } from './deploy.ts';
import { checkTokenForm, tokenRefused } from './errors.ts';
import { inviteLink } from './permissions.ts';

const TIMEOUT_MS = 10_000;
const SEES_MESSAGES = ApplicationFlags.GatewayMessageContent | ApplicationFlags.GatewayMessageContentLimited;

/**
 * Asks Discord which bot the token belongs to, and whether what the bot needs is switched on and registered.
 * @throws UserError 'bad-config' where the token is none, or Discord does not accept it, 'busy' where it cannot be reached
 */
export async function checkDiscord(
  { discord, internal, operator }: Pick<Config, 'discord' | 'internal' | 'operator'>,
  registry: CommandRegistry,
): Promise<ChatCheck> {
  checkTokenForm(discord!.token);
  const api = internal.discordApi === undefined ? {} : { api: internal.discordApi };
  // A pause that Discord asks for may be an hour long. Whoever asks is told instead.
  const rest = new REST({ ...api, timeout: TIMEOUT_MS, retries: 0, rejectOnRateLimit: () => true }).setToken(
    discord!.token,
  );
  try {
    const application = (await rest.get(Routes.currentApplication())) as APIApplication;
    const stored = (await rest.get(Routes.applicationCommands(application.id))) as APIApplicationCommand[];
    const { shards: recommended } = (await rest.get(Routes.gatewayBot())) as APIGatewayBotInfo;
    const { shards } = discord!;
    return {
      about: `the token of ${application.name}, ${shards ? shardsInWords(shards) : ONE_PROCESS}`,
      problems: [
        ...problemsOf(application, stored, registry),
        ...(shards && shards.count < recommended ? [tooFew(recommended)] : []),
        ...(hasOnlySomeShards(discord) && operator.guilds.length === 0 ? [NOBODYS] : []),
      ],
    };
  } catch (error) {
    if (error instanceof DiscordAPIError && error.status === 401) throw tokenRefused();
    if (error instanceof DiscordAPIError) throw error;
    if (error instanceof RateLimitError) {
      const seconds = Math.ceil(Math.max(error.retryAfter, error.timeToReset) / 1000);
      throw new UserError('busy', `Discord asks for a pause of ${seconds} seconds.`, { cause: error });
    }
    const why = error instanceof HTTPError ? `status ${error.status}` : (codeOf(error) ?? (error as Error).name);
    throw new UserError('busy', `Discord cannot be reached (${why}).`, { cause: error });
  }
}

/** Two processes with one token would both do all the work, though Discord accepts only one answer. */
const ONE_PROCESS = 'for one bot at a time';

const NOBODYS: ChatCheck['problems'][number] = {
  what: 'this process runs only some of the shards, so it cannot tell which server is your own, and nobody may ask for /retrain',
  remedy: 'Name your servers in OPERATOR_GUILDS.',
};

function tooFew(recommended: number): ChatCheck['problems'][number] {
  return {
    what: `Discord recommends ${recommended} shards`,
    remedy: `Set DISCORD_SHARDS=${recommended}, or auto where one process has all of them.`,
  };
}

function problemsOf(
  application: APIApplication,
  stored: readonly APIApplicationCommand[],
  registry: CommandRegistry,
): ChatCheck['problems'] {
  const names = new Set(stored.map(({ name }) => name));
  const missing = applicationCommands(registry).filter(({ name }) => !names.has(name));
  const page = `https://discord.com/developers/applications/${application.id}/bot`;
  return [
    ...(((application.flags ?? 0) & SEES_MESSAGES) === 0
      ? [
          {
            what: 'the Message Content Intent is off, so posted photos are not seen',
            remedy: `Switch it on at ${page} and start the bot again. Discord reviews that once a bot has 10,000 users over all its servers.`,
          },
        ]
      : []),
    ...(missing.length > 0
      ? [
          {
            what: `${missing.map(({ name }) => name).join(', ')} not registered everywhere`,
            remedy: 'Unless you registered them in single servers: npm run deploy-commands -- register',
          },
        ]
      : []),
    ...(application.approximate_guild_count === 0
      ? [{ what: 'it is in no server', remedy: `Add it: ${inviteLink(application.id)}` }]
      : []),
  ];
}
