import { readFileSync } from 'node:fs';
import opentype from 'opentype.js';

/**
 * A machine without fonts (a container, say) draws the text of an SVG as empty boxes. So charts measure their text with the
 * font that ships with the project and hold it as outlines.
 */
const FONT_FILE = new URL('../../assets/fonts/open-sans-latin-600-normal.woff', import.meta.url);

let loaded: opentype.Font | undefined;

function font(): opentype.Font {
  if (!loaded) {
    const { buffer, byteOffset, byteLength } = readFileSync(FONT_FILE);
    loaded = opentype.parse(buffer.slice(byteOffset, byteOffset + byteLength));
  }
  return loaded;
}

/** Width in pixels of a text at a font size in pixels. */
export function textWidth(text: string, size: number): number {
  return font().getAdvanceWidth(text, size);
}

/**
 * A text as the data of an SVG path, anchored at (0, 0) on its baseline. Written out here because opentype.js 2.0.0's
 * toPathData runs two numbers together where one rounds to minus zero ("-8.680-8.68"), which spoils the rest of the text.
 */
export function textPath(text: string, size: number, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  const share = { start: 0, middle: 0.5, end: 1 }[anchor];
  const { commands } = font().getPath(text, -share * textWidth(text, size), 0, size);
  return commands
    .map(
      (command) =>
        command.type +
        numbersOf(command)
          .map((n) => n.toFixed(2))
          .join(' '),
    )
    .join('');
}

/** The coordinates of a path command, in SVG's order. */
function numbersOf(command: opentype.PathCommand): number[] {
  switch (command.type) {
    case 'Z':
      return [];
    case 'Q':
      return [command.x1, command.y1, command.x, command.y];
    case 'C':
      return [command.x1, command.y1, command.x2, command.y2, command.x, command.y];
    default:
      return [command.x, command.y];
  }
}

/**
 * Replaces every `<text>` of an SVG made by Vega by the outlines of its glyphs, with the same place, fill and opacity.
 * @throws Error if a text has several lines (Vega nests tspans then): give it as several texts
 */
export function outlineText(svg: string): string {
  const outlined = svg.replace(/<text([^>]*)>([^<]*)<\/text>/g, (_, attributes: string, escaped: string) => {
    const size = Number.parseFloat(attribute(attributes, 'font-size') ?? '11');
    const anchor = (attribute(attributes, 'text-anchor') ?? 'start') as 'start' | 'middle' | 'end';
    const kept = ['transform', 'fill', 'opacity', 'fill-opacity'].flatMap((name) => {
      const value = attribute(attributes, name);
      return value === undefined ? [] : [`${name}="${value}"`];
    });
    return `<path d="${textPath(unescaped(escaped), size, anchor)}" ${kept.join(' ')}/>`;
  });
  if (outlined.includes('<text')) throw new Error('A chart has text of several lines, which cannot be outlined');
  return outlined;
}

function attribute(attributes: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
}

function unescaped(text: string): string {
  const entities: Record<string, string> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&amp;': '&',
    '&nbsp;': '\u00a0',
  };
  return text.replace(/&\w+;/g, (entity) => entities[entity] ?? entity);
}
