import { listIfFew, nearest } from '../src/base/did-you-mean.ts';
import { UserError } from '../src/base/errors.ts';
import type { Command, CommandOption, Options } from './command.ts';
import type { Attachment, CommandInput } from './request.ts';

/**
 * Checks a command's input against the options that the command declares.
 * @param input typed text ('name:value', 'name value', or a value alone for a positional option), or a value for each option
 * @returns the values of the options that were given
 * @throws UserError 'bad-usage' that names the wrong option, and the values that it takes
 */
export function checkOptions(command: Pick<Command, 'name' | 'options'>, input: CommandInput): Options {
  const raw = typeof input === 'string' ? parseText(command, input) : input;
  const checked: Record<string, string | number | boolean | Attachment> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || value === null) continue;
    const option = command.options.find((candidate) => candidate.name === name);
    if (option === undefined) throw noOption(command, name);
    const taken = checkValue(command, option, value);
    // 'no' to something else than the command itself means the command itself.
    if (taken !== false || !option.alone) checked[name] = taken;
  }
  return checked;
}

/** Splits text at white space. Double quotes keep a value with spaces together. */
function splitWords(text: string): string[] {
  return Array.from(text.matchAll(/((?:[^\s"]|"[^"]*"?)+)/g), ([word]) => word.replaceAll('"', ''));
}

function parseText(command: Pick<Command, 'name' | 'options'>, text: string): Record<string, string | true> {
  const typable = command.options.filter((option) => option.type !== 'picture');
  const whole = typable.find((option) => option.type === 'text' && option.whole);
  if (whole?.type === 'text') {
    const value = splitWords(text)
      .join(' ')
      .replace(new RegExp(`^${whole.name}[:=] ?`), '');
    return value === '' ? {} : { [whole.name]: value.slice(0, whole.maxLength) };
  }
  const values: Record<string, string | true> = {};
  const words = splitWords(text);
  for (let w = 0; w < words.length; w++) {
    const word = words[w]!;
    const [, prefix, rest = ''] = /^([a-z0-9-]+)[:=](.*)$/is.exec(word) ?? [];
    const named = typable.find((option) => option.name === (prefix ?? word).toLowerCase());
    if (named !== undefined && prefix !== undefined) {
      // A space may stand before the value.
      values[named.name] = rest === '' && w + 1 < words.length ? words[++w]! : rest;
    } else if (named?.type === 'switch') {
      values[named.name] = true;
    } else if (named !== undefined && w + 1 < words.length) {
      values[named.name] = words[++w]!;
    } else if (prefix !== undefined) {
      throw noOption(command, prefix);
    } else {
      const positional = typable.find((option) => option.positional && values[option.name] === undefined);
      if (positional === undefined) {
        const meant = nearest(
          word,
          typable.map(({ name }) => name),
        );
        throw badUsage(`I do not know what ‘${shown(word)}’ means after /${command.name}. ${next(command, meant)}`);
      }
      values[positional.name] = word;
    }
  }
  return values;
}

function checkValue(
  command: Pick<Command, 'name'>,
  option: CommandOption,
  value: unknown,
): string | number | boolean | Attachment {
  const takes = (what: string) => badUsage(`‘${option.name}’ of /${command.name} takes ${what}.`);
  switch (option.type) {
    case 'picture':
      if (isAttachment(value)) return value;
      throw takes('a picture');
    case 'text': {
      const text = option.digits && typeof value === 'number' ? String(value) : value;
      if (typeof text === 'string' && text.length <= option.maxLength) return text;
      throw takes(`a text of at most ${option.maxLength} characters`);
    }
    case 'choice': {
      const choice = option.choices.find((candidate) => candidate === String(value).toLowerCase());
      if (choice !== undefined) return choice;
      const meant = nearest(String(value), option.choices);
      const few = listIfFew(option.choices);
      if (meant === undefined && few !== undefined) throw takes(`${few}, not ‘${shown(String(value))}’`);
      throw badUsage(
        `‘${option.name}’ of /${command.name} cannot be ‘${shown(String(value))}’. ${next(command, meant)}`,
      );
    }
    case 'integer':
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      const whole = option.type === 'number' || Number.isInteger(number);
      if (whole && number >= option.min && number <= option.max) return number;
      const kind = option.type === 'integer' ? 'a whole number' : 'a number';
      throw takes(`${kind} from ${option.min} to ${option.max}`);
    }
    case 'switch': {
      const word = String(value).toLowerCase();
      if (['true', 'yes', 'on'].includes(word)) return true;
      if (['false', 'no', 'off'].includes(word)) return false;
      throw takes('yes or no');
    }
  }
}

function isAttachment(value: unknown): value is Attachment {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function';
}

function noOption(command: Pick<Command, 'name' | 'options'>, name: string): UserError {
  const meant = nearest(
    name,
    command.options.map((option) => option.name),
  );
  return badUsage(`/${command.name} has no option ‘${shown(name)}’. ${next(command, meant)}`);
}

/** What to do about a word that is not known, as a sentence. */
function next(command: Pick<Command, 'name'>, meant: string | undefined): string {
  return meant === undefined ? `/help ${command.name} shows how to type it.` : `Did you mean ‘${meant}’?`;
}

/** The start of what somebody typed. It splits no character: a chat may refuse a message that holds half of one. */
function shown(typed: string): string {
  return [...typed.slice(0, 80)].slice(0, 40).join('');
}

function badUsage(sentence: string): UserError {
  return new UserError('bad-usage', sentence);
}
