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
  | (OptionBase & {
      readonly type: 'picture';
      /** True where the latest picture of the channel is taken when none is given. */
      readonly latest?: boolean;
    })
  | (OptionBase & {
      readonly type: 'text';
      readonly maxLength: number;
      /** True where a number counts as its digits, as menus send it that were registered when the option took one. */
      readonly digits?: boolean;
    })
  | (OptionBase & {
      readonly type: 'choice';
      readonly choices: readonly string[];
      /** What choices are whose names do not say it. */
      readonly meanings?: Readonly<Record<string, string>>;
    })
  | (OptionBase & { readonly type: 'integer' | 'number'; readonly min: number; readonly max: number })
  | (OptionBase & { readonly type: 'switch' });

/** Option values that have been checked against the command's options. */
export type Options = Readonly<Record<string, string | number | boolean | Attachment | undefined>>;

/** The type of the values that an option takes. */
type ValueOf<O extends CommandOption> = O extends { readonly type: 'picture' }
  ? Attachment
  : O extends { readonly type: 'choice'; readonly choices: readonly (infer Choice)[] }
    ? Choice
    : O extends { readonly type: 'integer' | 'number' }
      ? number
      : O extends { readonly type: 'switch' }
        ? boolean
        : string;

/** The values of a list of options, by name; any may be left out. */
export type OptionsOf<List extends readonly CommandOption[]> = {
  readonly [O in List[number] as O['name']]?: ValueOf<O> | undefined;
};

/** A command as it is written: its access and its work get values of just the types that its options declare. */
interface CommandDefinition<List extends readonly CommandOption[]>
  extends Pick<Command, 'name' | 'description' | 'example' | 'preconditions'> {
  readonly options: List;
  readonly access: Access | ((options: OptionsOf<List>) => Access);
  run(request: Request, options: OptionsOf<List>): Promise<void>;
}

/**
 * Makes a command. The one place where the types of its options are given up: `checkOptions` has checked values against the same
 * declaration before they come here.
 */
export function defineCommand<const List extends readonly CommandOption[]>(
  definition: CommandDefinition<List>,
): Command {
  const { access } = definition;
  return {
    ...definition,
    access: typeof access === 'function' ? (options) => access(options as OptionsOf<List>) : access,
    run: (request, options) => definition.run(request, options as OptionsOf<List>),
  };
}

/**
 * Something that must hold before a command runs.
 * @param picture the picture that the run is about; undefined where the command takes none
 * @returns false where it does not hold and the bot stays silent, since nobody asked it
 * @throws UserError where it does not hold and somebody asked
 */
export type Precondition = (
  request: Request,
  picture: () => Promise<Attachment | undefined>,
) => boolean | Promise<boolean>;

/** Something that a person can ask of the bot. */
export interface Command {
  /** Lower-case letters, digits and hyphens; what is typed after the slash. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly description: string;
  /** What /help shows as typed after the name, for example; the name alone unless told. */
  readonly example?: string;
  readonly options: readonly CommandOption[];
  /** Who may ask; a function where that depends on the options given. */
  readonly access: Access | ((options: Options) => Access);
  /** Checked in this order before each run, except where an option that stands alone is given. */
  readonly preconditions?: readonly Precondition[];
  /**
   * Answers through `request.reply`. A command with a picture option is run once for each picture of the message, unless
   * an option that stands alone is given.
   * @throws UserError for what the person can put right; anything else is a bug
   */
  run(request: Request, options: Options): Promise<void>;
}
