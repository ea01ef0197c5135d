import { describe, expect, test } from 'vitest';
import { HAS_REDIS } from '../helpers/redis.ts';
import { runScript } from '../helpers/run-script.ts';
import type { PostedMessage, Said } from './chats.ts';
import { planMessages } from './plan.ts';
import type { soakJson } from './report.ts';
import { judge } from './tally.ts';

const SOAK = '../test/soak/soak.ts';

/** The outcomes of a message's photos, judged by the replies to it. By default it has two photos, 'p1' and 'p2'. */
function fatesBy(changes: Partial<PostedMessage>, ...said: readonly Partial<Said>[]): string[] {
  const message: PostedMessage = {
    platform: 'discord',
    channel: 'c',
    id: 'm',
    kinds: ['small.jpg', 'cut.jpg'],
    files: ['p1', 'p2'],
    at: 0,
    isRemoved: false,
    ...changes,
  };
  const all = said.map((one, at): Said => ({ to: 'm', picture: undefined, hasPicture: false, text: '', at, ...one }));
  return judge([message], all).map(({ fate }) => fate);
}

describe('what became of photos', () => {
  test.each([
    ['nothing said', [], ['lost', 'lost']],
    ['each answered', [{ picture: 'p1', hasPicture: true }, { picture: 'p2' }], ['answered', 'refused']],
    ['no face found', [{ picture: 'p1', text: 'I found no face in this picture.' }], ['answered', 'lost']],
    ['one answered, then the rest refused', [{ picture: 'p1', hasPicture: true }, {}], ['answered', 'refused']],
    ['both refused at once', [{}], ['refused', 'refused']],
    ['one answered twice', [{ picture: 'p2' }, { picture: 'p2' }, { picture: 'p1' }], ['refused', 'doubled']],
    ['all refused twice', [{}, {}], ['doubled', 'doubled']],
    ['refused after each was answered', [{ picture: 'p1' }, { picture: 'p2' }, {}], ['doubled', 'doubled']],
    ['said of another message', [{ to: 'other', picture: 'p1' }], ['lost', 'lost']],
  ] as const)('%s', (_, said, fates) => {
    expect(fatesBy({}, ...said)).toEqual(fates);
  });

  test.each([
    ['deferred', [], 'thinking'],
    ['deferred', [{}], 'thinking'],
    ['waiting', [], 'refused'],
    ['answered', [], 'lost'],
    ['answered', [{ hasPicture: true }], 'answered'],
    ['answered', [{ hasPicture: true }, {}], 'doubled'],
  ] as const)('a command that is %s', (state, said, fate) => {
    expect(fatesBy({ kinds: ['small.jpg'], files: ['p1'], state: () => state }, ...said)).toEqual([fate]);
  });

  test('messages that were removed count for nothing', () => {
    const gone: PostedMessage = {
      platform: 'slack',
      channel: 'c',
      id: 'm',
      kinds: ['small.jpg'],
      files: ['p'],
      at: 0,
      isRemoved: true,
    };
    expect(judge([gone], [])).toEqual([]);
  });
});

test('the posted photos depend on the seed alone', () => {
  const plan = (seed: number) => planMessages({ photos: 200, rate: 10, seed });
  expect(plan(7)).toEqual(plan(7));
  expect(plan(8)).not.toEqual(plan(7));
  expect(plan(7).flatMap(({ photos }) => photos)).toHaveLength(200);
});

test('mistakes in the arguments are reported as sentences', async () => {
  expect(await runScript(SOAK, '--workers', '0')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--workers'),
  });
  expect(await runScript(SOAK, 'now')).toMatchObject({ code: 2, stderr: expect.stringContaining('now') });
  const help = await runScript(SOAK, '--help');
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--kill-every') });
});

test('a Redis that cannot be reached is reported as a sentence, before anything is started', {
  timeout: 10_000,
}, async () => {
  const size = ['--photos', '1', '--bots', '1', '--workers', '1', '--stand-in', '1'];
  const { code, stdout, stderr } = await runScript(SOAK, ...size, '--redis', 'redis://127.0.0.1:1');
  expect(stderr).toMatch(/^Redis at --redis cannot be used: .*127\.0\.0\.1:1\b.*\.\n$/);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

test.skipIf(!HAS_REDIS)(
  'nothing is lost or answered twice while a bot and a worker are killed and Redis restarts',
  async () => {
    const size = ['--photos', '24', '--rate', '5', '--bots', '1', '--workers', '1', '--seed', '2'];
    const speed = ['--stand-in', '20', '--lost-after', '3', '--latency', '10', '--quiet', '0.3'];
    const unrest = [
      '--kill-every',
      '1.5',
      '--kills',
      '2',
      '--break-every',
      '3',
      '--outage-every',
      '0',
      '--failing',
      '3',
    ];
    const { code, stdout, stderr } = await runScript(SOAK, ...size, ...speed, ...unrest, '--json');
    const {
      photos,
      owed,
      seconds,
      processorSeconds,
      unrest: counts,
    } = JSON.parse(stdout) as ReturnType<typeof soakJson>;
    expect({ code, owed, ...photos }, stdout + stderr).toMatchObject({
      code: 0,
      owed: 0,
      lost: 0,
      doubled: 0,
      wentWrong: 0,
    });
    expect(photos.answered + photos.refused + photos.removed).toBe(24);
    expect(photos.answered).toBeGreaterThan(10);
    expect(Math.min(processorSeconds.bots, processorSeconds.workers)).toBeGreaterThan(0.5);
    expect(seconds.p50).toBeLessThanOrEqual(seconds.p99);
    expect(counts).toMatchObject({ redisRestarts: 1, stuck: [] });
    expect(Math.min(counts.killedBots, counts.killedWorkers, counts.brokenConnections)).toBeGreaterThan(0);
  },
  180_000,
);
