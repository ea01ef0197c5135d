import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'libsql/promise';
import { makePrivateFolderSync, PRIVATE_FILE } from '../base/files.ts';
import { processStart } from '../base/lock.ts';
import type { Logger } from '../base/log.ts';
import { type Job, type JobKey, type Journal, type LeftJob, SEEN_KEPT_MS } from './journal.ts';

/** Milliseconds that a write waits for another process which holds the file, on a thread of the library's: Slack waits for less than 3000. */
const LOCK_MS = 2000;
/** Milliseconds after which it is written down what was seen. */
const SEEN_MS = 1000;
/** 64 MiB: some hundred thousand jobs. */
const MOST_PAGES = 16_384;

/** Marks in the column `suspect`: looked at alone; something that only the asker sees is being said, by this run and by an earlier one. */
const [SUSPECT, WHISPERS, WHISPERED] = [1, 2, 4];

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

interface JobRow {
  readonly bot: string;
  readonly place: string;
  readonly message: string;
  readonly kind: Job['kind'];
  readonly files: string;
  readonly about: string | null;
  readonly begun: number;
  readonly runs: number;
  readonly suspect: number;
  readonly owner: string;
}

/** Owners of this process that have not closed their journal. */
const ownersHere = new Set<string>();

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The journal in one SQLite file. What is told in the same moment is written in one transaction, off this thread; a process or a machine
 * that ends in the middle leaves the file as it was before. Several processes may use it: a job is its process's until that is dead.
 */
export class FileJournal implements Journal {
  readonly #database: Database;
  readonly #log: Logger;
  /** Whose the jobs are that are begun here: the process, with the time when it started since numbers come round again, and which of its own. */
  readonly #owner: string;
  readonly #now: () => number;
  /** What the next transaction does. */
  #statements: string[] = [];
  #waiting: Waiting[] = [];
  readonly #seen = new Map<string, { readonly bot: string; readonly place: string; readonly message: string }>();
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(database: Database, log: Logger, owner: string, now: () => number) {
    this.#database = database;
    this.#log = log;
    this.#owner = owner;
    this.#now = now;
  }

  /**
   * @param path the file, in a folder that is made when needed; not on a network drive, whose locks cannot be trusted. A file that is
   *   broken is put aside under another name: what it held is lost, and photos can be answered
   * @param options.now a clock, in milliseconds since 1970
   * @throws Error where no file can be made there
   */
  static async open(path: string, log: Logger, options: { readonly now?: () => number } = {}): Promise<FileJournal> {
    const owner = [process.pid, randomUUID(), (await processStart(process.pid)) ?? ''].join(' ');
    const database = await openFile(path).catch(async (error: unknown) => {
      if (!existsSync(path) || !isBroken(error)) throw error;
      log.error({ err: error }, 'the journal of what is under way is broken: it is put aside and begun anew');
      for (const end of ['-wal', '-shm', '']) {
        if (existsSync(path + end)) await rename(path + end, `${path}.broken${end}`);
      }
      return await openFile(path);
    });
    ownersHere.add(owner);
    return new FileJournal(database, log, owner, options.now ?? Date.now);
  }

  async begin({ bot, place, message, kind, files, about, begun }: Job): Promise<void> {
    const values = [bot, place, message, kind, files.join(' '), about, begun, 0, 0, this.#owner];
    await this.#write(`INSERT OR IGNORE INTO jobs VALUES (${values.map(literal).join(', ')})`);
  }

  async end({ bot, place, message }: JobKey): Promise<void> {
    await this.#write(`DELETE FROM jobs WHERE ${named({ bot, place, message })}`);
  }

  async suspect(job: JobKey): Promise<void> {
    await this.#mark(job, SUSPECT);
  }

  async whisper(job: JobKey, couldNot = false): Promise<void> {
    if (couldNot) await this.#write(`UPDATE jobs SET suspect = suspect & ${~WHISPERS} WHERE ${named(job)}`);
    else await this.#mark(job, WHISPERS);
  }

  async takeOver(bot: string, isOurs: (place: string) => Promise<boolean> = async () => true): Promise<LeftJob[]> {
    const found = (await this.#all(`SELECT * FROM jobs WHERE bot = ${literal(bot)} ORDER BY begun`)) as JobRow[];
    const owners = new Set(found.map(({ owner }) => owner));
    owners.delete(this.#owner);
    const dead = (await Promise.all([...owners].map(async (owner) => ((await isAlive(owner)) ? [] : [owner])))).flat();
    const left = new Set(found.filter(({ owner }) => dead.includes(owner)).map(({ place }) => place));
    const places: string[] = [];
    for (const place of left) {
      const isTaken = await isOurs(place).catch((error: unknown) => {
        this.#log.warn({ err: error }, 'it could not be found out whose a photo of an earlier run is');
        return false;
      });
      if (isTaken) places.push(place);
    }
    if (places.length === 0) return [];
    // Of several processes that start at a time, each job is taken by one.
    const whispered = `CASE WHEN suspect & ${WHISPERS} THEN suspect - ${WHISPERS} | ${WHISPERED} ELSE suspect END`;
    const taken = `UPDATE jobs SET owner = ${literal(this.#owner)}, runs = runs + 1, suspect = ${whispered}
      WHERE bot = ${literal(bot)} AND owner IN (${dead.map(literal).join(', ')})
      AND place IN (${places.map(literal).join(', ')})`;
    await this.#write(taken);
    const mine = (await this.#all(
      `SELECT * FROM jobs WHERE bot = ${literal(bot)} AND owner = ${literal(this.#owner)} AND runs > 0 ORDER BY begun`,
    )) as JobRow[];
    return mine.flatMap((row) => {
      const before = found.find(({ place, message }) => place === row.place && message === row.message);
      return before ? [toJob(row, before.suspect)] : [];
    });
  }

  see(bot: string, place: string, message: string): void {
    this.#seen.set(`${bot} ${place}`, { bot, place, message });
    this.#timer ??= setTimeout(() => {
      this.#write().catch((error: unknown) =>
        this.#log.warn({ err: error }, 'what was seen could not be written down'),
      );
    }, SEEN_MS).unref();
  }

  async lastSeen(bot: string): Promise<ReadonlyMap<string, string>> {
    const since = this.#now() - SEEN_KEPT_MS;
    const rows = (await this.#all(
      `SELECT place, message FROM seen WHERE bot = ${literal(bot)} AND at > ${since} ORDER BY at DESC`,
    )) as { readonly place: string; readonly message: string }[];
    return new Map(rows.map(({ place, message }) => [place, message]));
  }

  async close(): Promise<void> {
    try {
      if (this.#seen.size > 0) await this.#write();
      while (this.#writing) await this.#writing;
    } finally {
      clearTimeout(this.#timer);
      ownersHere.delete(this.#owner);
      this.#database.close();
    }
  }

  async #mark(job: JobKey, mark: number): Promise<void> {
    await this.#write(`UPDATE jobs SET suspect = suspect | ${mark} WHERE ${named(job)}`);
  }

  /** Has a statement, or only what was seen, written with whatever else is told in this moment. */
  async #write(statement?: string): Promise<void> {
    if (statement !== undefined) this.#statements.push(statement);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async #writeAll(): Promise<void> {
    // One turn of the loop: what the same packet brought comes along.
    await new Promise((done) => setImmediate(done));
    while (this.#waiting.length > 0) {
      const [waiting, statements] = [this.#waiting, [...this.#statements, ...this.#whatWasSeen()]];
      this.#waiting = [];
      this.#statements = [];
      try {
        await this.#transaction(statements);
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    }
  }

  async #transaction(statements: readonly string[]): Promise<void> {
    try {
      await this.#database.exec(['BEGIN IMMEDIATE', ...statements, 'COMMIT'].join(';\n'));
    } catch (error) {
      if ((this.#database as { readonly inTransaction?: boolean }).inTransaction) await this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #whatWasSeen(): string[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#seen.size === 0) return [];
    const now = this.#now();
    const rows = [...this.#seen.values()].map(({ bot, place, message }) =>
      [bot, place, message, now].map(literal).join(', '),
    );
    this.#seen.clear();
    return [
      ...rows.map((row) => `INSERT OR REPLACE INTO seen VALUES (${row})`),
      `DELETE FROM seen WHERE at < ${now - SEEN_KEPT_MS}`,
    ];
  }

  async #all(query: string): Promise<unknown[]> {
    while (this.#writing) await this.#writing;
    const statement = await this.#database.prepare(query);
    return (await statement.all()) as unknown[];
  }
}

async function openFile(path: string): Promise<Database> {
  makePrivateFolderSync(dirname(path));
  // SQLite would let everyone read it; what it puts beside the file has the file's own rights.
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  const database = new Database(path, {});
  try {
    await database.exec(`PRAGMA busy_timeout = ${LOCK_MS}`);
    // A log of what was written last: one write to the disk a transaction, where a rollback journal takes four.
    await database.exec('PRAGMA journal_mode = WAL');
    // It is on the disk before a write is reported as done.
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

/** Whether a file is no database any more. */
function isBroken(error: unknown): boolean {
  return /not a database|malformed|NOTADB|CORRUPT/i.test(String(error));
}

/** A value in SQL: the library runs statements off this thread only where they are text as a whole. */
function literal(value: string | number | undefined): string {
  if (value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''").replaceAll('\0', '')}'`;
}

function named({ bot, place, message }: JobKey): string {
  return `bot = ${literal(bot)} AND place = ${literal(place)} AND message = ${literal(message)}`;
}

/** @param marks of the row as the last run left it */
function toJob({ bot, place, message, kind, files, about, begun, runs }: JobRow, marks: number): LeftJob {
  const whispers = [WHISPERS, WHISPERED].filter((mark) => (marks & mark) !== 0).length as LeftJob['whispers'];
  const ids = files.split(' ').filter((id) => id !== '');
  return {
    bot,
    place,
    message,
    kind,
    files: ids,
    ...(about !== null && { about }),
    begun,
    runs,
    isSuspect: (marks & SUSPECT) !== 0,
    whispers,
  };
}

/** Whether the process is alive that an owner's name stands for. */
async function isAlive(owner: string): Promise<boolean> {
  if (ownersHere.has(owner)) return true;
  const [pid, , ...started] = owner.split(' ');
  if (Number(pid) === process.pid) return false;
  return (await processStart(Number(pid))) === started.join(' ');
}
