import { clamp } from '../../base/numbers.ts';
import { type Point, type Rectangle, type Size, sharedArea } from '../faces/box.ts';
import { placesAway, placesBeside } from './label-corners.ts';
import { crosses, type Line, leaderOf, lengthOf, meet } from './leader.ts';

/** A label and its place. */
export interface Placed<Chip extends Size> extends Rectangle {
  readonly label: Chip;
  /** A line from the label's edge to its face's box, where the label is not beside the box. */
  readonly leader?: Line;
}

/** The places of all labels, and how much they overlap what they should not. */
interface Layout<Chip extends Size> {
  readonly places: readonly Placed<Chip>[];
  /** Of the worst label: the share of it (0..1) that lies on other labels and on faces, its own included. Overlaps are added up. */
  readonly worstCover: number;
}

interface LayoutOptions {
  /** Pixels between a box and its label. */
  readonly gap: number;
  /** Where each label was in the previous frame, relative to the top left corner of its face's box. It stays there if it can. */
  readonly before?: readonly (Point | undefined)[];
  /** A layout in which a label overlaps more than this (0..1) is given up. By default there is no limit. */
  readonly mostCover?: number;
}

/**
 * Costs of a place. Overlaps are multiplied by the share of the label that overlaps, 0..1. Labels on each other cannot be read, so they
 * cost most. Faces are the subject of the picture; a label covers its own rather than another's. A label that runs along another person's
 * box may be taken for theirs.
 */
const COST = {
  onLabel: 8,
  onOtherFace: 6,
  onOwnFace: 3,
  leader: 0.6,
  acrossFace: 1.5,
  acrossLabel: 3,
  acrossLeader: 1.5,
  besideOther: 0.25,
};
/** Cost of each step down the list of places, of each step down the list of wordings, and of a leader per label height of its length. */
const STEP_COST = { place: 0.02, wording: 0.12, length: 0.08 };
/** Bonus for a label that stays where it was in the previous frame. */
const STEADY = 0.3;
/** Within this distance, in label heights, another box may be taken for the one that the label belongs to. */
const CLOSE = 0.85;
/** A label that overlaps less than this stays beside its box: that is better than a leader line. */
const LITTLE = 0.02;
/** How often a better place is looked for, once all labels have a place, for those that are not well placed. */
const ROUNDS = 2;

/**
 * Finds a place for each face's label: inside the picture, beside its box, off faces and other labels. A label without room beside its box
 * goes where there is room, with a leader line to its box.
 * @param canvas size of the picture
 * @param faces boxes in pixels of the picture, in the order of their numbers
 * @param labels for each face the versions of its label, the one that says most first. Versions larger than the canvas are skipped;
 *   where all are larger, the last is taken.
 * @returns undefined where a label would overlap more than `mostCover`
 */
export function placeLabels<Chip extends Size>(
  canvas: Size,
  faces: readonly Rectangle[],
  labels: readonly (readonly Chip[])[],
  options: LayoutOptions,
): Layout<Chip> | undefined {
  const { mostCover = Number.POSITIVE_INFINITY } = options;
  const chosen: (Choice<Chip> | undefined)[] = faces.map(() => undefined);
  for (let round = 0; round <= ROUNDS; round++) {
    let isBetter = false;
    for (const [k, versions] of labels.entries()) {
      const now = chosen[k];
      if (now !== undefined && now.cost < COST.leader) continue;
      const others = chosen.filter((one, other) => one !== undefined && other !== k) as Choice<Chip>[];
      const fitting = versions.filter(({ width, height }) => width <= canvas.width && height <= canvas.height);
      const search = new Search(canvas, faces, k, others, options);
      const best = search.best(fitting.length > 0 ? fitting : versions.slice(-1));
      if (now === undefined || best.cover < now.cover - LITTLE || best.cost < now.cost - LITTLE) isBetter = true;
      chosen[k] = best;
      if (best.cover > mostCover + HOPELESS) return undefined;
    }
    if (!isBetter) break;
  }
  const worstCover = Math.max(0, ...chosen.map((one) => one!.cover));
  return worstCover <= mostCover ? { places: chosen.map((one) => one!.place), worstCover } : undefined;
}

/** If a label overlaps this much more than it may, no later round finds enough room. */
const HOPELESS = 0.2;

interface Choice<Chip extends Size> {
  readonly place: Placed<Chip>;
  readonly cost: number;
  readonly cover: number;
  /** A box around the label and its leader. */
  readonly bounds: Rectangle;
}

/** The search for the best place of one label. */
class Search<Chip extends Size> {
  readonly #canvas: Size;
  readonly #face: Rectangle;
  readonly #otherFaces: readonly Rectangle[];
  readonly #others: readonly Choice<Chip>[];
  readonly #options: LayoutOptions;
  readonly #before: Point | undefined;

  constructor(
    canvas: Size,
    faces: readonly Rectangle[],
    k: number,
    others: readonly Choice<Chip>[],
    options: LayoutOptions,
  ) {
    this.#canvas = canvas;
    this.#face = faces[k]!;
    this.#otherFaces = faces.filter((_, other) => other !== k);
    this.#others = others;
    this.#options = options;
    this.#before = options.before?.[k];
  }

  best(versions: readonly Chip[]): Choice<Chip> {
    const beside = this.#cheapest(versions, (label) => placesBeside(this.#face, label, this.#options.gap), false);
    if (beside!.cover <= LITTLE) return beside!;
    return this.#cheapest(versions, (label) => placesAway(this.#face, label), true, beside) ?? beside!;
  }

  /** @param bar only a cheaper choice than this is returned */
  #cheapest(
    versions: readonly Chip[],
    places: (label: Chip) => readonly Point[],
    isAway: boolean,
    bar?: Choice<Chip>,
  ): Choice<Chip> | undefined {
    let best: Choice<Chip> | undefined;
    let most = bar?.cost ?? Number.POSITIVE_INFINITY;
    for (const [version, label] of versions.entries()) {
      const corners = places(label);
      const reach = reachOf(corners, label);
      const near = {
        faces: this.#otherFaces.filter((face) => sharedArea(face, reach) > 0),
        choices: this.#others.filter(({ bounds }) => sharedArea(bounds, reach) > 0),
      };
      const wording = version * STEP_COST.wording;
      const before = this.#before && { x: this.#face.x + this.#before.x, y: this.#face.y + this.#before.y };
      for (const [order, corner] of [...(before ? [before] : []), ...corners].entries()) {
        const steady = before && order === 0 ? -STEADY : 0;
        const least = steady + (isAway ? COST.leader : order * STEP_COST.place) + wording;
        if (least >= most) continue;
        const choice = this.#weigh(inside(this.#canvas, label, corner), near, least, most);
        if (choice === undefined || choice.cost >= most) continue;
        best = choice;
        most = choice.cost;
      }
    }
    return best;
  }

  #weigh(
    place: Placed<Chip>,
    near: { readonly faces: readonly Rectangle[]; readonly choices: readonly Choice<Chip>[] },
    least: number,
    most: number,
  ): Choice<Chip> | undefined {
    const { gap } = this.#options;
    const leader = leaderOf(place, this.#face);
    const length = lengthOf(leader);
    const isBeside = length <= gap * 1.5;
    let cost = least + (isBeside ? 0 : (length / place.height) * STEP_COST.length);
    const onOwn = partCovering(place, this.#face);
    let cover = onOwn;
    cost += onOwn * COST.onOwnFace;
    for (const face of near.faces) {
      if (cost >= most) return undefined;
      const part = partCovering(place, face);
      cover += part;
      cost += part * COST.onOtherFace;
      cost += COST.besideOther * partAlong(place, face, Math.max(gap * 1.5, CLOSE * place.height));
      if (!isBeside && crosses(leader, face)) cost += COST.acrossFace;
    }
    for (const { place: other } of near.choices) {
      if (cost >= most) return undefined;
      const part = partCovering(place, other);
      cover += part;
      cost += part * COST.onLabel;
    }
    for (const { place: other } of near.choices) {
      if (other.leader && crosses(other.leader, place)) cost += COST.acrossLabel;
      if (isBeside) continue;
      if (crosses(leader, other)) cost += COST.acrossLabel;
      if (other.leader && meet(leader, other.leader)) cost += COST.acrossLeader;
    }
    if (isBeside) return { place, cost, cover, bounds: place };
    const pointed = { ...place, leader };
    return { place: pointed, cost, cover, bounds: withLeader(pointed) };
  }
}

/** A box around everything that labels at these corners and their leaders may touch. */
function reachOf(corners: readonly Point[], label: Size): Rectangle {
  const left = Math.min(...corners.map(({ x }) => x));
  const top = Math.min(...corners.map(({ y }) => y));
  return {
    // A label is moved into the picture, by no more than its own size.
    x: left - label.width,
    y: top - label.height,
    width: Math.max(...corners.map(({ x }) => x)) - left + 3 * label.width,
    height: Math.max(...corners.map(({ y }) => y)) - top + 3 * label.height,
  };
}

/** A box around a label and its leader. */
function withLeader(place: Placed<Size>): Rectangle {
  if (place.leader === undefined) return place;
  const [, { x, y }] = place.leader;
  const left = Math.min(place.x, x);
  const top = Math.min(place.y, y);
  return {
    x: left,
    y: top,
    width: Math.max(place.x + place.width, x) - left,
    height: Math.max(place.y + place.height, y) - top,
  };
}

/** A label at a corner, moved into the picture where it would reach beyond its edge. */
function inside<Chip extends Size>(canvas: Size, label: Chip, corner: Point): Placed<Chip> {
  const { width, height } = label;
  return {
    label,
    x: clamp(corner.x, 0, canvas.width - width),
    y: clamp(corner.y, 0, canvas.height - height),
    width,
    height,
  };
}

/**
 * How much a label runs along a box that is no further away than `near`, 0..1. It is 1 if they run along each other for at least the
 * label's height, however long the label is.
 */
function partAlong(place: Rectangle, face: Rectangle, near: number): number {
  const across = Math.min(place.x + place.width, face.x + face.width) - Math.max(place.x, face.x);
  const down = Math.min(place.y + place.height, face.y + face.height) - Math.max(place.y, face.y);
  return Math.max(-across, -down) > near ? 0 : clamp(Math.max(across, down) / place.height, 0, 1);
}

/** The part of a place that lies on another, 0..1. */
function partCovering(place: Rectangle, other: Rectangle): number {
  return sharedArea(place, other) / (place.width * place.height);
}
