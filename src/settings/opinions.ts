import QuickLRU from 'quick-lru';
import type { Observer } from '../base/observing.ts';
import { EMOTIONS, type Emotion } from '../emotion/labels.ts';
import { ofPlace, type PLACE_NOTES, type Settings } from './settings.ts';

/** What the bot said of a face. */
export type Said = Emotion | 'unsure';

/** What it may have said, as the rows of a table of counts. */
export const SAYINGS = [...EMOTIONS, 'unsure'] as const satisfies readonly Said[];

/** What a person thinks of one reading: it was right where both are the same. */
export interface Opinion {
  /** The number of the face in its picture, from 1. */
  readonly number: number;
  readonly said: Said;
  /** What it should have been. */
  readonly meant: Emotion;
}

/** How often people found something meant, by what was said: a list in the order of the labels. */
export type OpinionCounts = Readonly<Record<Said, readonly number[]>>;

/** The kind of the notes that counts are kept as. */
const KIND: (typeof PLACE_NOTES)[number] = 'opinions';
/** Faces that are remembered as told of, at least, so that a second click counts nothing. */
const MOST_REMEMBERED = 20_000;
/** A place where several processes count at the same moment is tried again so often. */
const TRIES = 20;

/**
 * What people think of the readings, as counts a place (a server, a workspace): of each thing said, how often it should have been which
 * emotion. Neither pictures nor ids of anything are kept, and nothing of it trains.
 */
export class Opinions {
  readonly #settings: Settings;
  readonly #observe: Observer;
  readonly #told = new QuickLRU<string, true>({ maxSize: MOST_REMEMBERED });
  /** Counting is reading and writing: one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, observe: Observer = () => {}) {
    this.#settings = settings;
    this.#observe = observe;
  }

  /**
   * Counts what a person thinks of an answer; a face of it that was told of before is left out.
   * @param answer the answer's id on its platform, remembered in memory only
   * @returns how many were counted
   * @throws UserError as `Settings.setOptedOut`; then nothing has been counted
   */
  async tell(platform: string, place: string, answer: string, opinions: readonly Opinion[]): Promise<number> {
    const keyOf = ({ number }: Opinion) => `${platform} ${place} ${answer} ${number}`;
    const fresh = opinions.filter((opinion) => !this.#told.has(keyOf(opinion)));
    if (fresh.length === 0) return 0;
    for (const opinion of fresh) this.#told.set(keyOf(opinion), true);
    try {
      await this.#inTurn(() => this.#add(platform, place, fresh));
    } catch (error) {
      for (const opinion of fresh) this.#told.delete(keyOf(opinion));
      throw error;
    }
    for (const { said, meant } of fresh) this.#observe({ kind: 'opinion', said, meant });
    return fresh.length;
  }

  /** What people of a place think. @throws UserError as `Settings.hasOptedOut` */
  async counts(platform: string, place: string): Promise<OpinionCounts> {
    const note = await this.#settings.note(KIND, ofPlace(platform, place));
    return parse(note?.text);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => {});
    await mine;
  }

  async #add(platform: string, place: string, opinions: readonly Opinion[]): Promise<void> {
    const where = ofPlace(platform, place);
    for (let tries = 0; tries < TRIES; tries++) {
      const note = await this.#settings.addNote(KIND, where, '{}');
      if (await this.#settings.rewrite(note, JSON.stringify(plus(parse(note.text), opinions)))) return;
    }
    throw new Error('the counts of a place were changed by others each time that they were to be changed here');
  }
}

/** How many readings people told of, and how many of these were right; readings that were unsure count apart. */
export function agreement(counts: OpinionCounts): {
  readonly told: number;
  readonly right: number;
  readonly unsure: number;
} {
  const sum = (list: readonly number[]) => list.reduce((total, count) => total + count, 0);
  return {
    told: EMOTIONS.reduce((total, said) => total + sum(counts[said]), 0),
    right: EMOTIONS.reduce((total, said, k) => total + counts[said][k]!, 0),
    unsure: sum(counts.unsure),
  };
}

function plus(counts: OpinionCounts, opinions: readonly Opinion[]): OpinionCounts {
  const next = Object.fromEntries(SAYINGS.map((said) => [said, [...counts[said]]])) as Record<Said, number[]>;
  for (const { said, meant } of opinions) next[said][EMOTIONS.indexOf(meant)]! += 1;
  return next;
}

/** Counts as they are kept; all zero where there are none. */
function parse(text: string | undefined): OpinionCounts {
  const kept = text === undefined ? {} : (JSON.parse(text) as Partial<Record<string, readonly number[]>>);
  return Object.fromEntries(
    SAYINGS.map((said) => [said, EMOTIONS.map((_, k) => kept[said]?.[k] ?? 0)]),
  ) as unknown as OpinionCounts;
}
