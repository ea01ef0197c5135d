import { capHeight, textOutline, textWidth } from '../../base/lettering.ts';
import { clamp, percent } from '../../base/numbers.ts';
import type { Reading } from '../../emotion/classifier.ts';
import { type Rectangle, type Size, sharedArea } from '../faces/box.ts';
import { EMOTION_COLOURS, inkOn } from './colours.ts';
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

/** Ways to say what a face shows, the one that says most first. */
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
 * A label as SVG: a plate in the emotion's colour with black or white letters, and the number in the reverse of both.
 * @param x its left edge, in pixels
 * @param y its top edge, in pixels
 */
export function drawLabel(label: Label, emotion: Reading['emotion'], x: number, y: number): string {
  const { width, height, size } = label;
  const colour = EMOTION_COLOURS[emotion];
  const ink = inkOn(colour);
  const chip = chipWidth(label.number, size);
  const radius = size * 0.25;
  const edge = Math.max(1, size / 12);
  const numberX = x + (chip - textWidth(label.number, size)) / 2;
  const number = textOutline(label.number, numberX, y + (height + capHeight(size)) / 2, size);
  const firstLine =
    y + (height - label.lines.length * LINE_HEIGHT * size) / 2 + (LINE_HEIGHT * size + capHeight(size)) / 2;
  const lines = label.lines
    .map((line, k) => textOutline(line, x + chip + PADDING * size, firstLine + k * LINE_HEIGHT * size, size))
    .join('');
  return [
    // The outline lies inside the plate, so that a label at the edge of the picture is whole.
    roundedRectangle(x, y, width, height, radius, ink),
    roundedRectangle(x + edge, y + edge, width - 2 * edge, height - 2 * edge, radius - edge / 2, colour),
    roundedRectangle(x, y, label.lines.length > 0 ? chip : width, height, radius, ink),
    `<path fill="${colour}" d="${number}"/>`,
    `<path fill="${ink}" d="${lines}"/>`,
  ].join('');
}

function roundedRectangle(x: number, y: number, width: number, height: number, radius: number, fill: string): string {
  const [left, top, w, h, r] = [x, y, width, height, radius].map((value) => value.toFixed(2));
  return `<rect x="${left}" y="${top}" width="${w}" height="${h}" rx="${r}" fill="${fill}"/>`;
}

/** A label and where it goes. */
export interface Placed<Chip extends Size> extends Rectangle {
  readonly label: Chip;
}

/**
 * What a place costs, where the part of the label that lies on something is 0..1. Two labels on each other can be read by
 * nobody; a covered face is what the picture is about; one's own face is covered rather than somebody else's.
 */
const COST = { onLabel: 8, onOtherFace: 3, onOwnFace: 1.2 };
/** What each step down the list of places costs, and each step down the list of wordings. */
const STEP_COST = { place: 0.02, wording: 0.12 };

/** Where the labels of all faces went, and how much they cover that they should not. */
export interface Layout<Chip extends Size> {
  readonly places: readonly Placed<Chip>[];
  /** The worst label: the part of it (0..1) that lies on other labels and other people's faces, those counted as often as covered. */
  readonly worstCover: number;
}

/**
 * Finds a place for each face's label: inside the picture, beside its face, off other faces and labels as far as possible.
 * @param canvas size of the picture
 * @param faces boxes in pixels of the picture, in the order of their numbers
 * @param labels for each face its label's versions, the one that says most first. Versions that are larger than the canvas are
 *   passed over; where all are, the last is taken.
 * @param gap pixels between a box and its label
 */
export function placeLabels<Chip extends Size>(
  canvas: Size,
  faces: readonly Rectangle[],
  labels: readonly (readonly Chip[])[],
  gap: number,
): Layout<Chip> {
  const placed: Placed<Chip>[] = [];
  let worstCover = 0;
  for (const [k, face] of faces.entries()) {
    const others = faces.filter((other) => other !== face);
    const versions = labels[k]!;
    const fitting = versions.filter(({ width, height }) => width <= canvas.width && height <= canvas.height);
    let best: { place: Placed<Chip>; cost: number; cover: number } | undefined;
    for (const label of fitting.length > 0 ? fitting : versions.slice(-1)) {
      for (const [order, corner] of places(face, label, gap).entries()) {
        const place = { label, ...inside(canvas, { ...corner, width: label.width, height: label.height }) };
        const onLabels = partCovering(place, placed);
        const onFaces = partCovering(place, others);
        const cost =
          onLabels * COST.onLabel +
          onFaces * COST.onOtherFace +
          partCovering(place, [face]) * COST.onOwnFace +
          order * STEP_COST.place +
          versions.indexOf(label) * STEP_COST.wording;
        if (best === undefined || cost < best.cost) best = { place, cost, cover: onLabels + onFaces };
      }
    }
    placed.push(best!.place);
    worstCover = Math.max(worstCover, best!.cover);
  }
  return { places: placed, worstCover };
}

/** Top left corners to try, the most usual first: above, below, beside, then on the face's own forehead or chin. */
function places(face: Rectangle, label: Size, gap: number): { x: number; y: number }[] {
  const left = face.x - gap;
  const right = face.x + face.width + gap - label.width;
  const middle = (left + right) / 2;
  const above = face.y - gap - label.height;
  const below = face.y + face.height + gap;
  const columns = [left, middle, right];
  const beside = [face.x + face.width + gap, face.x - gap - label.width];
  const rows = [face.y, face.y + face.height - label.height];
  return [
    ...columns.map((x) => ({ x, y: above })),
    ...columns.map((x) => ({ x, y: below })),
    ...beside.flatMap((x) => rows.map((y) => ({ x, y }))),
    ...[face.y - gap, below - 2 * gap - label.height].flatMap((y) => columns.map((x) => ({ x, y }))),
  ];
}

function inside(canvas: Size, box: Rectangle): Rectangle {
  return { ...box, x: clamp(box.x, 0, canvas.width - box.width), y: clamp(box.y, 0, canvas.height - box.height) };
}

/** Parts of a place that lie on each of the others, added up: 1 for a place that one of them covers whole. */
function partCovering(place: Rectangle, others: readonly Rectangle[]): number {
  const area = place.width * place.height;
  return others.reduce((sum, other) => sum + sharedArea(place, other) / area, 0);
}
