import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { ProgressMessage } from '../../src/retraining/telling.ts';

const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A channel that notes when it is written to; `answer` says what becomes of an edit, `refuse` whether a message is taken. */
function channel() {
  const posts: { readonly at: number; readonly text: string }[] = [];
  const edits: { readonly at: number; readonly text: string; readonly of: number }[] = [];
  const board = {
    posts,
    edits,
    tries: 0,
    refuse: false,
    answer: async (): Promise<boolean> => true,
    post: async ({ text }: { readonly text: string }) => {
      board.tries++;
      if (board.refuse) throw new Error('not now');
      const of = posts.push({ at: Date.now(), text }) - 1;
      return {
        update: async (next: { readonly text: string }) => {
          edits.push({ at: Date.now(), text: next.text, of });
          return await board.answer();
        },
      };
    },
  };
  return board;
}

function follow(board: ReturnType<typeof channel>): ProgressMessage {
  return new ProgressMessage(board, createLogger({ level: 'silent' }));
}

/** As a training tells: a new text twice a second. */
async function tell(message: ProgressMessage, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 500) {
    message.show({ text: `at ${Date.now()}` });
    await vi.advanceTimersByTimeAsync(500);
  }
}

function leastGap(times: readonly { readonly at: number }[]): number {
  return Math.min(...times.slice(1).map(({ at }, k) => at - times[k]!.at));
}

test('over two hours: edited at most every 5 s, and always the message of the last 50 minutes', async () => {
  const board = channel();
  const message = follow(board);
  const start = Date.now();
  await tell(message, 2 * 60 * MINUTE);
  await message.close();
  expect(board.posts.map(({ at }) => Math.round((at - start) / MINUTE))).toEqual([0, 50, 100]);
  expect(leastGap([...board.posts, ...board.edits].sort((a, b) => a.at - b.at))).toBeGreaterThanOrEqual(5000);
  // One edit in about five seconds is close to the allowed rate.
  expect(board.edits.length).toBeGreaterThan(1000);
  for (const edit of board.edits) {
    expect(edit.of).toBe(board.posts.findLastIndex(({ at }) => at <= edit.at));
    expect(edit.at - board.posts[edit.of]!.at).toBeLessThanOrEqual(50 * MINUTE);
  }
});

test('a message that was deleted is not posted again until it is time for a fresh one', async () => {
  const board = channel();
  const message = follow(board);
  await tell(message, MINUTE);
  board.answer = async () => false;
  await tell(message, 10_000);
  const edits = board.edits.length;
  await tell(message, 40 * MINUTE);
  expect(board.edits).toHaveLength(edits);
  expect(board.posts).toHaveLength(1);
  board.answer = async () => true;
  await tell(message, 10 * MINUTE);
  expect(board.posts).toHaveLength(2);
  expect(board.edits.at(-1)!.of).toBe(1);
  await message.close();
});

test('an edit that the platform delays for minutes is followed by one more, not by all texts that came in between', async () => {
  const board = channel();
  const message = follow(board);
  await tell(message, 20_000);
  const after = (milliseconds: number) => () =>
    new Promise<boolean>((done) => setTimeout(() => done(true), milliseconds));
  board.answer = after(3 * MINUTE);
  await tell(message, 10_000);
  board.answer = after(600);
  const held = board.edits.length;
  await tell(message, 3 * MINUTE);
  expect(board.edits.length - held).toBeLessThan(3);
  await tell(message, MINUTE);
  await message.close();
  expect(leastGap(board.edits)).toBeGreaterThanOrEqual(5000);
});

test('an update that fails is tried again a minute later, and never throws', async () => {
  const board = channel();
  const message = follow(board);
  board.refuse = true;
  await tell(message, 3 * MINUTE + 1000);
  expect(board.tries).toBe(4);
  board.refuse = false;
  await tell(message, MINUTE);
  expect(board.posts).toHaveLength(1);
  board.answer = async () => {
    throw new Error('not now');
  };
  await tell(message, 10_000);
  const edits = board.edits.length;
  await tell(message, 2 * MINUTE);
  expect(board.edits.length - edits).toBeLessThanOrEqual(2);
  await message.close({ text: 'the end' });
});

test('the last text says how the training ended, as soon as the limits allow, and none follows it', async () => {
  const board = channel();
  const message = follow(board);
  await tell(message, 7000);
  const closing = message.close({ text: 'Finished.' });
  message.show({ text: 'too late' });
  await vi.advanceTimersByTimeAsync(MINUTE);
  await closing;
  expect(board.edits.at(-1)!.text).toBe('Finished.');
  expect(leastGap(board.edits)).toBeGreaterThanOrEqual(5000);
  const deleted = follow(channel());
  await deleted.close({ text: 'nobody reads this' });
});

test('a clock that is set back does not stop the edits', async () => {
  const board = channel();
  const message = follow(board);
  await tell(message, MINUTE);
  const before = board.edits.length;
  vi.setSystemTime(Date.now() - 24 * 60 * MINUTE);
  await tell(message, 60 * MINUTE);
  expect(board.edits.length).toBeGreaterThan(before + 600);
  expect(board.posts).toHaveLength(2);
  message.show({ text: 'one more' });
  const closed = message.close({ text: 'the end' });
  await vi.advanceTimersByTimeAsync(5000);
  await closed;
  expect(board.edits.at(-1)!.text).toBe('the end');
});
