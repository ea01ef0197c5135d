import { expect, onTestFinished, test, vi } from 'vitest';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import { retrainCommand } from '../../commands/retrain.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { ProgressMessage } from '../../src/jobs/retraining-message.ts';
import { createLogger } from '../../src/log.ts';
import { LiveClassifier } from '../../src/training/live-classifier.ts';
import { fakeRequest } from '../fakes/request.ts';
import { makeSite, noticeBoard, openSite } from '../helpers/retraining.ts';
import { drawTinyFace } from '../helpers/tiny-fer2013.ts';

async function setUp() {
  const opened = openSite(await makeSite());
  const live = await LiveClassifier.open(opened.registry, opened.log, { threads: 1 });
  onTestFinished(() => live.dispose());
  const { retraining, registry, log } = opened;
  const commands = new CommandRegistry([retrainCommand({ retraining, registry, refresh: () => live.refresh() })]);
  const dispatcher = new Dispatcher(commands, log);
  const type = async (input: string, operator = true) => {
    const { request, replies } = fakeRequest({ command: { name: 'retrain', input }, operator });
    await dispatcher.dispatch(request);
    return replies.map(({ text }) => text).join('\n');
  };
  return { ...opened, live, type };
}

test('from the command to the swapped network: progress, card with pictures, versions, rollback', {
  timeout: 120_000,
}, async () => {
  const { retraining, live, type } = await setUp();
  const board = noticeBoard();
  await retraining.begin(async () => board);
  expect(await type('status')).toContain('no training yet');
  expect(await type('start architecture:tiny epochs:14 batch:7 learning-rate:0.05 clean:yes')).toContain(
    'The training begins',
  );
  expect(await type('start')).toMatch(/under way already \(started by Ada/);
  await retraining.idle();
  const card = board.notices.at(-1)!;
  expect(card.text).toContain('Version 1 (tiny) is trained and in use');
  expect(card.text).toMatch(/PrivateTest accuracy: [\d.]+ % \(before [\d.]+ %, \+[\d.]+ points\)/);
  expect(card.text).toMatch(/macro recall: .*\n.*\nRecognised on PrivateTest: angry/);
  expect(card.pictures!.map(({ name }) => name)).toEqual(['version-1-curves.png', 'version-1-confusion.png']);
  for (const { bytes } of card.pictures!) expect(Buffer.from(bytes).subarray(1, 4).toString()).toBe('PNG');
  expect(board.notices[0]!.text).toMatch(/Training tiny, started by Ada/);
  await live.refresh();
  expect(live.version).toBe(1);
  expect(await live.classify(EMOTIONS.map((_, label) => drawTinyFace(label, label)))).toHaveLength(7);
  expect(await type('versions')).toMatch(/Version 0: .*in use before\nVersion 1: tiny, .*in use$/);
  expect(await type('status')).toContain('Finished: version 1, put in use');
  expect(await type('rollback')).toBe('Version 0 is in use again.');
  expect(live.version).toBe(0);
  expect(await type('promote')).toContain('Say which version');
  expect(await type('promote 4')).toContain('There is no version 4');
  expect(await type('promote 1')).toContain('Version 1 is in use');
  expect(live.version).toBe(1);
});

test.each(['start', 'status', 'cancel', 'resume', 'versions', 'promote 1', 'rollback', ''])(
  'someone who is not an operator may not: %s',
  async (input) => {
    const start = vi.fn();
    const command = retrainCommand({ retraining: { start } as never, registry: {} as never, refresh: start });
    const { request, replies } = fakeRequest({ command: { name: 'retrain', input }, admin: true });
    await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
    expect(replies.map(({ text }) => text)).toEqual([
      expect.stringContaining('for admins of the place that runs this bot'),
    ]);
    expect(start).not.toHaveBeenCalled();
  },
);

test.each([
  ['start', 8],
  ['start patience:3', 3],
  ['start patience:0', 0],
])('%s: the training may go on for %i epochs without a better one, 0 for ever', async (input, patience) => {
  const start = vi.fn(async () => {});
  const command = retrainCommand({ retraining: { start } as never, registry: {} as never, refresh: start });
  const { request } = fakeRequest({ command: { name: 'retrain', input }, operator: true });
  await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
  expect(start).toHaveBeenCalledWith(expect.objectContaining({ plan: expect.objectContaining({ patience }) }));
});

test('the progress message: edited at most every 5 s, fresh after 50 minutes, and nothing is thrown where it is deleted', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const posts: string[] = [];
  const edits: number[] = [];
  let deleted = false;
  const message = new ProgressMessage(
    {
      post: async ({ text }) => {
        posts.push(text);
        return {
          update: async () => {
            edits.push(Date.now());
            return !deleted;
          },
        };
      },
    },
    createLogger({ level: 'silent' }),
  );
  for (let s = 0; s < 60; s++) {
    message.show(`step ${s}`);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(posts).toEqual(['step 0']);
  expect(edits.length).toBeGreaterThan(8);
  for (let e = 1; e < edits.length; e++) expect(edits[e]! - edits[e - 1]!).toBeGreaterThanOrEqual(5000);
  deleted = true;
  message.show('after it was deleted');
  await vi.advanceTimersByTimeAsync(6000);
  const tried = edits.length;
  message.show('nobody sees this');
  await vi.advanceTimersByTimeAsync(6000);
  expect(edits).toHaveLength(tried);
  await vi.advanceTimersByTimeAsync(50 * 60_000);
  message.show('an hour later');
  await vi.advanceTimersByTimeAsync(6000);
  expect(posts).toEqual(['step 0', 'an hour later']);
  await message.close();
});
