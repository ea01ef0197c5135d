import { textOutline, textWidth } from '../../base/lettering.ts';

/** A text as SVG path data, anchored at (0, 0) on its baseline; `size` in pixels an em. */
export function textPath(text: string, size: number, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  const share = { start: 0, middle: 0.5, end: 1 }[anchor];
  return textOutline(text, -share * textWidth(text, size), 0, size);
}

/** A text in dark gray as an SVG element, from (x, y) on its baseline on. */
export function textElement(text: string, size: number, x: number, y: number): string {
  return `<path transform="translate(${x},${y})" d="${textPath(text, size)}" fill="#202124"/>`;
}

/**
 * Replaces every `<text>` in an SVG made by Vega with the outlines of its glyphs, with the same place, fill and opacity: a
 * machine without fonts (a container, for example) would draw text as empty boxes.
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
