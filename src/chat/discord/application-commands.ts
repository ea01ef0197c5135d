import {
  type APIApplicationCommandBasicOption,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  InteractionContextType,
  type RESTPostAPIApplicationCommandsJSONBody,
} from 'discord.js';
import type { Command, CommandOption } from '../../../commands/command.ts';
import type { CommandRegistry } from '../../../commands/registry.ts';
import { ADMIN } from './permissions.ts';

/** The entry in a message's Apps menu. */
export const READ_EMOTIONS = 'Read emotions';

/** Longest description of a command or an option. */
const MAX_DESCRIPTION = 100;
/** Most characters of a text option. */
const MAX_TEXT_OPTION = 6000;

/** Everything that can be asked, as Discord registers it. */
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
  // This decides only who sees the command, and an admin can change it: the right itself is checked when it is used.
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
