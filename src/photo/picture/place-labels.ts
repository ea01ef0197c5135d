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
 * box may be taken for theirs; the more so if it lies on it, or runs along its own for less, and no line leads to its own. `reaches` is the
 * cost of any overlap that can be seen, whatever its share.
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
  moreBesideOther: 1,
  reachesOther: 2,
  reachesLabel: 1,
};
/** Cost of each step down the list of places, of each step down the list of wordings, and of a leader per label height of its length. */
const STEP_COST = { place: 0.02, wording: 0.12, length: 0.08 };
/** Bonus for a label that stays where it was in the previous frame. */
const STEADY = 0.3;
/** Within this distance, in label heights, another box may be taken for the one that the label belongs to. */
const CLOSE = 0.85;
/** A label that overlaps less than this stays beside its box: that is better than a leader line. */
const LITTLE = 0.02;
/** By this part of the gap between a box and its label another label or box may be overlapped: about half the width of a box's line. */
const TOUCH = 0.4;
/**
 * A label is taken for another person's if it runs along their box for more than MORE times what it runs along its own, and is not further
 * from their box than from its own by more than ABOUT times its height.
 */
const MORE = 1.5;
const ABOUT = 0.3;
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
  /** Whether it may be taken for another person's: it lies on or along their box and has no leader. */
  readonly isMistakable: boolean;
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
    if (beside!.cover <= LITTLE && !beside!.isMistakable) return beside!;
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
    const along = runAlong(place, this.#face);
    let cover = onOwn;
    let isMistakable = false;
    cost += onOwn * COST.onOwnFace;
    for (const face of near.faces) {
      if (cost >= most) return undefined;
      const part = partCovering(place, face);
      cover += part;
      cost += part * COST.onOtherFace;
      cost += COST.besideOther * partAlong(place, face, Math.max(gap * 1.5, CLOSE * place.height));
      if (!isBeside) {
        if (crosses(leader, face)) cost += COST.acrossFace;
        continue;
      }
      const mistake = costOfMistake(along, runAlong(place, face), place.height, gap);
      isMistakable ||= mistake > 0;
      cost += mistake;
    }
    for (const { place: other } of near.choices) {
      if (cost >= most) return undefined;
      const part = partCovering(place, other);
      cover += part;
      cost += part * COST.onLabel;
      if (part > 0 && runAlong(place, other).apart < -TOUCH * gap) cost += COST.reachesLabel;
    }
    for (const { place: other } of near.choices) {
      if (other.leader && crosses(other.leader, place)) cost += COST.acrossLabel;
      if (isBeside) continue;
      if (crosses(leader, other)) cost += COST.acrossLabel;
      if (other.leader && meet(leader, other.leader)) cost += COST.acrossLeader;
    }
    if (isBeside) return { place, cost, cover, isMistakable, bounds: place };
    const pointed = { ...place, leader };
    return { place: pointed, cost, cover, isMistakable, bounds: withLeader(pointed) };
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
  const { apart, length } = runAlong(place, face);
  return apart > near ? 0 : clamp(length / place.height, 0, 1);
}

/** How a label and a box lie to each other, in pixels. */
interface RunAlong {
  /** How far they are apart, sideways or up and down. Negative where they overlap: by so much the label would have to move. */
  readonly apart: number;
  /** For how long they run along each other. Negative where they do not. */
  readonly length: number;
}

function runAlong(place: Rectangle, face: Rectangle): RunAlong {
  const across = Math.min(place.x + place.width, face.x + face.width) - Math.max(place.x, face.x);
  const down = Math.min(place.y + place.height, face.y + face.height) - Math.max(place.y, face.y);
  return { apart: -Math.min(across, down), length: Math.max(across, down) };
}

/** What it costs that a label without a leader lies on another person's box, or along it more than along its own. */
function costOfMistake(own: RunAlong, other: RunAlong, height: number, gap: number): number {
  if (other.apart < -TOUCH * gap) return COST.reachesOther;
  const isAsClose = other.apart <= Math.max(0, own.apart) + ABOUT * height;
  return isAsClose && other.length > MORE * Math.max(0, own.length) ? COST.moreBesideOther : 0;
}

/** The part of a place that lies on another, 0..1. */
function partCovering(place: Rectangle, other: Rectangle): number {
  return sharedArea(place, other) / (place.width * place.height);
}
