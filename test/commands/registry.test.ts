import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../commands/command.ts';
import { CommandRegistry, commandIn } from '../../commands/registry.ts';

const command = (name: string, options: Command['options'] = []): Command => ({
  name,
  description: `Does ${name}`,
  options,
  access: 'everyone',
  run: async () => {},
});

test('finds commands by name, with or without the slash and in any case', () => {
  const one = command('one');
  const registry = new CommandRegistry([one, command('two')]);
  expect(registry.find('one')).toBe(one);
  expect(registry.find('/ONE')).toBe(one);
  expect(registry.list().map(({ name }) => name)).toEqual(['one', 'two']);
});

test.each([
  ['/emotion', 'There is no command /emotion. Did you mean /emotions?'],
  ['Emoitons', 'There is no command /Emoitons. Did you mean /emotions?'],
  ['/hlep', 'There is no command /hlep. Did you mean /help?'],
  ['/dance', 'There is no command /dance. /help says what you can ask.'],
  ['/', 'There is no command /. /help says what you can ask.'],
])('%s, which is no command: %s', (name, message) => {
  const registry = new CommandRegistry([command('emotions'), command('privacy'), command('help')]);
  expect(() => registry.find(name)).toThrow(expect.objectContaining({ code: 'bad-usage', message }));
});

test('of a name that is no command a bounded part is repeated', () => {
  expect(() => new CommandRegistry([command('one')]).find('x'.repeat(9000))).toThrow(/^.{1,120}$/);
});

test('refuses two commands of one name and names that cannot be typed', () => {
  expect(() => new CommandRegistry([command('one'), command('one')])).toThrow("two commands are called 'one'");
  expect(() => new CommandRegistry([command('One')])).toThrow("'One' cannot be the name");
  const option = { name: 'the image', type: 'picture', description: '' } as const;
  expect(() => new CommandRegistry([command('one', [option])])).toThrow("'the image' cannot be the name");
});

test('no command knows a chat platform', () => {
  const folder = new URL('../../commands/', import.meta.url);
  const files = readdirSync(folder);
  expect(files).toContain('emotions.ts');
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), 'utf8');
    expect(source, file).not.toMatch(/discord|slack|src\/chat/i);
  }
});

describe('a command in a message to the bot', () => {
  const commands = new CommandRegistry([command('emotions'), command('help')]);

  test('is found by its name, with or without the slash, or by the platform’s own name for it', () => {
    expect(commandIn(' help', commands)).toEqual({ name: 'help', input: '' });
    // As people write to somebody: '@bot, help!'
    for (const text of [', help!', ': Help.', 'help ?!']) expect(commandIn(text, commands)?.input, text).toBe('');
    expect(commandIn('/Help emotions\nplease', commands)).toEqual({ name: 'help', input: 'emotions\nplease' });
    expect(commandIn('emotions-help x', commands, (name) => `emotions-${name}`)).toEqual({ name: 'help', input: 'x' });
    expect(commandIn('emotions-help', commands)).toBeUndefined();
    // A slash means a command: the answer says which commands there are.
    expect(commandIn(' /hlep me', commands)).toEqual({ name: 'hlep', input: 'me' });
  });

  test('is the one for photos where nothing is said, and none where something else is', () => {
    expect(commandIn('  ', commands)).toEqual({ name: 'emotions', input: '' });
    for (const text of ['hello', 'helpful', 'what? help', '?']) expect(commandIn(text, commands), text).toBeUndefined();
  });
});
