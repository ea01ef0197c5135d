import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Request } from '../../commands/request.ts';
import { createLogger } from '../../src/base/log.ts';
import { UnansweredJobs } from '../../src/chat/unanswered-jobs.ts';
import type { Job, Journal, LeftJob } from '../../src/work/journal.ts';

function job(message: string): Job {
  return { bot: 'b', place: 'c', message, kind: 'posted', files: [], begun: 0 };
}

/** Unanswered jobs with a journal that only records the calls to it. */
function start(
  left: readonly LeftJob[],
  answerJob: (job: Job, earlier: Request['earlier']) => Promise<boolean>,
  handsOver = false,
  takeOverJobs: Journal['takeOverJobs'] = async () => [...left],
) {
  const done: string[] = [];
  const note = (what: string) => async (one: { readonly message: string }) => void done.push(`${what} ${one.message}`);
  const journal: Journal = {
    begin: note('begin'),
    end: note('end'),
    markSuspect: note('suspect'),
    markWhisper: note('whisper'),
    takeOverJobs,
    countOpen: async () => ({ count: 0 }),
    markSeen: () => {},
    lastSeen: async () => new Map(),
    close: async () => {},
  };
  const log: string[] = [];
  const logger = createLogger({ level: 'info', destination: { write: (line) => log.push(line) } });
  return {
    unanswered: new UnansweredJobs({ platform: 'test', log: logger, journal, answerJob, handsOver }),
    done,
    log,
  };
}

describe('an answer that could not be sent', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is tried again for half an hour, ever more rarely, then left for the next start', async () => {
    const tries: number[] = [];
    const { unanswered, done, log } = start([], async (one) => {
      tries.push(Math.round(Date.now() / 1000));
      unanswered.tryLater(one);
      return true;
    });
    const begun = Math.round(Date.now() / 1000);
    unanswered.tryLater(job('m'));
    expect(unanswered.isScheduled(job('m'))).toBe(true);
    await vi.advanceTimersByTimeAsync(3 * 60 * 60_000);
    const pauses = tries.map((at, k) => at - (tries[k - 1] ?? begun));
    expect(pauses.slice(0, 7)).toEqual([2, 4, 8, 16, 30, 30, 30]);
    expect(tries.at(-1)! - begun).toBeGreaterThanOrEqual(30 * 60);
    expect(tries.at(-1)! - begun).toBeLessThan(31 * 60);
    expect(done, 'it stays in the journal').toEqual([]);
    expect(log.join('')).toContain('left for the next start');
  });

  test('is forgotten once there is nobody to answer any more, and not tried by a bot that has stopped', async () => {
    const answerJob = vi.fn(async () => false);
    const { unanswered, done } = start([], answerJob);
    unanswered.tryLater(job('gone'));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(done).toEqual(['end gone']);
    unanswered.tryLater(job('later'));
    unanswered.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answerJob).toHaveBeenCalledOnce();
  });

  test('is looked for again where the chat does not say whether it was sent', async () => {
    const answerJob = vi.fn(async () => true).mockRejectedValueOnce(new Error('status 500'));
    const { unanswered, done } = start([{ ...job('m'), runs: 1, isSuspect: false, whispers: 0 }], answerJob);
    await unanswered.answerLeftJobs('b');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(answerJob).toHaveBeenCalledTimes(2);
    expect(done).toEqual([]);
  });
});

test('jobs during which three runs ended are marked and then tried alone; one that ended a run while it was tried alone is not tried again', async () => {
  let underWay = 0;
  const seen: (readonly [string, number, boolean | undefined])[] = [];
  const left: LeftJob[] = [
    { ...job('old'), runs: 3, isSuspect: false, whispers: 0 },
    { ...job('guilty'), runs: 4, isSuspect: true, whispers: 0 },
    { ...job('a'), runs: 1, isSuspect: false, whispers: 0 },
    { ...job('b'), runs: 2, isSuspect: false, whispers: 0 },
  ];
  const { unanswered, done } = start(left, async ({ message }, earlier) => {
    underWay += 1;
    await new Promise((turn) => setImmediate(turn));
    seen.push([message, underWay, earlier?.brokeDown]);
    await new Promise((turn) => setImmediate(turn));
    underWay -= 1;
    return true;
  });
  await unanswered.answerLeftJobs('b');
  expect(seen).toEqual([
    ['a', 2, false],
    ['b', 2, false],
    ['old', 1, false],
    ['guilty', 1, true],
  ]);
  expect(done).toEqual(['suspect old', 'suspect guilty']);
});

test('a reply that only the asker sees, and that may have been sent twice, is not sent a third time', async () => {
  const takenUp: string[] = [];
  const whispered = (message: string, whispers: LeftJob['whispers']): LeftJob => ({
    ...job(message),
    runs: 2,
    isSuspect: false,
    whispers,
  });
  const { unanswered, done } = start([whispered('once', 1), whispered('twice', 2)], async ({ message }) => {
    takenUp.push(message);
    return true;
  });
  await unanswered.answerLeftJobs('b');
  expect(takenUp).toEqual(['once']);
  expect(done).toEqual(['end twice']);
});

test('where workers answer, jobs during which runs ended are handed to them together with the others', async () => {
  let underWay = 0;
  let most = 0;
  const left = Array.from({ length: 40 }, (_, k) => ({
    ...job(`m${k}`),
    runs: k % 6,
    isSuspect: k % 6 > 3,
    whispers: 0 as const,
  }));
  const answerJob = vi.fn(async (_: Job, earlier: Request['earlier']) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((turn) => setImmediate(turn));
    underWay -= 1;
    return earlier?.brokeDown === false;
  });
  const { unanswered, done } = start(left, answerJob, true);
  await unanswered.answerLeftJobs('b');
  expect(answerJob).toHaveBeenCalledTimes(40);
  expect(most).toBe(16);
  expect(done).toEqual([]);
});

test('jobs of earlier runs are answered later where the journal cannot be read at the start', async () => {
  const answered: string[] = [];
  const left: LeftJob[] = [{ ...job('m'), runs: 1, isSuspect: false, whispers: 0 }];
  const take = vi.fn(async () => left).mockRejectedValueOnce(new Error('the file is locked'));
  const { unanswered } = start(left, async ({ message }) => answered.push(message) > 0, false, take);
  await unanswered.answerLeftJobs('b');
  expect(answered).toEqual(['m']);
});

test('a job of an earlier run is answered later where it cannot be known at first which process should answer it', async () => {
  const answered: string[] = [];
  const left: LeftJob[] = ['m', 'n'].map((message) => ({
    ...job(message),
    place: message,
    runs: 1,
    isSuspect: false,
    whispers: 0,
  }));
  const isOurs = vi.fn(async (_: string) => true).mockRejectedValueOnce(new Error('status 500'));
  const take: Journal['takeOverJobs'] = async (_, takes) => {
    const taken: LeftJob[] = [];
    for (const one of [...left]) if (await takes!(one.place)) taken.push(...left.splice(left.indexOf(one), 1));
    return taken;
  };
  const { unanswered, log } = start([], async ({ message }) => answered.push(message) > 0, false, take);
  await unanswered.answerLeftJobs('b', isOurs);
  expect(answered).toEqual(['n', 'm']);
  expect(log.join('')).toContain('which process should answer');
});
