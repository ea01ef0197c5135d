import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { CommandRegistry } from '../../../commands/registry.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { EMOTION_COLOURS, inkOn } from '../../photo/picture/colours.ts';

/** The files of the page, by URL path. */
const FILES = {
  '/': { file: 'page/index.html', type: 'text/html; charset=utf-8' },
  ...Object.fromEntries(
    ['chat', 'dom', 'show', 'figures', 'camera', 'typing'].map((name) => [
      `/${name}.js`,
      { file: `page/${name}.js`, type: 'text/javascript; charset=utf-8' },
    ]),
  ),
  '/chat.css': { file: 'page/chat.css', type: 'text/css; charset=utf-8' },
  '/figures.css': { file: 'page/figures.css', type: 'text/css; charset=utf-8' },
  '/icon.svg': { file: 'page/icon.svg', type: 'image/svg+xml' },
  '/sample.jpg': { file: '../../../assets/sample.jpg', type: 'image/jpeg' },
} as const;

/** A style sheet with each emotion's colour, the same as in annotated pictures, and the text colour to use on it. */
export function palette(): string {
  return [...EMOTIONS, 'unsure' as const]
    .map((emotion) => {
      const colour = EMOTION_COLOURS[emotion];
      return `[data-emotion="${emotion}"] { --emotion: ${colour}; --on-emotion: ${inkOn(colour)}; }\n`;
    })
    .join('');
}

/** Serves the page itself, and the list of commands that it completes typed lines from. */
export async function servePage(server: FastifyInstance, commands: CommandRegistry): Promise<void> {
  for (const [path, { file, type }] of Object.entries(FILES)) {
    const content = await readFile(new URL(file, import.meta.url));
    server.get(path, (_request, reply) => reply.type(type).send(content));
  }
  server.get('/palette.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(palette()));
  server.get('/api/commands', (_request, reply) => reply.send(commandsToType(commands)));
}

/** The commands, with only those options that can be typed. */
function commandsToType(commands: CommandRegistry) {
  return commands.list().map(({ name, description, options }) => ({
    name,
    description,
    options: options
      // A picture is posted, not typed.
      .filter(({ type }) => type !== 'picture')
      .map((option) => ({
        name: option.name,
        description: option.description,
        type: option.type,
        positional: option.positional === true,
        ...(option.type === 'choice' && { choices: option.choices }),
      })),
  }));
}
