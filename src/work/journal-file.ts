import { closeSync, existsSync, openSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'libsql/promise';
import { makePrivateFolderSync, PRIVATE_FILE } from '../base/files.ts';
import type { Logger } from '../base/log.ts';

/**
 * Milliseconds that a write waits for another process that holds the file, on a thread of the library. Slack waits less than 3000 for
 * an answer.
 */
const LOCK_MS = 2000;
/** Largest size of the file in pages: 64 MiB, which hold some hundred thousand jobs. */
const MOST_PAGES = 16_384;

const TABLES = `
  CREATE TABLE IF NOT EXISTS jobs (
    bot TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, kind TEXT NOT NULL, files TEXT NOT NULL, about TEXT,
    begun INTEGER NOT NULL, runs INTEGER NOT NULL, suspect INTEGER NOT NULL, owner TEXT NOT NULL,
    PRIMARY KEY (bot, place, message)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS seen (
    bot TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (bot, place)
  ) WITHOUT ROWID;
`;

/**
 * Opens the journal's file, or creates it. A broken file is renamed and a new one is begun.
 * @param path see `FileJournal.open`
 * @throws Error where no file can be created there
 */
export async function openJournalFile(path: string, log: Logger): Promise<Database> {
  try {
    return await openFile(path);
  } catch (error) {
    if (!existsSync(path) || !isBroken(error)) throw error;
    log.error({ err: error }, 'the journal is broken: the file is put aside and a new one begun');
    for (const end of ['-wal', '-shm', '']) {
      if (existsSync(path + end)) await rename(path + end, `${path}.broken${end}`);
    }
    return await openFile(path);
  }
}

async function openFile(path: string): Promise<Database> {
  makePrivateFolderSync(dirname(path));
  // SQLite itself would create a file that everyone can read. Its side files get the rights of this one.
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  const database = new Database(path, {});
  try {
    await database.exec(`PRAGMA busy_timeout = ${LOCK_MS}`);
    // With a write-ahead log a transaction takes one disk write; a rollback journal takes four.
    await database.exec('PRAGMA journal_mode = WAL');
    // Data is on the disk before a write is reported as done.
    await database.exec('PRAGMA synchronous = FULL');
    await database.exec(`PRAGMA max_page_count = ${MOST_PAGES}`);
    await database.exec('PRAGMA secure_delete = ON');
    await database.exec(TABLES);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whether an error means that the file is not a valid database. */
function isBroken(error: unknown): boolean {
  return /not a database|malformed|NOTADB|CORRUPT/i.test(String(error));
}
