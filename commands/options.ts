import { UserError } from '../src/base/errors.ts';
import type { Command, CommandOption, Options } from './command.ts';
import { usage } from './command.ts';
import type { Attachment, CommandInput } from './request.ts';

/**
 * Checks what came with a command against the options that it declares.
 * @param input typed text ('name:value', 'name value', or a value alone for a positional option), or a value an option
 * @returns the values of the options that were given
 * @throws UserError 'bad-usage' naming the option and what it takes
 */
export function checkOptions(command: Pick<Command, 'name' | 'options'>, input: CommandInput): Options {
  const raw = typeof input === 'string' ? parseText(command, input) : input;
  const checked: Record<string, string | number | boolean | Attachment> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || value === null) continue;
    const option = command.options.find((candidate) => candidate.name === name);
    if (option === undefined) throw badUsage(command, `it has no option ‘${name.slice(0, 40)}’`);
    checked[name] = checkValue(command, option, value);
  }
  return checked;
}

/** Splits at white space; double quotes keep a value with spaces together. */
function splitWords(text: string): string[] {
  return Array.from(text.matchAll(/((?:[^\s"]|"[^"]*"?)+)/g), ([word]) => word.replaceAll('"', ''));
}

function parseText(command: Pick<Command, 'name' | 'options'>, text: string): Record<string, string | true> {
  const typable = command.options.filter((option) => option.type !== 'picture');
  const values: Record<string, string | true> = {};
  const words = splitWords(text);
  for (let w = 0; w < words.length; w++) {
    const word = words[w]!;
    const [, prefix, rest] = /^([a-z0-9-]+)[:=](.*)$/s.exec(word) ?? [];
    const named = typable.find((option) => option.name === (prefix ?? word.toLowerCase()));
    if (named !== undefined && prefix !== undefined) {
      values[named.name] = rest!;
    } else if (named?.type === 'switch') {
      values[named.name] = true;
    } else if (named !== undefined && w + 1 < words.length) {
      values[named.name] = words[++w]!;
    } else {
      const positional = typable.find((option) => option.positional && values[option.name] === undefined);
      if (positional === undefined) throw badUsage(command, `I do not know what ‘${word.slice(0, 40)}’ means there`);
      values[positional.name] = word;
    }
  }
  return values;
}

function checkValue(
  command: Pick<Command, 'name' | 'options'>,
  option: CommandOption,
  value: unknown,
): string | number | boolean | Attachment {
  switch (option.type) {
    case 'picture':
      if (isAttachment(value)) return value;
      throw badUsage(command, `‘${option.name}’ takes a picture`);
    case 'text': {
      const text = option.digits && typeof value === 'number' ? String(value) : value;
      if (typeof text === 'string' && text.length <= option.maxLength) return text;
      throw badUsage(command, `‘${option.name}’ takes a text of at most ${option.maxLength} characters`);
    }
    case 'choice': {
      const choice = option.choices.find((candidate) => candidate === String(value).toLowerCase());
      if (choice !== undefined) return choice;
      throw badUsage(command, `‘${option.name}’ is one of: ${option.choices.join(', ')}`);
    }
    case 'integer':
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      const whole = option.type === 'number' || Number.isInteger(number);
      if (whole && number >= option.min && number <= option.max) return number;
      const kind = option.type === 'integer' ? 'a whole number' : 'a number';
      throw badUsage(command, `‘${option.name}’ takes ${kind} from ${option.min} to ${option.max}`);
    }
    case 'switch': {
      const word = String(value).toLowerCase();
      if (['true', 'yes', 'on'].includes(word)) return true;
      if (['false', 'no', 'off'].includes(word)) return false;
      throw badUsage(command, `‘${option.name}’ takes yes or no`);
    }
  }
}

function isAttachment(value: unknown): value is Attachment {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function';
}

function badUsage(command: Pick<Command, 'name' | 'options'>, problem: string): UserError {
  return new UserError('bad-usage', `I could not follow /${command.name}: ${problem}. Type it as: ${usage(command)}`);
}
