import {
  type APIApplication,
  type APIApplicationCommand,
  type APIApplicationCommandBasicOption,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  DiscordAPIError,
  InteractionContextType,
  REST,
  type RESTPostAPIApplicationCommandsJSONBody,
  Routes,
} from 'discord.js';
import type { Command, CommandOption } from '../../../commands/command.ts';
import type { CommandRegistry } from '../../../commands/registry.ts';
import { UserError } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import { checkTokenForm, lacksPermission, tokenRefused } from './errors.ts';
import { explainConnection } from './login.ts';
import { ADMIN, inviteLink } from './permissions.ts';

/** The entry in a message's Apps menu. */
export const READ_EMOTIONS = 'Read emotions';

/** Longest description of a command or an option. */
const MAX_DESCRIPTION = 100;
/** Most characters of a text option. */
const MAX_TEXT_OPTION = 6000;

/** Every command and menu entry of the bot, in the form that Discord registers. */
export function applicationCommands(registry: CommandRegistry): RESTPostAPIApplicationCommandsJSONBody[] {
  return [
    ...registry.list().map(slashCommand),
    {
      type: ApplicationCommandType.Message,
      name: READ_EMOTIONS,
      contexts: [InteractionContextType.Guild, InteractionContextType.BotDM],
      integration_types: [ApplicationIntegrationType.GuildInstall],
    },
  ];
}

function slashCommand(command: Command): RESTPostAPIApplicationCommandsJSONBody {
  // This decides only who sees the command, and an admin can change it. The right itself is checked whenever the command is used.
  const access = typeof command.access === 'function' ? command.access({}) : command.access;
  const forEveryone = access === 'everyone';
  return {
    type: ApplicationCommandType.ChatInput,
    name: command.name,
    description: shortened(command.description),
    options: command.options.map(slashOption),
    default_member_permissions: forEveryone ? null : String(ADMIN),
    contexts: forEveryone
      ? [InteractionContextType.Guild, InteractionContextType.BotDM]
      : [InteractionContextType.Guild],
    integration_types: [ApplicationIntegrationType.GuildInstall],
  };
}

function slashOption(option: CommandOption): APIApplicationCommandBasicOption {
  const common = { name: option.name, description: shortened(option.description), required: false };
  switch (option.type) {
    case 'picture':
      return { ...common, type: ApplicationCommandOptionType.Attachment };
    case 'text':
      return {
        ...common,
        type: ApplicationCommandOptionType.String,
        max_length: Math.min(option.maxLength, MAX_TEXT_OPTION),
      };
    case 'choice':
      return {
        ...common,
        type: ApplicationCommandOptionType.String,
        choices: option.choices.map((choice) => ({ name: choice, value: choice })),
      };
    case 'integer':
      return {
        ...common,
        type: ApplicationCommandOptionType.Integer,
        min_value: option.min,
        max_value: option.max,
      };
    case 'number':
      return { ...common, type: ApplicationCommandOptionType.Number, min_value: option.min, max_value: option.max };
    case 'switch':
      return { ...common, type: ApplicationCommandOptionType.Boolean };
  }
}

function shortened(description: string): string {
  return description.length <= MAX_DESCRIPTION ? description : `${description.slice(0, MAX_DESCRIPTION - 1)}…`;
}

/** What to do with the commands that Discord shows, and in which server. Without a server it is done everywhere, in direct messages too. */
export interface Deployment {
  readonly action: 'view' | 'register' | 'clear';
  readonly guildId?: string;
}

/**
 * Shows, registers or clears the bot's commands at Discord; without a token, shows what would be registered.
 * @returns lines for the operator that say what was done
 * @throws UserError 'bad-config' where the token is missing, none or not accepted
 * @throws UserError 'not-allowed' where the bot may not do this in the server, 'busy' where Discord cannot be reached
 */
export async function deployCommands(
  { action, guildId }: Deployment,
  config: Pick<Config, 'discord' | 'internal'>,
  registry: CommandRegistry,
): Promise<string> {
  if (config.discord === undefined && action === 'view') return withoutToken(registry);
  if (config.discord === undefined)
    throw new UserError('bad-config', 'DISCORD_TOKEN is missing: put it into the file .env.');
  checkTokenForm(config.discord.token);
  const { discordApi: api } = config.internal;
  const rest = new REST(api === undefined ? {} : { api }).setToken(config.discord.token);
  try {
    const application = (await rest.get(Routes.currentApplication())) as APIApplication;
    const route = guildId
      ? Routes.applicationGuildCommands(application.id, guildId)
      : Routes.applicationCommands(application.id);
    const where = guildId ? `in the server ${guildId}` : 'everywhere';
    if (action === 'view') {
      const lines = describe((await rest.get(route)) as APIApplicationCommand[], registry, where);
      return [...lines, `To add the bot to a server: ${inviteLink(application.id)}`].join('\n');
    }
    const body = action === 'register' ? applicationCommands(registry) : [];
    const stored = (await rest.put(route, { body })) as APIApplicationCommand[];
    return action === 'register'
      ? `Registered ${where}: ${stored.map(shown).join(', ')}.`
      : `Cleared every command registered ${where}.`;
  } catch (error) {
    throw explainRegistration(error, guildId);
  }
}

/** Says what would be registered. Used where Discord cannot be asked what is registered. */
function withoutToken(registry: CommandRegistry): string {
  return [
    'To be registered:',
    ...registry
      .list()
      .flatMap(({ name, description, options }) => [
        `  /${name} – ${description}`,
        ...options.map((option) => `      ${option.name} – ${option.description}`),
      ]),
    `  Apps > ${READ_EMOTIONS}`,
    'What is registered, and the link that adds the bot to a server, need DISCORD_TOKEN in the file .env.',
  ].join('\n');
}

function describe(stored: readonly APIApplicationCommand[], registry: CommandRegistry, where: string): string[] {
  const names = new Set(stored.map(({ name }) => name));
  const missing = applicationCommands(registry).filter(({ name }) => !names.has(name));
  return [
    stored.length === 0 ? `Nothing is registered ${where}.` : `Registered ${where}:`,
    ...stored.map((command) => `  ${shown(command)}${command.description ? ` – ${command.description}` : ''}`),
    ...(missing.length > 0 ? [`Not registered ${where}: ${missing.map(shown).join(', ')}.`] : []),
  ];
}

function shown({ name, type }: { readonly name: string; readonly type?: ApplicationCommandType }): string {
  return type === ApplicationCommandType.Message ? `Apps > ${name}` : `/${name}`;
}

function explainRegistration(error: unknown, guildId: string | undefined): unknown {
  if (error instanceof DiscordAPIError && error.status === 401) {
    return tokenRefused();
  }
  if (!lacksPermission(error) && !(error instanceof DiscordAPIError && error.status === 404))
    return explainConnection(error);
  return new UserError(
    'not-allowed',
    `The bot may not register commands in the server ${guildId}. Is the id right, and was the bot added with the scope applications.commands?`,
    { cause: error },
  );
}
