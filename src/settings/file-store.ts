import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql';
import { codeOf, type UserError } from '../base/errors.ts';
import { fileTrouble, makePrivateFolderSync, PRIVATE_FILE } from '../base/files.ts';
import { noSpace, type Store, unreachable, unsaved } from './store.ts';

/**
 * Milliseconds that a call waits for another process that holds the file; a write takes a few. SQLite itself would wait
 * without letting this thread do anything else, and this thread talks: so it is only asked again, now and then.
 */
const LOCK_MS = 2000;
const AGAIN_MS = 15;
/** Far more than the settings of any bot: 64 MiB hold half a million entries. */
const MAX_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 4096;
/** After every other in SQLite's order of texts, which is that of their bytes. */
const LAST_CHARACTER = '\u{10FFFF}';

/** The file's statements, prepared once. */
interface Open {
  /** Which file it is: another one may have taken its place. */
  readonly inode: bigint;
  readonly database: Database.Database;
  readonly get: Database.Statement<[string]>;
  readonly set: Database.Statement<[string, string]>;
  readonly add: Database.Statement<[string, string]>;
  readonly replace: Database.Statement<[string, string, string]>;
  readonly keys: Database.Statement<[string, string]>;
  readonly remove: Database.Statement<[string]>;
}

/**
 * A store in one SQLite file. SQLite's rollback journal undoes what a killed process left half done. Its locks let
 * several processes of one machine share the file. On a full disk it reports an error and keeps what there is.
 *
 * Nothing is created before something is set: a bot whose people change nothing leaves no file behind.
 */
export class FileStore implements Store {
  readonly #path: string;
  readonly #maxBytes: number;
  #open: Open | undefined;

  /**
   * @param path the file, in a folder that is created when needed; not on a network drive, whose locks cannot be trusted
   * @param options.maxBytes size that the file never exceeds
   * @throws Error where there is a file that cannot be used
   */
  constructor(path: string, options: { readonly maxBytes?: number } = {}) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    try {
      // A file that is broken should stop the start, not the first person who asks.
      this.#existing();
    } catch (error) {
      // Whether it is will show once it is free.
      if (!isHeld(error)) throw error;
    }
  }

  async get(key: string): Promise<string | undefined> {
    return await this.#onceFree(unreachable, () => {
      const row = this.#existing()?.get.get(key) as { readonly value: string } | undefined;
      return row?.value;
    });
  }

  async set(key: string, value: string): Promise<void> {
    await this.#onceFree(unsaved, () => inTransaction(this.#created(), ({ set }) => set.run(key, value)));
  }

  async setIfAbsent(key: string, value: string): Promise<string> {
    return await this.#onceFree(unsaved, () =>
      inTransaction(this.#created(), ({ add, get }) => {
        add.run(key, value);
        return (get.get(key) as { readonly value: string }).value;
      }),
    );
  }

  async replace(key: string, known: string, value: string): Promise<boolean> {
    return await this.#onceFree(unsaved, () => {
      const existing = this.#existing();
      return (
        existing !== undefined && inTransaction(existing, ({ replace }) => replace.run(value, key, known).changes > 0)
      );
    });
  }

  async keys(prefix: string): Promise<string[]> {
    return await this.#onceFree(unreachable, () => {
      // By their order: LIKE takes some characters of a prefix for others, and looks at every row.
      const rows = this.#existing()?.keys.all(prefix, `${prefix}${LAST_CHARACTER}`) as
        | readonly { readonly key: string }[]
        | undefined;
      return (rows ?? []).map(({ key }) => key);
    });
  }

  async delete(key: string): Promise<void> {
    await this.#onceFree(unsaved, () => {
      const existing = this.#existing();
      if (existing) inTransaction(existing, ({ remove }) => remove.run(key));
    });
  }

  async close(): Promise<void> {
    this.#forget();
  }

  #forget(): void {
    this.#open?.database.close();
    this.#open = undefined;
  }

  /**
   * Runs `work`, again while another process holds the file, and says in words what a person can be told of its errors.
   * @param held what to say where it is held for longer than anybody should wait
   */
  async #onceFree<T>(held: (cause: unknown) => UserError, work: () => T): Promise<T> {
    for (const end = performance.now() + LOCK_MS; ; await delay(AGAIN_MS * (1 + Math.random()))) {
      try {
        return work();
      } catch (error) {
        if (fileTrouble(error) === 'full') throw noSpace(error);
        if (!isHeld(error)) {
          // Opened anew next time: the file may have been put right.
          this.#forget();
          throw error;
        }
        if (performance.now() < end) continue;
        // A read that was refused counts as under way until it is tried again, and would keep the next one's lock.
        this.#forget();
        throw held(error);
      }
    }
  }

  /** The file where there is one; another process may have created it since, or somebody may have replaced it. */
  #existing(): Open | undefined {
    const there = statSync(this.#path, { throwIfNoEntry: false, bigint: true });
    if (this.#open !== undefined && this.#open.inode !== there?.ino) {
      // What is written to a file that has lost its name is lost with this process.
      this.#forget();
    }
    // An empty file is what an attempt on a full disk leaves behind: nothing has been set there.
    if (this.#open === undefined && there !== undefined && there.size > 0n) {
      this.#open = openFile(this.#path, this.#maxBytes);
    }
    return this.#open;
  }

  #created(): Open {
    const existing = this.#existing();
    if (existing !== undefined) return existing;
    makePrivateFolderSync(dirname(this.#path));
    // SQLite would let everyone read it; what it puts beside the file has the file's own rights.
    closeSync(openSync(this.#path, 'a', PRIVATE_FILE));
    this.#open = openFile(this.#path, this.#maxBytes);
    return this.#open;
  }
}

function openFile(path: string, maxBytes: number): Open {
  const database = new Database(path, { timeout: 0 });
  try {
    const inode = statSync(path, { bigint: true }).ino;
    // A rollback journal rather than a write-ahead log: nothing stays beside the file, and whoever copies it has it all.
    database.pragma('journal_mode = DELETE');
    // Everything is on the disk, the journal's removal included, before a write is reported as done.
    database.pragma('synchronous = EXTRA');
    // What somebody takes back is overwritten, not only unlinked.
    database.pragma('secure_delete = ON');
    database.pragma(`max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`);
    database.exec('CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    return {
      inode,
      database,
      get: database.prepare('SELECT value FROM settings WHERE key = ?'),
      set: database.prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)'),
      add: database.prepare('INSERT OR IGNORE INTO settings VALUES (?, ?)'),
      replace: database.prepare('UPDATE settings SET value = ? WHERE key = ? AND value = ?'),
      keys: database.prepare('SELECT key FROM settings WHERE key >= ? AND key < ?'),
      remove: database.prepare('DELETE FROM settings WHERE key = ?'),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Changes the file as a whole or not at all. The lock is taken by a statement that ends at once: a prepared statement that is
 * refused, because another process holds the file, would keep the part of the lock that it has got.
 */
function inTransaction<T>(open: Open, work: (open: Open) => T): T {
  const { database } = open;
  database.exec('BEGIN EXCLUSIVE');
  try {
    const result = work(open);
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function isHeld(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? '');
}
