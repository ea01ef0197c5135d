import { randomUUID } from 'node:crypto';
import type Database from 'libsql/promise';
import { processStart } from '../base/lock.ts';
import type { Logger } from '../base/log.ts';
import { type Job, type JobKey, type Journal, type LeftJob, type OpenJobs, SEEN_KEPT_MS } from './journal.ts';
import { openJournalFile } from './journal-file.ts';

/** Milliseconds after which the last handled messages are written. */
const SEEN_MS = 1000;
/** Bits in the column `markSuspect`: the job is run alone; a private reply is being sent by this run; an earlier run may have sent one. */
const [SUSPECT, WHISPERS, WHISPERED] = [1, 2, 4];

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

/** Owners of the open journals in this process. */
const ownersHere = new Set<string>();

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The journal in one SQLite file. Calls that come at the same moment are written in one transaction, on another thread. A process or a
 * machine that ends during a write leaves the file as it was before. Several processes may share the file: a job belongs to the process
 * that began it until that process is dead.
 */
export class FileJournal implements Journal {
  readonly #database: Database;
  readonly #log: Logger;
  /**
   * The owner of jobs that are begun here: the process id, an id of this journal, and the process's start time, since process ids are
   * reused.
   */
  readonly #owner: string;
  readonly #now: () => number;
  /** The statements of the next transaction. */
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
   * @param path the file, in a folder that is created when needed. It must not be on a network drive, whose locks cannot be trusted. A
   *   broken file is renamed and a new one is begun: its jobs are lost, but photos can be answered
   * @param options.now a clock, in milliseconds since 1970
   * @throws Error where no file can be created there
   */
  static async open(path: string, log: Logger, options: { readonly now?: () => number } = {}): Promise<FileJournal> {
    const owner = [process.pid, randomUUID(), (await processStart(process.pid)) ?? ''].join(' ');
    const database = await openJournalFile(path, log);
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

  async markSuspect(job: JobKey): Promise<void> {
    await this.#mark(job, SUSPECT);
  }

  async markWhisper(job: JobKey, couldNot = false): Promise<void> {
    if (couldNot) await this.#write(`UPDATE jobs SET suspect = suspect & ${~WHISPERS} WHERE ${named(job)}`);
    else await this.#mark(job, WHISPERS);
  }

  async takeOverJobs(bot: string, isOurs: (place: string) => Promise<boolean> = async () => true): Promise<LeftJob[]> {
    const found = (await this.#all(`SELECT * FROM jobs WHERE bot = ${literal(bot)} ORDER BY begun`)) as JobRow[];
    const owners = new Set(found.map(({ owner }) => owner));
    owners.delete(this.#owner);
    const dead = (await Promise.all([...owners].map(async (owner) => ((await isAlive(owner)) ? [] : [owner])))).flat();
    const left = new Set(found.filter(({ owner }) => dead.includes(owner)).map(({ place }) => place));
    const places: string[] = [];
    for (const place of left) {
      const isTaken = await isOurs(place).catch((error: unknown) => {
        this.#log.warn({ err: error }, 'could not find out which process should answer a photo of an earlier run');
        return false;
      });
      if (isTaken) places.push(place);
    }
    if (places.length === 0) return [];
    // If several processes start at the same time, each job is taken by only one of them.
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
      // What an earlier call has taken over is being answered: its marks are this run's.
      return before && before.owner !== this.#owner ? [toJob(row, before.suspect)] : [];
    });
  }

  async countOpen(): Promise<OpenJobs> {
    const query = `SELECT COUNT(*) AS count, MIN(begun) AS since FROM jobs WHERE owner = ${literal(this.#owner)}`;
    const [row] = (await this.#all(query)) as { readonly count: number; readonly since: number | null }[];
    return { count: row!.count, ...(row!.since !== null && { since: row!.since }) };
  }

  markSeen(bot: string, place: string, message: string): void {
    this.#seen.set(`${bot} ${place}`, { bot, place, message });
    this.#timer ??= setTimeout(() => {
      this.#write().catch((error: unknown) =>
        this.#log.warn({ err: error }, 'the last handled messages could not be written'),
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

  /** Writes a statement, or only the last handled messages, in one transaction with everything else that is written at this moment. */
  async #write(statement?: string): Promise<void> {
    if (statement !== undefined) this.#statements.push(statement);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    // Waits one turn of the event loop, so that all events of the same network packet are in one transaction.
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
    // In the same step as the look for more: a write that came in between would wait for ever.
    this.#writing = undefined;
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

/** A value as an SQL literal. The library runs statements on another thread only where they have no parameters. */
function literal(value: string | number | undefined): string {
  if (value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''").replaceAll('\0', '')}'`;
}

function named({ bot, place, message }: JobKey): string {
  return `bot = ${literal(bot)} AND place = ${literal(place)} AND message = ${literal(message)}`;
}

/** @param marks the bits of the row as the last run left them */
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

/** Whether the process of an owner is alive. */
async function isAlive(owner: string): Promise<boolean> {
  if (ownersHere.has(owner)) return true;
  const [pid, , ...started] = owner.split(' ');
  if (Number(pid) === process.pid) return false;
  return (await processStart(Number(pid))) === started.join(' ');
}
