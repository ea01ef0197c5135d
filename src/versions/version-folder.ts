import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { entriesOf, makeFolder, readIfThere, syncDirectory, writeDurably } from '../base/files.ts';
import { waitForLock } from '../base/lock.ts';
import { versionId } from './shipped.ts';
import { type VersionCard, versionCardSchema } from './version-card.ts';

export const inUseSchema = z.object({ version: versionId, before: versionId.optional() });

/** The version that photos are read with, and the one that was in use before it. */
export type InUse = Readonly<z.infer<typeof inUseSchema>>;

const CARD_FILE = 'card.json';
const IN_USE_FILE = 'in-use.json';
const LOCK = 'registry';
/** How long to wait for the lock, in milliseconds. The longest work under it is to load one network, or to copy it from another machine. */
const LOCK_MS = 30_000;

/** The folder of the trained versions, each in a folder of its own. Methods that change it must be called within `locked`. */
export class VersionFolder {
  /** Its path. */
  readonly path: string;

  /** @param modelDirectory folder of the shipped network, in which `versions` is */
  constructor(modelDirectory: string) {
    this.path = join(modelDirectory, 'versions');
  }

  /** Folder of a trained version. */
  of(version: number): string {
    return join(this.path, String(version));
  }

  /** The version in use; 0 where none was ever chosen. */
  async inUse(): Promise<InUse> {
    const text = await readIfThere(join(this.path, IN_USE_FILE));
    if (text === undefined) return { version: 0 };
    try {
      return inUseSchema.parse(JSON.parse(text));
    } catch {
      // The file is only ever replaced whole, so the disk has damaged it. The shipped network still works.
      return { version: 0 };
    }
  }

  /** Numbers of the finished folders, ascending. */
  async numbers(): Promise<number[]> {
    const names = (await entriesOf(this.path)).filter((name) => /^[1-9]\d{0,8}$/.test(name));
    return names.map(Number).sort((a, b) => a - b);
  }

  async card(version: number): Promise<VersionCard | undefined> {
    const text = await readIfThere(join(this.of(version), CARD_FILE));
    if (text === undefined) return undefined;
    try {
      return versionCardSchema.parse(JSON.parse(text));
    } catch {
      // A version with a damaged card counts as damaged, and is not offered.
      return undefined;
    }
  }

  /** Cards of the versions, oldest first; folders without a whole card are left out. */
  async list(): Promise<VersionCard[]> {
    const cards = await Promise.all((await this.numbers()).map((version) => this.card(version)));
    return cards.filter((card) => card !== undefined);
  }

  /** Runs `work` while no other process of this machine changes the folder. @throws UserError 'busy' where another takes too long */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = await waitForLock(this.path, LOCK, LOCK_MS);
    if (!lock) throw new UserError('busy', 'Another process is changing the versions. Try again in a minute.');
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }

  /**
   * Adds a version. It becomes visible only once the whole version is on the disk.
   * @param write writes its files into the given folder, and returns its card
   * @throws the file system's error, such as ENOSPC; nothing is left behind then
   */
  async put(write: (directory: string) => Promise<VersionCard>): Promise<void> {
    const aside = join(this.path, `${randomUUID()}.tmp`);
    try {
      await makeFolder(aside);
      const card = versionCardSchema.parse(await write(aside));
      await writeDurably(join(aside, CARD_FILE), JSON.stringify(card, undefined, 2));
      await rename(aside, this.of(card.version));
      await syncDirectory(this.path);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      throw error;
    }
  }

  async remove(version: number): Promise<void> {
    // Renamed first, so that it disappears in one step and half a version is never listed.
    const aside = join(this.path, `${randomUUID()}.tmp`);
    await rename(this.of(version), aside);
    await rm(aside, { recursive: true, force: true });
  }

  /** Makes every process use another version from now on. The file is replaced durably. */
  async use(next: InUse): Promise<void> {
    await writeDurably(join(this.path, IN_USE_FILE), JSON.stringify(next));
  }

  /** Removes folders that a crash in the middle of `put` or `remove` has left. */
  async clearLeftovers(): Promise<void> {
    for (const name of await entriesOf(this.path))
      if (/^[\da-f-]{36}\.tmp$/.test(name)) await rm(join(this.path, name), { recursive: true, force: true });
  }
}
