import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql';
import { codeOf, type UserError } from '../base/errors.ts';
import { fileTrouble, makePrivateFolderSync, PRIVATE_FILE } from '../base/files.ts';
import { noSpace, readOnly, type Store, unreachable, unsaved } from './store.ts';

/**
 * Milliseconds that a call waits for another process that holds the file; a write takes a few. SQLite's own waiting would block
 * this thread, which talks to people. So the call is repeated every `AGAIN_MS` to twice that.
 */
const LOCK_MS = 2000;
const AGAIN_MS = 15;
/** Largest size of the file. No bot has so many settings: 64 MiB hold half a million entries. */
const MAX_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 4096;
/** Sorts after every other character in SQLite's order of texts, which compares bytes. */
const LAST_CHARACTER = '\u{10FFFF}';

/** The file's statements, prepared once. */
interface Open {
  /** Identifies the file, since another one may replace it. */
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
 * A store in one SQLite file. SQLite's rollback journal undoes a write that a killed process left unfinished. Its locks let
 * several processes of one machine share the file. On a full disk it reports an error and keeps the old data.
 *
 * The file is created only when something is set, so a bot whose people change nothing leaves none behind.
 */
export class FileStore implements Store {
  readonly #path: string;
  readonly #maxBytes: number;
  #open: Open | undefined;

  /**
   * @param path the file, in a folder that is created when needed. It must not be on a network drive, whose locks cannot be trusted
   * @param options.maxBytes largest size of the file
   * @throws Error where a file exists that cannot be used
   */
  constructor(path: string, options: { readonly maxBytes?: number } = {}) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    try {
      // A broken file should be reported at the start, not to the first person who asks.
      this.#existing();
    } catch (error) {
      // Another process holds the file. Whether it is broken will show later.
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
      // A range of keys instead of LIKE, which has wildcards and reads every row.
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
   * Runs `work`, repeats it while another process holds the file, and turns errors into UserErrors where people can be told.
   * @param held makes the error where the file is held for longer than `LOCK_MS`
   */
  async #onceFree<T>(held: (cause: unknown) => UserError, work: () => T): Promise<T> {
    let isRefused = false;
    for (const end = performance.now() + LOCK_MS; ; await delay(AGAIN_MS * (1 + Math.random()))) {
      try {
        return work();
      } catch (error) {
        if (fileTrouble(error) === 'full') throw noSpace(error);
        if (!isHeld(error)) {
          // The next call opens the file again, since it may have been repaired.
          this.#forget();
          if (held !== unsaved || !isReadOnly(error)) throw error;
          // It may have been opened while its disk was read-only, and be writable since.
          if (isRefused) throw readOnly(error);
          isRefused = true;
          continue;
        }
        if (performance.now() < end) continue;
        // A refused read stays pending in SQLite and would keep its lock, so the file is closed.
        this.#forget();
        throw held(error);
      }
    }
  }

  /** Opens the file if it exists. Another process may have created it since the last call, or somebody may have replaced it. */
  #existing(): Open | undefined {
    const there = statSync(this.#path, { throwIfNoEntry: false, bigint: true });
    if (this.#open !== undefined && this.#open.inode !== there?.ino) {
      // The file was deleted or replaced. Data written to the old one would be lost with this process.
      this.#forget();
    }
    // An empty file is left by an attempt on a full disk. Nothing has been set in it.
    if (this.#open === undefined && there !== undefined && there.size > 0n) {
      this.#open = openFile(this.#path, this.#maxBytes);
    }
    return this.#open;
  }

  #created(): Open {
    const existing = this.#existing();
    if (existing !== undefined) return existing;
    makePrivateFolderSync(dirname(this.#path));
    // SQLite itself would create a file that everyone can read. Its side files get the rights of this one.
    closeSync(openSync(this.#path, 'a', PRIVATE_FILE));
    this.#open = openFile(this.#path, this.#maxBytes);
    return this.#open;
  }
}

function openFile(path: string, maxBytes: number): Open {
  const database = new Database(path, { timeout: 0 });
  try {
    const inode = statSync(path, { bigint: true }).ino;
    // A rollback journal instead of a write-ahead log leaves nothing beside the file, so a copy of it is complete.
    database.pragma('journal_mode = DELETE');
    // Everything is on the disk, including the journal's removal, before a write is reported as done.
    database.pragma('synchronous = EXTRA');
    // Deleted data is overwritten, not only unlinked.
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
 * Makes all changes or none. A separate statement takes the lock first: if another process holds the file, a refused prepared
 * statement would keep the part of the lock that it has.
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

/** Whether the file or its disk may not be written. A file that was moved away is another matter. */
function isReadOnly(error: unknown): boolean {
  return /^SQLITE_READONLY(?!_DBMOVED)/.test(codeOf(error) ?? '') || fileTrouble(error) === 'denied';
}
