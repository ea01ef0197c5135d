import { type Rectangle, sharedArea } from '../faces/overlap.ts';

/** Something that wants a place beside its face. */
export interface Placeable {
  readonly width: number;
  readonly height: number;
}

/** A label and where it goes. */
export interface Placed<Label extends Placeable> extends Rectangle {
  readonly label: Label;
}

/**
 * What a place costs, where the part of the label that lies on something is 0..1. Two labels on each other can be read by
 * nobody; a covered face is what the picture is about; one's own face is covered rather than somebody else's.
 */
const COST = { onLabel: 8, onOtherFace: 3, onOwnFace: 1.2 };
/** What each step down the list of places costs, and each step down the list of wordings. */
const STEP_COST = { place: 0.02, wording: 0.12 };

/** Where the labels of all faces went, and how much they cover that they should not. */
export interface Layout<Label extends Placeable> {
  readonly places: readonly Placed<Label>[];
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
export function placeLabels<Label extends Placeable>(
  canvas: Placeable,
  faces: readonly Rectangle[],
  labels: readonly (readonly Label[])[],
  gap: number,
): Layout<Label> {
  const placed: Placed<Label>[] = [];
  let worstCover = 0;
  for (const [k, face] of faces.entries()) {
    const others = faces.filter((other) => other !== face);
    const versions = labels[k]!;
    const fitting = versions.filter(({ width, height }) => width <= canvas.width && height <= canvas.height);
    let best: { place: Placed<Label>; cost: number; cover: number } | undefined;
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
function places(face: Rectangle, label: Placeable, gap: number): { x: number; y: number }[] {
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

function inside(canvas: Placeable, box: Rectangle): Rectangle {
  const clamp = (value: number, most: number) => Math.max(0, Math.min(value, most));
  return { ...box, x: clamp(box.x, canvas.width - box.width), y: clamp(box.y, canvas.height - box.height) };
}

/** Parts of a place that lie on each of the others, added up: 1 for a place that one of them covers whole. */
function partCovering(place: Rectangle, others: readonly Rectangle[]): number {
  const area = place.width * place.height;
  return others.reduce((sum, other) => sum + sharedArea(place, other) / area, 0);
}
