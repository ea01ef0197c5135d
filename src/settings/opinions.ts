import { randomBytes } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { Observer } from '../base/observing.ts';
import { EMOTIONS, type Emotion } from '../emotion/labels.ts';
import { ofPlace, type PLACE_NOTES, type Settings } from './settings.ts';

/** The bot's reading of a face. */
export type Said = Emotion | 'unsure';

/** All possible readings, in the order of the rows of a table of counts. */
export const SAYINGS = [...EMOTIONS, 'unsure'] as const satisfies readonly Said[];

/** What a person thinks of one reading. The reading was right if `said` and `meant` are the same. */
export interface Opinion {
  /** The number of the face in its picture, from 1. */
  readonly number: number;
  readonly said: Said;
  /** The emotion that the face shows, by this person. */
  readonly meant: Emotion;
}

/** For each reading, how often people found which emotion right: a list in the order of the labels. */
export type OpinionCounts = Readonly<Record<Said, readonly number[]>>;

/** The kind of the notes that counts are stored in. */
const KIND: (typeof PLACE_NOTES)[number] = 'opinions';
/** At least this many counted faces are remembered, so that a second click counts nothing. */
const MOST_REMEMBERED = 20_000;
/** How often a place is tried where several processes count at the same moment. */
const TRIES = 20;

/**
 * Counts what people think of the readings, for each place (a server or workspace): how often a reading should have been which emotion.
 * It stores no pictures and no ids, and nothing of it is used for training.
 */
export class Opinions {
  readonly #settings: Settings;
  readonly #observe: Observer;
  readonly #counted = new QuickLRU<string, true>({ maxSize: MOST_REMEMBERED });
  /** The last count. Each one reads and writes, so they run one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, observe: Observer = () => {}) {
    this.#settings = settings;
    this.#observe = observe;
  }

  /**
   * Counts what a person thinks of an answer. Faces that were counted before are left out.
   * @param answer the answer's id on its platform, kept in memory only
   * @returns how many faces were counted
   * @throws UserError as `Settings.setOptedOut` does; then nothing has been counted
   */
  async count(platform: string, place: string, answer: string, opinions: readonly Opinion[]): Promise<number> {
    const keyOf = ({ number }: Opinion) => `${platform} ${place} ${answer} ${number}`;
    const fresh = opinions.filter((opinion) => !this.#counted.has(keyOf(opinion)));
    if (fresh.length === 0) return 0;
    for (const opinion of fresh) this.#counted.set(keyOf(opinion), true);
    try {
      await this.#inTurn(() => this.#add(platform, place, fresh));
    } catch (error) {
      for (const opinion of fresh) this.#counted.delete(keyOf(opinion));
      throw error;
    }
    for (const { said, meant } of fresh) this.#observe({ kind: 'opinion', said, meant });
    return fresh.length;
  }

  /** The counts of a place. @throws UserError as `Settings.hasOptedOut` does */
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
      // A mark that no other count has, so that one which the store was told twice is recognised.
      const next = { ...plus(parse(note.text), opinions), mark: randomBytes(6).toString('base64url') };
      if (await this.#settings.rewrite(note, JSON.stringify(next))) return;
    }
    throw new Error('other processes changed the counts of a place at every try');
  }
}

/** How many readings people judged, and how many of these were right. Readings that were unsure are counted separately. */
export function agreement(counts: OpinionCounts): {
  readonly judged: number;
  readonly right: number;
  readonly unsure: number;
} {
  const sum = (list: readonly number[]) => list.reduce((total, count) => total + count, 0);
  return {
    judged: EMOTIONS.reduce((total, said) => total + sum(counts[said]), 0),
    right: EMOTIONS.reduce((total, said, k) => total + counts[said][k]!, 0),
    unsure: sum(counts.unsure),
  };
}

function plus(counts: OpinionCounts, opinions: readonly Opinion[]): OpinionCounts {
  const next = Object.fromEntries(SAYINGS.map((said) => [said, [...counts[said]]])) as Record<Said, number[]>;
  for (const { said, meant } of opinions) next[said][EMOTIONS.indexOf(meant)]! += 1;
  return next;
}

/** Reads stored counts; all are zero where nothing is stored. */
function parse(text: string | undefined): OpinionCounts {
  const kept = text === undefined ? {} : (JSON.parse(text) as Partial<Record<string, readonly number[]>>);
  return Object.fromEntries(
    SAYINGS.map((said) => [said, EMOTIONS.map((_, k) => kept[said]?.[k] ?? 0)]),
  ) as unknown as OpinionCounts;
}
