/** Most columns of a line of help. */
const WIDTH = 110;
/** Most columns for the options' names; a longer name has a line of its own. */
const NAMES = 24;

/** An option as it is typed, and what it does. Line breaks in the help are kept. */
export type HelpRow = readonly [name: string, help: string];

/** The text of --help: usage, description, and every option in two columns. @param help.usage the ways to call the tool, a line each */
export function helpText(help: {
  readonly usage: readonly string[];
  readonly about: string;
  readonly rows: readonly HelpRow[];
  readonly footer?: string | undefined;
}): string {
  const { usage, about, rows, footer } = help;
  const column = Math.min(NAMES, Math.max(...rows.map(([name]) => name.length)) + 4);
  const lines = rows.map(([name, text]) => {
    const indented = wrap(text, WIDTH - column).join(`\n${' '.repeat(column)}`);
    const head = `  ${name}`;
    return head.length + 2 > column ? `${head}\n${' '.repeat(column)}${indented}` : head.padEnd(column) + indented;
  });
  const parts = [`Usage: ${usage.join('\n       ')}`, about, lines.join('\n'), footer];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}

function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const lines = [''];
    for (const word of line.split(' ')) {
      const last = lines.at(-1)!;
      if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
    return lines;
  });
}
