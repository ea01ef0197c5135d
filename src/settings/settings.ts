import { createHmac, randomBytes } from 'node:crypto';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { replaced, type Store } from './store.ts';

/** Which photos the bot answers in a channel: all that are posted, those that somebody asks about, or none. */
export const CHANNEL_MODES = ['on', 'asked', 'off'] as const;

export type ChannelMode = (typeof CHANNEL_MODES)[number];

/** A text that is kept for somebody else. */
export interface Note {
  /** What it stands under: a keyed hash of what it is about. */
  readonly key: string;
  readonly text: string;
}

/** Kinds of the notes that are about a place, and forgotten with it. */
export const PLACE_NOTES = ['opinions'] as const;

/** What a note about a place is about. */
export function ofPlace(platform: string, place: string): string {
  return `${platform} ${place}`;
}

/** Where the key of the hashes stands. No hash looks like it. */
const HASH_KEY = 'hash-key';

/**
 * What the bot remembers of people and channels, and nothing else:
 * - who opted out, and which channels are set to something else than the default;
 * - notes of where it is installed, which their owner seals;
 * - counts, a place, of how often readings were right.
 *
 * No id: an entry stands under a keyed hash, so that the store by itself names nobody. Whoever has the store has the key too, and can
 * check an id that they know.
 */
export class Settings {
  readonly #store: Store;
  readonly #log: Logger | undefined;
  /** The first that was seen: as long as the store is the same, this is the key. */
  #hashKey: string | undefined;
  #isReported = false;

  constructor(store: Store, log?: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Takes note of what there is at the start, so that its loss is noticed before anybody has asked for it.
   * @throws what the store throws, unless it is only held or out of reach for now
   */
  async begin(): Promise<void> {
    try {
      this.#hashKey = await this.#store.get(HASH_KEY);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }

  /**
   * Whether a person's photos must not be read.
   * @param platform as in `Request.platform`
   * @param person as in `User.id`
   * @throws UserError 'busy' where nobody can tell just now, or ever again
   */
  async hasOptedOut(platform: string, person: string): Promise<boolean> {
    return (await this.#get('person', platform, person)) !== undefined;
  }

  /** Remembers, or forgets, that a person's photos must not be read. @throws UserError as `Store.set` */
  async setOptedOut(platform: string, person: string, optedOut: boolean): Promise<void> {
    await this.#set('person', platform, person, optedOut ? 'opted-out' : undefined);
  }

  /**
   * @param channel as in `Channel.settingsId`
   * @throws UserError 'busy' where nobody can tell just now
   */
  async channelMode(platform: string, channel: string): Promise<ChannelMode> {
    const stored = await this.#get('channel', platform, channel);
    if (stored === undefined) return 'on';
    const [word] = stored.split(' ');
    const mode = CHANNEL_MODES.find((candidate) => candidate === word);
    if (mode === undefined) throw new Error(`a channel is stored as '${stored}', which is no mode`);
    return mode;
  }

  /**
   * @param places whatever the channel is set in, e.g. its workspace: with any of them, the setting is forgotten
   * @throws UserError as `Store.set`
   */
  async setChannelMode(
    platform: string,
    channel: string,
    mode: ChannelMode,
    places: readonly string[] = [],
  ): Promise<void> {
    await this.#change(async (hashKey) => {
      const key = hash(hashKey, 'channel', platform, channel);
      const marks = mode === 'on' ? [] : places.map((place) => hash(hashKey, 'place', platform, place));
      // First where it is found again: a mark without a setting does no harm, a setting without its mark would stay for ever.
      for (const mark of marks) await this.#store.set(`${mark}.${key}`, '');
      await (mode === 'on' ? this.#store.delete(key) : this.#store.set(key, [mode, ...marks].join(' ')));
    });
  }

  /**
   * Forgets how the channels of a place are set, which the bot is not in any more, and the notes about it. Who opted out there is remembered: that is a
   * person's wish, and holds when the bot comes back.
   * @throws UserError as `Store.set`
   */
  async forgetPlace(platform: string, place: string): Promise<void> {
    await this.#change(async (hashKey) => {
      const mark = hash(hashKey, 'place', platform, place);
      for (const found of await this.#store.keys(`${mark}.`)) {
        const key = found.slice(mark.length + 1);
        // In a channel that two places share, the other one may have set it since.
        if ((await this.#store.get(key))?.split(' ').includes(mark)) await this.#store.delete(key);
        await this.#store.delete(found);
      }
      for (const kind of PLACE_NOTES) await this.#store.delete(noteKey(hashKey, kind, ofPlace(platform, place)));
    });
  }

  /** A note by its kind and what it is about. @throws UserError as `hasOptedOut` */
  async note(kind: string, about: string): Promise<Note | undefined> {
    return await this.#look(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      const text = await this.#store.get(key);
      return text === undefined ? undefined : { key, text };
    });
  }

  /**
   * Writes a note, or forgets it.
   * @param write gives the text, undefined to forget it, for the key that it stands under
   * @throws UserError as `Store.set`
   */
  async setNote(kind: string, about: string, write: (key: string) => string | undefined): Promise<void> {
    await this.#change(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      const text = write(key);
      await (text === undefined ? this.#store.delete(key) : this.#store.set(key, text));
    });
  }

  /** Writes a note where there is none. @returns what there is now, whoever wrote it @throws as `setNote` does */
  async addNote(kind: string, about: string, text: string): Promise<Note> {
    return await this.#change(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      return { key, text: await this.#store.setIfAbsent(key, text) };
    });
  }

  /** Every note of a kind, in no order. @throws UserError as `hasOptedOut` */
  async notes(kind: string): Promise<Note[]> {
    return await this.#unlessBroken(async () => {
      const keys = await this.#store.keys(`${kind}.`);
      const found = await Promise.all(keys.map(async (key) => ({ key, text: await this.#store.get(key) })));
      return found.flatMap(({ key, text }) => (text === undefined ? [] : [{ key, text }]));
    });
  }

  /**
   * Puts another text in the place of a note's, unless somebody has written it anew since.
   * @returns whether it was
   * @throws UserError as `Store.set`
   */
  async rewrite({ key, text }: Note, next: string): Promise<boolean> {
    return await this.#unlessBroken(() => this.#store.replace(key, text, next));
  }

  /** Whether the store answers just now, and is the one that this process began with. */
  async isReachable(): Promise<boolean> {
    try {
      const kept = await this.#store.get(HASH_KEY);
      return this.#hashKey === undefined || kept === this.#hashKey;
    } catch {
      // Whoever asks something of the store is told why.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #get(kind: string, platform: string, id: string): Promise<string | undefined> {
    return await this.#look((hashKey) => this.#store.get(hash(hashKey, kind, platform, id)));
  }

  /** Looks something up. @returns undefined also where nothing has ever been set */
  async #look<T>(work: (hashKey: string) => Promise<T | undefined>): Promise<T | undefined> {
    return await this.#unlessBroken(async () => {
      this.#hashKey ??= await this.#store.get(HASH_KEY);
      // Without a key nothing has ever been set.
      if (this.#hashKey === undefined) return undefined;
      const value = await work(this.#hashKey);
      await this.#check(this.#hashKey);
      return value;
    });
  }

  async #set(kind: string, platform: string, id: string, value: string | undefined): Promise<void> {
    await this.#change(async (hashKey) => {
      const key = hash(hashKey, kind, platform, id);
      await (value === undefined ? this.#store.delete(key) : this.#store.set(key, value));
    });
  }

  async #change<T>(work: (hashKey: string) => Promise<T>): Promise<T> {
    return await this.#unlessBroken(async () => {
      // Several processes may start at once: all of them take the key of the first.
      this.#hashKey ??= await this.#store.setIfAbsent(HASH_KEY, randomBytes(32).toString('base64url'));
      const result = await work(this.#hashKey);
      await this.#check(this.#hashKey);
      return result;
    });
  }

  /**
   * Makes sure that the store still is the one that this process began with. Emptied, or replaced by another, it has
   * lost who opted out. Entries under the old key mean nothing there. Asked after each access, so that nothing slips in
   * between.
   * @throws UserError 'busy' where it is not
   */
  async #check(hashKey: string): Promise<void> {
    const kept = await this.#store.get(HASH_KEY);
    if (kept !== hashKey) throw this.#lost(`the key of the settings is ${kept === undefined ? 'gone' : 'another one'}`);
    this.#isReported = false;
  }

  /** What a store cannot explain is a store that is none any more: cut off, overwritten, of another kind. */
  async #unlessBroken<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw this.#lost('the settings cannot be read', error);
    }
  }

  #lost(why: string, cause: unknown = new Error(why)): UserError {
    if (!this.#isReported) {
      this.#log?.error(
        { err: cause },
        `${why}: they were emptied or replaced, and nobody knows who opted out; no photo is read until they are restored, or the bot is restarted to begin anew`,
      );
    }
    this.#isReported = true;
    return replaced(cause);
  }
}

/** Told apart by its beginning, so that all of a kind are found. */
function noteKey(hashKey: string, kind: string, about: string): string {
  return `${kind}.${hash(hashKey, 'note', kind, about)}`;
}

function hash(key: string, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}
