import { clamp } from '../../base/numbers.ts';
import type { Reading } from '../../emotion/classifier.ts';
import type { Point, Rectangle, Size } from '../faces/box.ts';
import { BLACK, EMOTION_COLOURS, inkOn, WHITE } from './colours.ts';
import { drawLabel, type Label, makeLabel, wordings } from './label.ts';
import { type Placed, placeLabels } from './place-labels.ts';

/** A person's mark in the annotated picture. */
export interface Mark {
  readonly number: number;
  /** In pixels of the annotated picture. */
  readonly box: Rectangle;
  readonly reading: Reading;
}

/** Letters a longest side: at the 550 pixels or so that chats show, a letter of a fortieth is 14 pixels high. */
const LETTERS_PER_SIDE = 40;
/** Letters of thumbnails, which chats show at their own size: pixels an em. */
const SMALLEST_USUAL_LETTERS = 20;

/** A layout is good enough if no label overlaps other labels and faces with more than this share of its area. */
const MOST_COVER = 0.03;

/** If more than this share of the labels have a leader line, smaller letters that need fewer of them are tried. */
const FEW_LEADERS = 0.5;

/** A style for all labels of a picture: the size of the letters relative to the usual size (`part`), and what labels may say. */
interface Style {
  readonly part: number;
  /** 'mixed': words where they have room, otherwise the number alone. */
  readonly says: 'words' | 'mixed' | 'number';
}

/** From the most readable one to the one that fits everywhere. The answer's text explains a number without words. */
const STYLES: readonly Style[] = [
  { part: 1, says: 'words' },
  { part: 0.85, says: 'words' },
  { part: 0.7, says: 'words' },
  { part: 0.55, says: 'words' },
  { part: 0.7, says: 'mixed' },
  { part: 0.55, says: 'mixed' },
  { part: 0.55, says: 'number' },
  { part: 0.45, says: 'number' },
  { part: 0.36, says: 'number' },
];

/**
 * For more people than the first number, large letters and words for everybody are not tried; for more than the second, no words at all.
 */
const MANY = [40, 100];

/** Labels that need a larger share of the picture than this have no room, so the style is not tried. */
const MOST_AREA = 0.3;

/** The place of each label, and the style of all of them. */
export interface LabelLayout {
  readonly style: Style;
  readonly places: readonly Placed<Label>[];
}

interface LabelOptions {
  /** Wordings of a face's expression, the one that says most first; `wordings` by default. */
  readonly wordings?: (reading: Reading) => string[][];
  /** Style to use, whatever the labels then overlap. */
  readonly style?: Style;
  /** Where each mark's label was in the previous frame, relative to the top left corner of its box. */
  readonly before?: readonly (Point | undefined)[];
}

/** Lays labels out in the most readable style in which they overlap neither one another nor the faces. */
export function layOutLabels(canvas: Size, marks: readonly Mark[], options: LabelOptions = {}): LabelLayout {
  const usual = Math.max(SMALLEST_USUAL_LETTERS, Math.max(canvas.width, canvas.height) / LETTERS_PER_SIDE);
  const boxes = marks.map(({ box }) => box);
  const gap = lineWidth(canvas) * 1.5;
  const place = (style: Style, mostCover: number) => {
    const size = usual * style.part;
    const labels = marks.map(({ number, reading }) => [
      ...(style.says === 'number' ? [] : (options.wordings ?? wordings)(reading)).map((lines) =>
        makeLabel(number, lines, size),
      ),
      ...(style.says === 'words' ? [] : [bareNumber(number, size, canvas)]),
    ]);
    const isTooLarge = (label: Label) => label.width > canvas.width || label.height > canvas.height;
    if (labels.some((versions) => versions.every(isTooLarge))) return undefined;
    const area = labels.reduce((sum, versions) => sum + Math.min(...versions.map((one) => one.width * one.height)), 0);
    if (area > MOST_AREA * canvas.width * canvas.height && mostCover < 1) return undefined;
    return placeLabels(canvas, boxes, labels, { gap, mostCover, ...(options.before && { before: options.before }) });
  };
  const people = marks.length;
  const styles = STYLES.filter(
    ({ part, says }) => says === 'number' || people <= MANY[says === 'mixed' && part < 0.6 ? 1 : 0]!,
  );
  let withLeaders: LabelLayout | undefined;
  for (const style of options.style ? [] : styles) {
    if (withLeaders && style.says !== withLeaders.style.says) break;
    const layout = place(style, MOST_COVER);
    if (layout === undefined) continue;
    const { places } = layout;
    if (places.filter(({ leader }) => leader).length <= FEW_LEADERS * people) return { style, places };
    withLeaders ??= { style, places };
  }
  if (withLeaders) return withLeaders;
  const style = options.style ?? STYLES.at(-1)!;
  const layout = place(style, Number.POSITIVE_INFINITY) ?? place(STYLES.at(-1)!, Number.POSITIVE_INFINITY);
  return { style, places: layout!.places };
}

/** A label of a number alone, in letters that fit however small the canvas is. */
function bareNumber(number: number, size: number, canvas: Size): Label {
  const label = makeLabel(number, [], size);
  const fit = Math.min(canvas.width / label.width, canvas.height / label.height);
  return fit >= 1 ? label : makeLabel(number, [], size * fit * 0.9);
}

/** A drawing for a picture, and the part of the picture, in whole pixels, that it lies in. Outside of it there is nothing to draw. */
export interface Overlay {
  /** An SVG document of the part's size. */
  readonly svg: string;
  readonly part: Rectangle;
}

/** Draws boxes, leader lines and labels. Labels come last, so that no box crosses a word. */
export function drawOverlay(canvas: Size, marks: readonly Mark[], { places }: LabelLayout): Overlay {
  const line = lineWidth(canvas);
  const frames = marks.map(({ box, reading }) => drawFrame(box, reading.emotion, line, canvas));
  const leaders = places.map(({ leader }, k) => (leader ? drawLeader(leader, marks[k]!.reading.emotion, line) : ''));
  const labels = places.map(({ label, x, y }, k) => drawLabel(label, marks[k]!.reading.emotion, x, y));
  const ends = places.flatMap(({ leader }) => leader ?? []).map((point) => ({ ...point, width: 0, height: 0 }));
  const part = partAround([...marks.map(({ box }) => box), ...places, ...ends], 2 * line, canvas);
  const { x, y, width, height } = part;
  const size = `width="${width}" height="${height}" viewBox="${x} ${y} ${width} ${height}"`;
  const shapes = [...frames, ...leaders, ...labels].join('');
  return { svg: `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${shapes}</svg>`, part };
}

/** The part of a canvas, in whole pixels, that holds all these rectangles and a margin around them. */
function partAround(rectangles: readonly Rectangle[], margin: number, canvas: Size): Rectangle {
  const x = clamp(Math.floor(Math.min(...rectangles.map((one) => one.x)) - margin), 0, canvas.width - 1);
  const y = clamp(Math.floor(Math.min(...rectangles.map((one) => one.y)) - margin), 0, canvas.height - 1);
  const right = Math.ceil(Math.max(...rectangles.map((one) => one.x + one.width)) + margin);
  const bottom = Math.ceil(Math.max(...rectangles.map((one) => one.y + one.height)) + margin);
  return {
    x,
    y,
    width: Math.max(1, clamp(right, 0, canvas.width) - x),
    height: Math.max(1, clamp(bottom, 0, canvas.height) - y),
  };
}

/** Width of a box's coloured line, in pixels. */
function lineWidth({ width, height }: Size): number {
  return Math.max(2, Math.max(width, height) / 320);
}

/** Draws the line from a label that has no room beside its box to that box: in its colour, within lines that stand out from any photo. */
function drawLeader([from, to]: readonly [Point, Point], emotion: Reading['emotion'], line: number): string {
  const path = `d="M${from.x.toFixed(2)} ${from.y.toFixed(2)}L${to.x.toFixed(2)} ${to.y.toFixed(2)}" stroke-linecap="round"`;
  const stroke = (colour: string, width: number) =>
    `<path class="leader" ${path} stroke="${colour}" stroke-width="${width.toFixed(2)}"/>`;
  return stroke(WHITE, line * 2.5) + stroke(BLACK, line * 2) + stroke(EMOTION_COLOURS[emotion], line);
}

/** Draws a box in the emotion's colour between two lines of a contrasting colour; dashed where the reading is unsure. */
function drawFrame(box: Rectangle, emotion: Reading['emotion'], line: number, canvas: Size): string {
  const colour = EMOTION_COLOURS[emotion];
  // A box that reaches the picture's edge is drawn just within it. Otherwise half of its line would be cut off.
  const inset = line;
  const x = Math.max(inset, box.x);
  const y = Math.max(inset, box.y);
  const width = Math.max(1, Math.min(canvas.width - inset, box.x + box.width) - x);
  const height = Math.max(1, Math.min(canvas.height - inset, box.y + box.height) - y);
  const shape = `x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${width.toFixed(2)}" height="${height.toFixed(2)}" rx="${(line * 2).toFixed(2)}" fill="none"`;
  const dashes = emotion === 'unsure' ? ` stroke-dasharray="${(line * 4).toFixed(2)} ${(line * 2).toFixed(2)}"` : '';
  return (
    `<rect ${shape} stroke="${inkOn(colour)}" stroke-width="${(line * 2).toFixed(2)}"/>` +
    `<rect ${shape} stroke="${colour}" stroke-width="${line.toFixed(2)}"${dashes}/>`
  );
}
