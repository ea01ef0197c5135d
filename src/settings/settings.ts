import { createHmac, randomBytes } from 'node:crypto';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { replaced, type Store } from './store.ts';

/** Which photos the bot answers in a channel: all posted ones, only those that somebody asks about, or none. */
export const CHANNEL_MODES = ['on', 'asked', 'off'] as const;

export type ChannelMode = (typeof CHANNEL_MODES)[number];

/** A text that is stored for another part of the bot. */
export interface Note {
  /** Its key in the store: a keyed hash of what it is about. */
  readonly key: string;
  readonly text: string;
}

/** Kinds of notes that are about a place, and are deleted with it. */
export const PLACE_NOTES = ['opinions'] as const;

/** The name of a place, for notes about it. */
export function ofPlace(platform: string, place: string): string {
  return `${platform} ${place}`;
}

/** The entry that holds the key of the hashes. No hash looks like its name. */
const HASH_KEY = 'hash-key';

/**
 * Everything that the bot stores of people and channels:
 * - who opted out, and which channels have another setting than the default;
 * - notes on where it is installed, which the part that writes them encrypts;
 * - counts for each place of how often readings were right.
 *
 * No ids are stored. The key of an entry is a keyed hash, so the store by itself names nobody. But a person who has the store has the key
 * too, and can check an id that they know.
 */
export class Settings {
  readonly #store: Store;
  readonly #log: Logger | undefined;
  /** The key of the hashes when it was first read. It stays the same as long as the store does. */
  #hashKey: string | undefined;
  #isReported = false;

  constructor(store: Store, log?: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Reads the key of the hashes at the start, so that a later loss of the store is noticed.
   * @throws what the store throws, unless it is only held or cannot be reached for now
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
   * @throws UserError 'busy' where that cannot be known at the moment, or the store was lost
   */
  async hasOptedOut(platform: string, person: string): Promise<boolean> {
    return (await this.#get('person', platform, person)) !== undefined;
  }

  /** Stores or deletes that a person's photos must not be read. @throws UserError as `Store.set` does */
  async setOptedOut(platform: string, person: string, optedOut: boolean): Promise<void> {
    await this.#set('person', platform, person, optedOut ? 'opted-out' : undefined);
  }

  /**
   * Which photos the bot answers in a channel.
   * @param channel as in `Channel.settingsId`
   * @throws UserError 'busy' where that cannot be known at the moment
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
   * Sets which photos the bot answers in a channel.
   * @param places what the channel belongs to, e.g. its workspace. `forgetPlace` for any of them deletes the setting
   * @throws UserError as `Store.set` does
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
      // Marks are written before the setting. A mark without a setting does no harm; a setting without its mark would stay for ever.
      for (const mark of marks) await this.#store.set(`${mark}.${key}`, '');
      await (mode === 'on' ? this.#store.delete(key) : this.#store.set(key, [mode, ...marks].join(' ')));
    });
  }

  /**
   * Deletes the settings of the channels of a place that the bot has left, and the notes about it. Who opted out there stays stored: that
   * is a person's wish, and still holds if the bot comes back.
   * @throws UserError as `Store.set` does
   */
  async forgetPlace(platform: string, place: string): Promise<void> {
    await this.#change(async (hashKey) => {
      const mark = hash(hashKey, 'place', platform, place);
      for (const found of await this.#store.keys(`${mark}.`)) {
        const key = found.slice(mark.length + 1);
        // Where two places share a channel, the other one may have set it since.
        if ((await this.#store.get(key))?.split(' ').includes(mark)) await this.#store.delete(key);
        await this.#store.delete(found);
      }
      for (const kind of PLACE_NOTES) await this.#store.delete(noteKey(hashKey, kind, ofPlace(platform, place)));
    });
  }

  /** Reads a note by its kind and what it is about. @throws UserError as `hasOptedOut` does */
  async note(kind: string, about: string): Promise<Note | undefined> {
    return await this.#look(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      const text = await this.#store.get(key);
      return text === undefined ? undefined : { key, text };
    });
  }

  /**
   * Writes a note, or deletes it.
   * @param write makes the text for the note's key; undefined deletes the note
   * @throws UserError as `Store.set` does
   */
  async setNote(kind: string, about: string, write: (key: string) => string | undefined): Promise<void> {
    await this.#change(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      const text = write(key);
      await (text === undefined ? this.#store.delete(key) : this.#store.set(key, text));
    });
  }

  /** Writes a note where there is none. @returns the note that is there now, whoever wrote it @throws as `setNote` does */
  async addNote(kind: string, about: string, text: string): Promise<Note> {
    return await this.#change(async (hashKey) => {
      const key = noteKey(hashKey, kind, about);
      return { key, text: await this.#store.setIfAbsent(key, text) };
    });
  }

  /** All notes of a kind, in no order. @throws UserError as `hasOptedOut` does */
  async notes(kind: string): Promise<Note[]> {
    return await this.#unlessBroken(async () => {
      const keys = await this.#store.keys(`${kind}.`);
      const found = await Promise.all(keys.map(async (key) => ({ key, text: await this.#store.get(key) })));
      return found.flatMap(({ key, text }) => (text === undefined ? [] : [{ key, text }]));
    });
  }

  /**
   * Replaces the text of a note, unless somebody has changed it since it was read.
   * @returns whether it was replaced
   * @throws UserError as `Store.set` does
   */
  async rewrite({ key, text }: Note, next: string): Promise<boolean> {
    return await this.#unlessBroken(() => this.#store.replace(key, text, next));
  }

  /** Whether the store answers at the moment, and is the one that this process began with. */
  async isReachable(): Promise<boolean> {
    try {
      const kept = await this.#store.get(HASH_KEY);
      return this.#hashKey === undefined || kept === this.#hashKey;
    } catch {
      // The reason is reported to people who use the store.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  async #get(kind: string, platform: string, id: string): Promise<string | undefined> {
    return await this.#look((hashKey) => this.#store.get(hash(hashKey, kind, platform, id)));
  }

  /** Looks something up. @returns undefined also where nothing was ever set */
  async #look<T>(work: (hashKey: string) => Promise<T | undefined>): Promise<T | undefined> {
    return await this.#unlessBroken(async () => {
      this.#hashKey ??= await this.#store.get(HASH_KEY);
      // Without a key, nothing was ever set.
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
      // If several processes start at once, all of them use the key of the first.
      this.#hashKey ??= await this.#store.setIfAbsent(HASH_KEY, randomBytes(32).toString('base64url'));
      const result = await work(this.#hashKey);
      await this.#check(this.#hashKey);
      return result;
    });
  }

  /**
   * Makes sure that the store is still the one that this process began with. If it was emptied or replaced, it has lost who
   * opted out, and entries under the old key mean nothing in it. This is checked after each access, so that no change in
   * between is missed.
   * @throws UserError 'busy' where it is another one
   */
  async #check(hashKey: string): Promise<void> {
    const kept = await this.#store.get(HASH_KEY);
    if (kept !== hashKey) throw this.#lost(`the key of the settings is ${kept === undefined ? 'gone' : 'another one'}`);
    this.#isReported = false;
  }

  /** Runs `work`. Any error but a UserError means that the store is unusable: truncated, overwritten or of another kind. */
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

/** The key of a note. It starts with the kind, so that all notes of a kind can be found. */
function noteKey(hashKey: string, kind: string, about: string): string {
  return `${kind}.${hash(hashKey, 'note', kind, about)}`;
}

function hash(key: string, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}
