import { nearest } from '../src/base/did-you-mean.ts';
import { UserError } from '../src/base/errors.ts';
import type { Command } from './command.ts';
import type { Request } from './request.ts';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** The command for a message with pictures, and for a message that is only the bot's name. */
export const PHOTO_COMMAND = 'emotions';

/** The commands by name. */
export class CommandRegistry {
  readonly #commands = new Map<string, Command>();

  /** @throws Error where two commands have the same name, or a name cannot be typed */
  constructor(commands: Iterable<Command> = []) {
    for (const command of commands) this.add(command);
  }

  /** Adds a command; the constructor's rules apply. */
  add(command: Command): void {
    for (const { name } of [command, ...command.options]) {
      if (!NAME.test(name)) throw new Error(`'${name}' cannot be the name of a command or option`);
    }
    if (this.#commands.has(command.name)) throw new Error(`two commands are called '${command.name}'`);
    this.#commands.set(command.name, command);
  }

  /** The commands, in the order in which they were added. */
  list(): readonly Command[] {
    return [...this.#commands.values()];
  }

  /** The name that was most likely meant; undefined where none is similar. */
  nearest(asked: string): string | undefined {
    return nearest(asked, [...this.#commands.keys()]);
  }

  /** Whether there is a command of a name, as `find` takes it. */
  has(name: string): boolean {
    return this.#commands.has(keyOf(name));
  }

  /**
   * Finds a command by its name, in upper or lower case, with or without the slash.
   * @throws UserError 'bad-usage' where there is none; it names the command that was most likely meant
   */
  find(name: string): Command {
    const asked = withoutSlash(name);
    const command = this.#commands.get(keyOf(name));
    if (command !== undefined) return command;
    const meant = this.nearest(asked);
    const next = meant === undefined ? '/help says what you can ask.' : `Did you mean /${meant}?`;
    throw new UserError('bad-usage', `There is no command /${asked.slice(0, 40)}. ${next}`);
  }
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, '');
}

function keyOf(name: string): string {
  return withoutSlash(name).toLowerCase();
}

/**
 * The command that a message without pictures names, with or without the slash. A message that is only the bot's name
 * means the command for photos. A word after a slash is always taken as a command, known or not.
 * @param text the message's text, without the bot's name
 * @param nameOf the platform's own name of a command, which is understood too
 * @returns undefined where the message names no command
 */
export function commandIn(
  text: string,
  commands: CommandRegistry,
  nameOf: (name: string) => string = (name) => name,
): Request['command'] {
  const [, slash, word, input = ''] = /^[\s,:]*(\/?)([a-z0-9-]+)[\s,:;.!?]*(.*)$/is.exec(text) ?? [];
  if (word === undefined) return text.trim() === '' ? { name: PHOTO_COMMAND, input: '' } : undefined;
  const asked = word.toLowerCase();
  const command = commands.list().find(({ name }) => [name, nameOf(name)].includes(asked));
  if (command !== undefined) return { name: command.name, input };
  return slash ? { name: word, input } : undefined;
}

/**
 * The command that a message with pictures names. Only a word after a slash counts, since other words may be about the pictures.
 * @returns undefined where the pictures are to be read: the message names no command, or only the one for photos
 */
export function commandBesidePictures(...[text, commands, nameOf]: Parameters<typeof commandIn>): Request['command'] {
  if (!/^[\s,:]*\//.test(text)) return undefined;
  const command = commandIn(text, commands, nameOf);
  return command?.name === PHOTO_COMMAND && command.input === '' ? undefined : command;
}

/** Whether the bot reads the pictures of a message: it does where the message names no command, or the one for photos. */
export function readsPictures(command: Request['command']): boolean {
  return command === undefined || command.name === PHOTO_COMMAND;
}
