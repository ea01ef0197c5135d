import { nearest } from '../src/base/did-you-mean.ts';
import { UserError } from '../src/base/errors.ts';
import type { Command } from './command.ts';
import type { Request } from './request.ts';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** The command that a message with pictures stands for, and one that says nothing but the bot's name. */
export const PHOTO_COMMAND = 'emotions';

/** The commands by name. */
export class CommandRegistry {
  readonly #commands = new Map<string, Command>();

  /** @throws Error where two commands have one name, or a name cannot be typed */
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

  /** The commands in the order they were added. */
  list(): readonly Command[] {
    return [...this.#commands.values()];
  }

  /**
   * The command of a name, in any case, with or without its slash.
   * @throws UserError 'bad-usage' where there is none, naming the one that was most likely meant
   */
  find(name: string): Command {
    const asked = name.replace(/^\//, '');
    const command = this.#commands.get(asked.toLowerCase());
    if (command !== undefined) return command;
    const meant = nearest(asked, [...this.#commands.keys()]);
    const next = meant === undefined ? '/help says what you can ask.' : `Did you mean /${meant}?`;
    throw new UserError('bad-usage', `There is no command /${asked.slice(0, 40)}. ${next}`);
  }
}

/**
 * The command that a message to the bot names, without pictures of its own: by its name, with or without the slash; the
 * one for photos where it says nothing but the bot's name. What stands after a slash is meant for a command, known or not.
 * @param text with the bot's name taken out
 * @param nameOf what a command is called on the platform, beside its own name
 * @returns undefined where it says something else
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
 * The same for a message that pictures come with: only what stands after a slash, since other words may speak of the pictures.
 * @returns undefined where the pictures are to be read: it names no command, or the one for photos and nothing more
 */
export function commandBesidePictures(...[text, commands, nameOf]: Parameters<typeof commandIn>): Request['command'] {
  if (!/^[\s,:]*\//.test(text)) return undefined;
  const command = commandIn(text, commands, nameOf);
  return command?.name === PHOTO_COMMAND && command.input === '' ? undefined : command;
}

/** Whether pictures that come with a message are read: by a command for photos, or where it names none. */
export function readsPictures(command: Request['command']): boolean {
  return command === undefined || command.name === PHOTO_COMMAND;
}
