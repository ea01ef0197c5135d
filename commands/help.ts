import { EMOTIONS } from '../src/emotion/labels.ts';
import { type Access, type Command, defineCommand, usage } from './command.ts';
import { NOTICE } from './photo-reply.ts';
import type { CommandRegistry } from './registry.ts';

const WHO: Readonly<Record<Access, string>> = {
  everyone: '',
  admin: ' (admins)',
  operator: ' (admins of the operator)',
};

/** `/help`: what the bot does and what can be asked; `/help NAME` tells more of one command. */
export function helpCommand(registry: CommandRegistry): Command {
  return defineCommand({
    name: 'help',
    description: 'Says what I do and what you can ask',
    options: [
      { name: 'command', type: 'text', maxLength: 40, positional: true, description: 'A command to tell more about' },
    ],
    access: 'everyone',
    async run(request, options) {
      const { command } = options;
      const text = command !== undefined ? describe(registry.find(command)) : overview(registry.list());
      await request.reply({ text, private: true });
    },
  });
}

function overview(commands: readonly Command[]): string {
  return [
    'Post a photo: I find the faces, say which of seven emotions each expression looks like, and send the picture back with a box and a number for everyone. Several photos in one message are all answered.',
    commands.map((command) => `${usage(command)} – ${command.description}${WHO[usualAccess(command)]}`).join('\n'),
    `The emotions: ${EMOTIONS.join(', ')}; 'unsure' where none is likely enough. ${NOTICE}`,
  ].join('\n\n');
}

function describe(command: Command): string {
  return [
    `${usage(command)} – ${command.description}${WHO[usualAccess(command)]}`,
    ...command.options.map((option) => `${option.name} – ${option.description}`),
  ].join('\n');
}

/** Who may ask when no option is given. */
function usualAccess(command: Command): Access {
  return typeof command.access === 'function' ? command.access({}) : command.access;
}
