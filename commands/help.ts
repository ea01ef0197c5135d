import { EMOTIONS } from '../src/emotion/labels.ts';
import { type Access, type Command, type CommandOption, defineCommand } from './command.ts';
import { NOTICE } from './photo-reply.ts';
import type { CommandRegistry } from './registry.ts';

const ACCESS_NOTE: Readonly<Record<Access, string>> = {
  everyone: '',
  admin: ' (admins)',
  operator: ' (admins of the place that runs this bot)',
};

const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** `/help` says what the bot does and lists its commands; `/help NAME` explains one command. */
export function helpCommand(registry: CommandRegistry): Command {
  return defineCommand({
    name: 'help',
    description: 'Says what I do and what you can ask',
    example: 'retrain',
    options: [
      {
        name: 'command',
        type: 'text',
        maxLength: 100,
        positional: true,
        whole: true,
        description: 'A command to tell more about',
      },
    ],
    access: 'everyone',
    async run(request, options) {
      await request.reply({ text: answerTo(options.command ?? '', registry), private: true });
    },
  });
}

/**
 * What helps somebody who typed these words after 'help': they may be a command's name, a sentence with one, or anything else.
 * @throws UserError 'bad-usage' where one word looks like a misspelt name
 */
function answerTo(text: string, registry: CommandRegistry): string {
  const words: readonly string[] = text.toLowerCase().match(/[a-z0-9-]+/g) ?? [];
  const commands = registry.list();
  const named = commands.find(({ name }) => words.includes(name));
  if (named !== undefined) return describe(named);
  if (text.trim() === '') return overview(commands);
  const [word = '', ...others] = words;
  if (others.length === 0 && registry.nearest(word) !== undefined) return describe(registry.find(word));
  return `That names none of my commands, so here is all that I do.\n\n${overview(commands)}`;
}

function overview(commands: readonly Command[]): string {
  return [
    'Post a photo: I find the faces, say which of seven emotions each expression looks like, and send the picture back with a box and a number for everyone.',
    commands.map((command) => `${title(command)}. For example: ${example(command)}`).join('\n'),
    `The emotions: ${EMOTIONS.join(', ')}; 'unsure' where none is likely enough. ${NOTICE}`,
  ].join('\n\n');
}

function describe(command: Command): string {
  return [title(command), `For example: ${example(command)}`, ...command.options.flatMap(optionLines)].join('\n');
}

function title(command: Command): string {
  return `/${command.name} – ${command.description}${ACCESS_NOTE[usualAccess(command)]}`;
}

function example({ name, example }: Command): string {
  return example === undefined ? `/${name}` : `/${name} ${example}`;
}

/** An option as a person types it, and a line for each choice that has an explanation. */
function optionLines(option: CommandOption): string[] {
  const values = valuesOf(option);
  const typed = typedAs(option);
  const meanings = option.type === 'choice' ? Object.entries(option.meanings ?? {}) : [];
  return [
    `${typed} – ${option.description}${values === undefined ? '' : `: ${values}`}`,
    ...meanings.map(([choice, meaning]) => `    ${choice} – ${meaning}`),
  ];
}

/** How a person types an option. Capitals stand for the value itself. */
function typedAs({ name, positional, type, alone }: CommandOption): string {
  if (positional || type === 'picture') return name.toUpperCase();
  return type === 'switch' && alone ? name : `${name}:`;
}

/** The values that an option takes, in words; undefined where it takes any text. */
function valuesOf(option: CommandOption): string | undefined {
  switch (option.type) {
    case 'choice':
      return OR.format(option.choices);
    case 'switch':
      return option.alone ? undefined : 'yes or no';
    case 'integer':
    case 'number':
      return `${option.min} to ${option.max}`;
    default:
      return undefined;
  }
}

/** Who may run the command when no option is given. */
function usualAccess(command: Command): Access {
  return typeof command.access === 'function' ? command.access({}) : command.access;
}
