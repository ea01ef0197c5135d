import type { Posted } from '../../../commands/request.ts';

/** Messages that are remembered at most; the oldest are forgotten first. */
const MAX_REMEMBERED = 10_000;

/**
 * Which posts of the bot's depend on which messages of people: when a person removes a message, work on it is given up
 * and what was said about it goes too.
 */
export class Sources {
  readonly #work = new Map<string, Set<AbortController>>();
  readonly #posts = new Map<string, Posted[]>();
  readonly #removed = new Map<string, true>();

  /** Notes that work on a message has begun. */
  begin(sourceId: string, work: AbortController): void {
    const all = this.#work.get(sourceId) ?? new Set();
    this.#work.set(sourceId, all.add(work));
  }

  /** Notes that work on a message has ended. */
  end(sourceId: string, work: AbortController): void {
    const all = this.#work.get(sourceId);
    all?.delete(work);
    if (all?.size === 0) this.#work.delete(sourceId);
  }

  /** Whether a person is known to have removed a message. */
  isRemoved(sourceId: string): boolean {
    return this.#removed.has(sourceId);
  }

  /** Notes what was said about a message; takes it back at once where the message went while it was being sent. */
  async said(sourceId: string, posted: Posted): Promise<void> {
    if (this.#removed.has(sourceId)) return await posted.remove();
    remember(this.#posts, sourceId, [...(this.#posts.get(sourceId) ?? []), posted]);
  }

  /**
   * Gives up work on a message that a person removed, and takes back what was said about it.
   * @returns whether anything was known of it
   */
  async remove(sourceId: string): Promise<boolean> {
    remember(this.#removed, sourceId, true);
    const work = this.#work.get(sourceId) ?? [];
    const posts = this.#posts.get(sourceId) ?? [];
    const known = posts.length > 0 || this.#work.has(sourceId);
    this.#posts.delete(sourceId);
    for (const controller of work) controller.abort(new Error('the message was removed'));
    await Promise.all(posts.map((posted) => posted.remove()));
    return known;
  }
}

/** Sets an entry as the newest; a map is walked in the order of insertion. */
function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}
