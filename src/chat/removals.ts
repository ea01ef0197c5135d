import QuickLRU from 'quick-lru';

/** At least this many messages and pictures are remembered. */
const MAX_REMEMBERED = 10_000;

/** Remembers what was removed or hidden, so that the bot does not answer it any more. */
export class Removals {
  readonly #removed = remembered<true>();
  /** The pictures that an edited message still has. */
  readonly #left = remembered<readonly string[]>();
  /** Pictures that an edit hid. */
  readonly #hidden = remembered<true>();
  /** Pictures that were removed everywhere. */
  readonly #removedPictures = remembered<true>();

  removed(message: string): void {
    this.#removed.set(message, true);
  }

  /** @param left ids of the pictures that the message still has @param hidden those of them that are hidden now */
  edited(message: string, left: readonly string[], hidden: readonly string[]): void {
    this.#left.set(message, left);
    for (const id of left) {
      if (hidden.includes(id)) this.#hidden.set(id, true);
      else this.#hidden.delete(id);
    }
  }

  pictureRemoved(id: string): void {
    this.#removedPictures.set(id, true);
  }

  /** Whether a message is gone, or the given picture of it. */
  has(message: string, picture?: string): boolean {
    if (this.#removed.has(message)) return true;
    if (picture === undefined) return false;
    return this.#removedPictures.has(picture) || this.#left.get(message)?.includes(picture) === false;
  }

  /** Whether an edit hid a picture. */
  isHidden(picture: string): boolean {
    return this.#hidden.has(picture);
  }
}

function remembered<Value extends {}>(): QuickLRU<string, Value> {
  return new QuickLRU({ maxSize: MAX_REMEMBERED });
}
