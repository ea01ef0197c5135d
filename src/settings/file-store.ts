import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { fileTrouble } from '../base/files.ts';
import { noSpace, type Store, unreachable } from './store.ts';

/** Milliseconds that one process waits for another that writes; a write takes a few. */
const LOCK_MS = 5000;
/** Far more than the settings of any bot: 64 MiB hold half a million entries. */
const MAX_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 4096;

/** The file's statements, prepared once. */
interface Open {
  readonly database: Database.Database;
  readonly get: Database.Statement<[string]>;
  readonly set: Database.Statement<[string, string]>;
  readonly add: Database.Statement<[string, string]>;
  readonly remove: Database.Statement<[string]>;
}

/**
 * A store in one SQLite file. SQLite's rollback journal undoes what a killed process left half done, its locks let several
 * processes of one machine share the file, and on a full disk it reports an error and keeps what there is.
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
    // A file that is broken should stop the start, not the first person who asks.
    this.#existing();
  }

  async get(key: string): Promise<string | undefined> {
    return explained(() => {
      const row = this.#existing()?.get.get(key) as { readonly value: string } | undefined;
      return row?.value;
    });
  }

  async set(key: string, value: string): Promise<void> {
    explained(() => this.#created().set.run(key, value));
  }

  async setIfAbsent(key: string, value: string): Promise<string> {
    return explained(() => {
      const { add, get } = this.#created();
      add.run(key, value);
      return (get.get(key) as { readonly value: string }).value;
    });
  }

  async delete(key: string): Promise<void> {
    explained(() => this.#existing()?.remove.run(key));
  }

  async close(): Promise<void> {
    this.#open?.database.close();
    this.#open = undefined;
  }

  /** The file where there is one; another process may have created it since. */
  #existing(): Open | undefined {
    // An empty file is what an attempt on a full disk leaves behind: nothing has been set there.
    const size = this.#open === undefined ? (statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) : 0;
    if (size > 0) this.#open = openFile(this.#path, this.#maxBytes);
    return this.#open;
  }

  #created(): Open {
    if (this.#open === undefined) {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      this.#open = openFile(this.#path, this.#maxBytes);
    }
    return this.#open;
  }
}

function openFile(path: string, maxBytes: number): Open {
  const database = new Database(path, { timeout: LOCK_MS });
  try {
    // A rollback journal rather than a write-ahead log: nothing stays beside the file, and whoever copies it has it all.
    database.pragma('journal_mode = DELETE');
    // Everything is on the disk, the journal's removal included, before a write is reported as done.
    database.pragma('synchronous = EXTRA');
    // What somebody takes back is overwritten, not only unlinked.
    database.pragma('secure_delete = ON');
    database.pragma(`max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`);
    database.exec('CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    return {
      database,
      get: database.prepare('SELECT value FROM settings WHERE key = ?'),
      set: database.prepare('INSERT OR REPLACE INTO settings VALUES (?, ?)'),
      add: database.prepare('INSERT OR IGNORE INTO settings VALUES (?, ?)'),
      remove: database.prepare('DELETE FROM settings WHERE key = ?'),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Runs `work`, and says in words what a person can be told of its errors. */
function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (fileTrouble(error) === 'full') throw noSpace(error);
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') throw unreachable(error);
    throw error;
  }
}
