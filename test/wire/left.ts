import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '../../src/base/log.ts';
import { FileJournal } from '../../src/work/file-journal.ts';
import type { Job, JobKey } from '../../src/work/journal.ts';
import { fakePhotoReader } from '../fakes/photo.ts';

/** A reader that stops for ever at one of the pictures it is given; `begun` counts them. @param at 0: at every one */
export function stuckReader(at = 0) {
  const read = fakePhotoReader();
  const stuck = {
    begun: 0,
    readPhoto: async (bytes: Uint8Array, signal: AbortSignal) => {
      stuck.begun += 1;
      if (at === 0 || stuck.begun === at) await delay(1_000_000, undefined, { signal });
      return await read(bytes, signal);
    },
  };
  return stuck;
}

/** The journal of a bot that does not run now, for whoever looks into it or writes there. */
export async function inJournal<T>(state: string, look: (journal: FileJournal) => Promise<T>): Promise<T> {
  const journal = await FileJournal.open(join(state, 'state', 'journal.db'), createLogger({ level: 'silent' }));
  try {
    return await look(journal);
  } finally {
    await journal.close();
  }
}

/** Jobs that the journal of a bot still holds. */
export async function left(state: string, bot: string): Promise<number> {
  return (await inJournal(state, (journal) => journal.takeOverJobs(bot))).length;
}

/** Writes a job down as if a bot had been killed over it. */
export async function leave(state: string, job: Omit<Job, 'files' | 'begun'> & Partial<Job>): Promise<void> {
  await inJournal(state, (journal) => journal.begin({ files: [], begun: Date.now(), ...job }));
}

/** Marks a job as if the bot had been killed while, or after, it sent a reply that only the asker sees. */
export async function whisper(state: string, job: JobKey): Promise<void> {
  await inJournal(state, (journal) => journal.markWhisper(job));
}

/** Whether the journal of a bot, which may be running, has had a message written into it. */
export function isWritten(state: string, message: string): boolean {
  return ['journal.db', 'journal.db-wal'].some((name) => {
    try {
      return readFileSync(join(state, 'state', name), 'latin1').includes(message);
    } catch {
      return false;
    }
  });
}
