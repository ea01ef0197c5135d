import type { Attachment, Request } from './request.ts';

/** Who may ask: anyone, the admins of the place that the request came from, or the bot operator's own admins. */
export type Access = 'everyone' | 'admin' | 'operator';

interface OptionBase {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** One sentence without a full stop, shown by help and by the platforms' menus. */
  readonly description: string;
  /** True where a person may type the value alone, without the option's name before it. */
  readonly positional?: boolean;
  /** True where this option makes the command do something else, for which the message's pictures do not matter. */
  readonly alone?: boolean;
}

/** A value that a person may give a command. Every option can be left out. */
export type CommandOption =
  | (OptionBase & {
      readonly type: 'picture';
      /** True where the channel's latest picture is used when none is given. */
      readonly latest?: boolean;
    })
  | (OptionBase & {
      readonly type: 'text';
      readonly maxLength: number;
      /** True where all that is typed after the command is this option's value; what is too long is cut. */
      readonly whole?: boolean;
      /** True where a number is accepted as its digits: menus that were registered when this option was a number still send one. */
      readonly digits?: boolean;
    })
  | (OptionBase & {
      readonly type: 'choice';
      readonly choices: readonly string[];
      /** Explanations of the choices whose names do not explain themselves. */
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

/** A command as its file defines it: `access` and `run` get values of exactly the types that its options declare. */
interface CommandDefinition<List extends readonly CommandOption[]>
  extends Pick<Command, 'name' | 'description' | 'example' | 'preconditions'> {
  readonly options: List;
  readonly access: Access | ((options: OptionsOf<List>) => Access);
  run(request: Request, options: OptionsOf<List>): Promise<void>;
}

/**
 * Makes a command. Only this function casts option values to the types that the options declare: `checkOptions` has checked the values
 * against the same declaration before.
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
 * A condition that must hold before a command runs.
 * @param picture the picture that the run is about; undefined where the command takes none
 * @returns false where the condition does not hold and the bot stays silent, since nobody asked it
 * @throws UserError where the condition does not hold and somebody asked
 */
export type Precondition = (
  request: Request,
  picture: () => Promise<Attachment | undefined>,
) => boolean | Promise<boolean>;

/** A command that a person can give the bot. */
export interface Command {
  /** What a person types after the slash: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly description: string;
  /** What /help shows after the name in its example. Without it, the example is the name alone. */
  readonly example?: string;
  readonly options: readonly CommandOption[];
  /** Who may run the command; a function where that depends on the options given. */
  readonly access: Access | ((options: Options) => Access);
  /** Checked in this order before each run, unless an `alone` option is given. */
  readonly preconditions?: readonly Precondition[];
  /**
   * Answers through `request.reply`. A command with a picture option runs once for each picture of the message, unless
   * an `alone` option is given.
   * @throws UserError for a mistake that the person can put right; any other error is a bug
   */
  run(request: Request, options: Options): Promise<void>;
}
