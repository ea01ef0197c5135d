import { readFileSync } from 'node:fs';
// The package's main file is a CommonJS module, which Node reads twice more to find out what it exports: 80 ms of every process and thread.
import { type Font, type PathCommand, parse } from 'opentype.js/dist/opentype.mjs';
import QuickLRU from 'quick-lru';

const FONT_FILE = new URL('../../assets/fonts/open-sans-latin-600-normal.woff', import.meta.url);

let loaded: Font | undefined;

function font(): Font {
  if (!loaded) {
    const file = readFileSync(FONT_FILE);
    loaded = parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer);
  }
  return loaded;
}

/** Known widths by size and text. A chart is laid out in several rounds, and each asks for the same widths. */
const widths = new QuickLRU<string, number>({ maxSize: 500 });

/** Width of a text in pixels. @param size font size in pixels per em */
export function textWidth(text: string, size: number): number {
  const key = `${size} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  const width = font().getAdvanceWidth(text, size);
  widths.set(key, width);
  return width;
}

/** Height of a capital letter in pixels. @param size font size in pixels per em */
export function capHeight(size: number): number {
  return (font().tables.os2.sCapHeight / font().unitsPerEm) * size;
}

/**
 * A text as SVG path data, from the outlines of the font that ships with the project. SVG text would need a font on the machine.
 * @param x left end of the baseline, in pixels
 * @param y the baseline, in pixels
 * @param size font size in pixels per em
 */
export function textOutline(text: string, x: number, y: number, size: number): string {
  return font().getPath(text, x, y, size).commands.map(pathData).join('');
}

/** One command as path data. Path.toPathData writes NaN for coordinates slightly above a whole number (opentype.js 2.0.0). */
function pathData(command: PathCommand): string {
  const points = (() => {
    switch (command.type) {
      case 'M':
      case 'L':
        return [command.x, command.y];
      case 'Q':
        return [command.x1, command.y1, command.x, command.y];
      case 'C':
        return [command.x1, command.y1, command.x2, command.y2, command.x, command.y];
      case 'Z':
        return [];
    }
  })();
  return command.type + points.map((value) => value.toFixed(2)).join(' ');
}
