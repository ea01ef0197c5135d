import { capHeight, textOutline, textWidth } from '../../base/lettering.ts';
import { percent } from '../../base/numbers.ts';
import type { Reading } from '../../emotion/classifier.ts';
import { BLACK, EMOTION_COLOURS, inkOn, WHITE } from './colours.ts';
import { twoLikeliest, UNREADABLE } from './describe.ts';

/** A label of one face before it has a place: a chip with its number and, beside it, up to two lines. */
export interface Label {
  readonly number: string;
  readonly lines: readonly string[];
  /** Size of the letters, pixels an em. */
  readonly size: number;
  readonly width: number;
  readonly height: number;
}

/** Room around letters and between lines, as parts of their size. */
const PADDING = 0.35;
const LINE_HEIGHT = 1.15;

/** Wordings of a face's expression, the one that says most first. */
export function wordings(reading: Reading): string[][] {
  if (reading.emotion !== 'unsure') {
    const sure = percent(reading.confidence);
    return [[`${reading.emotion} ${sure}`], [reading.emotion, sure]];
  }
  if (reading.unreadable) {
    const why = UNREADABLE[reading.unreadable];
    return [[`unsure: ${why}`], ['unsure:', why], ['unsure']];
  }
  const [first, second] = twoLikeliest(reading.scores);
  return [[`unsure: ${first} or ${second}`], ['unsure:', `${first} or ${second}`], ['unsure']];
}

/** Measures a label. @param size of its letters, pixels an em */
export function makeLabel(number: number, lines: readonly string[], size: number): Label {
  const text = lines.length > 0 ? Math.max(...lines.map((line) => textWidth(line, size))) + 2 * PADDING * size : 0;
  return {
    number: String(number),
    lines,
    size,
    width: Math.ceil(chipWidth(String(number), size) + text),
    height: Math.ceil(Math.max(1, lines.length) * LINE_HEIGHT * size + PADDING * size),
  };
}

function chipWidth(number: string, size: number): number {
  return Math.max(textWidth(number, size) + 2 * PADDING * size, (LINE_HEIGHT + PADDING) * size);
}

/**
 * A label as SVG: a plate in the emotion's colour with black or white letters, and the number in white on black. A number without words
 * stands on the plate itself. A black rim within a white one stands out from any photo.
 * @param x its left edge, in pixels
 * @param y its top edge, in pixels
 */
export function drawLabel(label: Label, emotion: Reading['emotion'], x: number, y: number): string {
  const { width, height, size } = label;
  const colour = EMOTION_COLOURS[emotion];
  const ink = inkOn(colour);
  const isBare = label.lines.length === 0;
  const chip = isBare ? width : chipWidth(label.number, size);
  const radius = size * 0.25;
  const edge = rim(size);
  const numberX = x + (chip - textWidth(label.number, size)) / 2;
  const number = textOutline(label.number, numberX, y + (height + capHeight(size)) / 2, size);
  const firstLine =
    y + (height - label.lines.length * LINE_HEIGHT * size) / 2 + (LINE_HEIGHT * size + capHeight(size)) / 2;
  const lines = label.lines
    .map((line, k) => textOutline(line, x + chip + PADDING * size, firstLine + k * LINE_HEIGHT * size, size))
    .join('');
  const inset = (by: number, fill: string) =>
    roundedRectangle(x + by, y + by, width - 2 * by, height - 2 * by, radius - by / 2, fill);
  return [
    `<g data-number="${label.number}">`,
    // Rims lie inside the plate, so that a label at the picture's edge is not cut.
    inset(0, WHITE),
    inset(edge, BLACK),
    inset(2 * edge, colour),
    ...(isBare ? [] : [roundedRectangle(x + edge, y + edge, chip - edge, height - 2 * edge, radius - edge / 2, BLACK)]),
    `<path fill="${isBare ? ink : WHITE}" d="${number}"/>`,
    `<path fill="${ink}" d="${lines}"/>`,
    '</g>',
  ].join('');
}

/** Width of each of the two rims, in pixels. @param size of the letters */
function rim(size: number): number {
  return Math.max(1, size / 16);
}

function roundedRectangle(x: number, y: number, width: number, height: number, radius: number, fill: string): string {
  const [left, top, w, h, r] = [x, y, width, height, radius].map((value) => value.toFixed(2));
  return `<rect x="${left}" y="${top}" width="${w}" height="${h}" rx="${r}" fill="${fill}"/>`;
}
