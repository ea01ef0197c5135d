import { createHmac, randomBytes } from 'node:crypto';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { replaced, type Store } from './store.ts';

/** Which photos the bot answers in a channel: all that are posted, those that somebody asks about, or none. */
export const CHANNEL_MODES = ['on', 'asked', 'off'] as const;

export type ChannelMode = (typeof CHANNEL_MODES)[number];

/** Where the key of the hashes stands. No hash looks like it. */
const HASH_KEY = 'hash-key';

/**
 * What the bot remembers of people and channels: who opted out, and which channels are set to something else than the
 * default. Nothing else, and no id: an entry stands under a keyed hash, so that the store by itself names nobody. (Whoever
 * has the store, which holds the key too, can still check an id that they know.)
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
    const mode = CHANNEL_MODES.find((candidate) => candidate === stored);
    if (mode === undefined) throw new Error(`a channel is stored as '${stored}', which is no mode`);
    return mode;
  }

  /** @throws UserError as `Store.set` */
  async setChannelMode(platform: string, channel: string, mode: ChannelMode): Promise<void> {
    await this.#set('channel', platform, channel, mode === 'on' ? undefined : mode);
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
    return await this.#unlessBroken(async () => {
      this.#hashKey ??= await this.#store.get(HASH_KEY);
      // Without a key nothing has ever been set.
      if (this.#hashKey === undefined) return undefined;
      const value = await this.#store.get(hash(this.#hashKey, kind, platform, id));
      await this.#check(this.#hashKey);
      return value;
    });
  }

  async #set(kind: string, platform: string, id: string, value: string | undefined): Promise<void> {
    await this.#unlessBroken(async () => {
      // Several processes may start at once: all of them take the key of the first.
      this.#hashKey ??= await this.#store.setIfAbsent(HASH_KEY, randomBytes(32).toString('base64url'));
      const key = hash(this.#hashKey, kind, platform, id);
      await (value === undefined ? this.#store.delete(key) : this.#store.set(key, value));
      await this.#check(this.#hashKey);
    });
  }

  /**
   * Makes sure that the store still is the one that this process began with: emptied, or replaced by another, it has lost who
   * opted out, and entries under the old key mean nothing there. Asked after each access, so that nothing slips in between.
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

function hash(key: string, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}
