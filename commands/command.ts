import type { Attachment, Request } from './request.ts';

/** Who may ask: anyone, the admins of the place that the request came from, or the bot operator's own admins. */
export type Access = 'everyone' | 'admin' | 'operator';

interface OptionBase {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** One sentence without a full stop, shown by help and by the platforms' menus. */
  readonly description: string;
  /** True where typed text may give the value alone, without the option's name before it. */
  readonly positional?: boolean;
  /** True where the command does something else when this option is given, and the message's pictures do not matter. */
  readonly alone?: boolean;
}

/** A value that a person may give a command. Every option can be left out. */
export type CommandOption =
  | (OptionBase & { readonly type: 'picture' })
  | (OptionBase & { readonly type: 'text'; readonly maxLength: number })
  | (OptionBase & { readonly type: 'choice'; readonly choices: readonly string[] })
  | (OptionBase & { readonly type: 'integer' | 'number'; readonly min: number; readonly max: number })
  | (OptionBase & { readonly type: 'switch' });

/** Option values that have been checked against the command's options. */
export type Options = Readonly<Record<string, string | number | boolean | Attachment | undefined>>;

/** Something that a person can ask of the bot. */
export interface Command {
  /** Lower-case letters, digits and hyphens; what is typed after the slash. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly description: string;
  readonly options: readonly CommandOption[];
  /** Who may ask; a function where that depends on the options given. */
  readonly access: Access | ((options: Options) => Access);
  /**
   * Answers through `request.reply`. A command with a picture option is run once for each picture of the message, unless
   * an option that stands alone is given.
   * @throws UserError for what the person can put right; anything else is a bug
   */
  run(request: Request, options: Options): Promise<void>;
}

/** How to type a command, e.g. '/help [COMMAND]'. */
export function usage(command: Pick<Command, 'name' | 'options'>): string {
  const typable = command.options.filter((option) => option.type !== 'picture');
  return [`/${command.name}`, ...typable.map((option) => `[${optionUsage(option)}]`)].join(' ');
}

function optionUsage(option: CommandOption): string {
  const prefix = option.positional ? '' : `${option.name}:`;
  switch (option.type) {
    case 'choice':
      return `${prefix}${option.choices.join('|')}`;
    case 'switch':
      return `${prefix}yes|no`;
    case 'integer':
    case 'number':
      return `${prefix}${option.min}–${option.max}`;
    default:
      return `${prefix}${option.name.toUpperCase()}`;
  }
}
