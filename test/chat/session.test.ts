import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Attachment, NO_MESSAGE, type Posted, type Reply, type Request } from '../../commands/request.ts';
import { createLogger } from '../../src/base/log.ts';
import type { Inquiry, SessionOptions } from '../../src/chat/inquiry.ts';
import { Session } from '../../src/chat/session.ts';
import type { Turn } from '../../src/work/job-queue.ts';
import type { Journal } from '../../src/work/journal.ts';
import { fakeRequest } from '../fakes/request.ts';

/** A picture of a message. */
function picture(id: string, message: string): Attachment & { readonly message: string } {
  return { id, name: `${id}.png`, message, fetch: async () => Buffer.from(id) };
}

interface Said extends Posted {
  readonly text: string;
  isThere: boolean;
}

/** A session whose requests wait until the test answers them. */
function start(options: Partial<SessionOptions> = {}) {
  const asked: { readonly request: Request; readonly done: () => void }[] = [];
  const said: Said[] = [];
  const told: string[] = [];
  const log: string[] = [];
  const session = new Session({
    platform: 'test',
    log: createLogger({ level: 'debug', destination: { write: (line) => log.push(line) } }),
    dispatch: (request) => new Promise((done) => asked.push({ request, done })),
    messageOf: (attachment) => (attachment as { message?: string }).message,
    ...options,
  });
  const say = async ({ text }: Reply): Promise<Posted> => {
    const posted: Said = {
      id: text,
      text,
      isThere: true,
      update: async () => true,
      remove: async () => {
        posted.isThere = false;
      },
    };
    said.push(posted);
    return posted;
  };
  const begin = (
    options: Partial<Inquiry> & { readonly pictures?: readonly Attachment[]; reply?: typeof say } = {},
  ) => {
    const { pictures: attachments = [], reply = say, ...asking } = options;
    const isTaken = session.begin({
      channel: 'c',
      replyPrivately: async (text) => void told.push(text),
      toRequest: (signal) => fakeRequest({ signal, attachments, reply }).request,
      ...asking,
    });
    return { isTaken, ...asked.at(-1)! };
  };
  const there = () => said.filter(({ isThere }) => isThere).map(({ text }) => text);
  return { session, begin, say, there, told, log };
}

describe('a removed message', () => {
  test('removes its answers, also one that is being sent, and aborts the work on it', async () => {
    const { session, begin, say, there } = start();
    let sent = () => {};
    const slow = async (reply: Reply) => {
      if (reply.text === 'slow') await new Promise<void>((done) => (sent = done));
      return await say(reply);
    };
    const { request } = begin({ message: 'm', reply: slow });
    const other = begin({ message: 'n' });
    await request.reply({ text: 'before' });
    await other.request.reply({ text: 'other' });
    const late = request.reply({ text: 'slow' });
    await turn();
    expect(await session.removed('m')).toBe(true);
    sent();
    await late;
    expect([there(), request.signal.aborted, other.request.signal.aborted]).toEqual([['other'], true, false]);
    expect(await request.reply({ text: 'after' })).toBe(NO_MESSAGE);
    expect(there()).toEqual(['other']);
  });

  test('removes the answers to its pictures that another message asked about', async () => {
    const { session, begin, there } = start();
    const [own, others] = [picture('p', 'm'), picture('q', 'n')];
    const { request } = begin({ message: 'asks' });
    await request.reply({ text: 'of m', about: own });
    await request.reply({ text: 'of n', about: others });
    expect(await session.removed('m')).toBe(true);
    expect(there()).toEqual(['of n']);
    expect(request.signal.aborted).toBe(false);
    expect(await request.reply({ text: 'once more', about: own })).toBe(NO_MESSAGE);
    expect(await session.removed('asks')).toBe(true);
    expect(there()).toEqual([]);
  });

  test('is not answered if it was removed before the work on it began', async () => {
    const { session, begin } = start();
    expect(await session.removed('m')).toBe(false);
    expect(begin({ message: 'm' }).request.signal.aborted).toBe(true);
    expect(begin({ message: 'n' }).request.signal.aborted).toBe(false);
  });

  test('that is not known is reported as unknown, also beside work that was aborted before', async () => {
    const { session, begin } = start();
    begin({ message: 'm' });
    expect(await session.removed('m')).toBe(true);
    expect(await session.removed('unknown')).toBe(false);
  });

  test('is forgotten, the oldest first, so that removals do not fill the memory', async () => {
    const { session, begin, there } = start();
    const { request } = begin();
    const postedAt = Date.now();
    await request.reply({ text: 'oldest', about: picture('p', 'oldest') });
    expect(session.mayBeForgotten('oldest', postedAt - 1)).toBe(false);
    for (let k = 0; k < 20_000; k++) await request.reply({ text: 'x', about: picture('p', `m${k}`) });
    await request.reply({ text: 'newest', about: picture('p', 'newest') });
    expect(await session.removed('newest')).toBe(true);
    expect(await session.removed('oldest')).toBe(false);
    // So the platform looks for its answers, but not for those of messages that were posted since.
    expect(session.mayBeForgotten('oldest', postedAt - 1)).toBe(true);
    expect(session.mayBeForgotten('newest', Date.now() + 1)).toBe(false);
    expect(there()).toContain('oldest');
    expect(there()).not.toContain('newest');
  });
});

describe('an edited message', () => {
  test('keeps its answer where the picture is one of another message', async () => {
    const { session, begin, there } = start();
    const { request, done } = begin({ message: 'mention' });
    await request.reply({ text: 'answer', about: picture('p', 'photo') });
    done();
    expect(await session.edited('mention', [])).toBe(false);
    expect(there()).toEqual(['answer']);
    expect(await session.removed('mention')).toBe(true);
    expect(there()).toEqual([]);
  });

  const pictures = [picture('p', 'm'), picture('q', 'm')];

  test('that lost one of two pictures loses the answer to that one, also one that is not sent yet', async () => {
    const { session, begin, there } = start();
    const { request } = begin({ message: 'm', pictures });
    await request.reply({ text: 'p', about: pictures[0]! });
    await request.reply({ text: 'q', about: pictures[1]! });
    await request.reply({ text: 'words' });
    expect(await session.edited('m', ['p', 'q'])).toBe(false);
    expect(await session.edited('m', ['q'])).toBe(true);
    expect(there()).toEqual(['q', 'words']);
    // A reply that was removed is no longer known.
    expect(await session.edited('m', ['q'])).toBe(false);
    expect(request.signal.aborted).toBe(false);
    expect(await request.reply({ text: 'p again', about: pictures[0]! })).toBe(NO_MESSAGE);
    await request.reply({ text: 'q again', about: pictures[1]! });
    expect(there()).toEqual(['q', 'words', 'q again']);
  });

  test('that lost all its pictures aborts the work on it', async () => {
    const { session, begin } = start();
    const { request } = begin({ message: 'm', pictures });
    const words = begin({ message: 'm' });
    await session.edited('m', ['q']);
    expect(request.signal.aborted).toBe(false);
    expect(await session.edited('m', [])).toBe(true);
    expect([request.signal.aborted, words.request.signal.aborted]).toEqual([true, false]);
  });
});

test('removing a picture everywhere removes the answers to it in every message, also those that are not sent yet', async () => {
  const { session, begin, there } = start();
  const [here, again, other] = [picture('p', 'm'), picture('p', 'n'), picture('q', 'm')];
  const asked = begin({ message: 'm', pictures: [here, other] });
  const alone = begin({ message: 'n', pictures: [again] });
  await asked.request.reply({ text: 'p in m', about: here });
  await asked.request.reply({ text: 'q', about: other });
  await alone.request.reply({ text: 'p in n', about: again });
  expect(await session.pictureRemoved('p')).toBe(true);
  expect([there(), asked.request.signal.aborted, alone.request.signal.aborted]).toEqual([['q'], false, true]);
  expect(await asked.request.reply({ text: 'p again', about: here })).toBe(NO_MESSAGE);
  expect(await session.pictureRemoved('unknown')).toBe(false);
  expect(there()).toEqual(['q']);
});

test('a removed channel aborts the work in it, and no other', () => {
  const { session, begin } = start();
  const [here, there] = [begin({ channel: 'here' }), begin({ channel: 'there' })];
  session.channelRemoved('here');
  expect([here.request.signal.aborted, there.request.signal.aborted]).toEqual([true, false]);
});

describe('stopping', () => {
  test('waits for requests under way; people who ask during that time are told, and no work is started for them', async () => {
    const { session, begin, told } = start();
    const first = begin();
    const ends: string[] = [];
    let isStopped = false;
    const stopped = session.stop(new AbortController().signal).then(() => {
      isStopped = true;
    });
    expect(begin({ end: () => void ends.push('late') }).isTaken).toBe(false);
    session.begin({ channel: 'c', toRequest: () => expect.fail('begun') });
    await turn();
    expect(told).toEqual(['I am about to restart. Try again in a minute.']);
    expect([ends, isStopped, session.isStopping]).toEqual([['late'], false, true]);
    expect(first.request.signal.aborted).toBe(false);
    first.done();
    await stopped;
  });

  test('aborts unfinished work at its deadline', async () => {
    const { session, begin } = start();
    const { request } = begin();
    const deadline = new AbortController();
    const stopped = session.stop(deadline.signal);
    const reason = new Error('time is over');
    deadline.abort(reason);
    await stopped;
    expect(request.signal.reason).toBe(reason);
  });

  test('disconnects once all work has ended, and at the deadline in any case', async () => {
    const { session, begin, told } = start();
    const first = begin();
    const disconnect = vi.fn(async () => void begin());
    const stopped = session.stop(new AbortController().signal, disconnect);
    await turn();
    expect(disconnect).not.toHaveBeenCalled();
    first.done();
    await stopped;
    expect(disconnect).toHaveBeenCalledOnce();
    expect(told).toHaveLength(1);

    const late = start();
    late.begin();
    await late.session.stop(AbortSignal.abort(new Error('time is over')), disconnect);
    expect(disconnect).toHaveBeenCalledTimes(2);
  });

  test('disconnects after the work; people who ask until then are told before it ends', async () => {
    const { session, begin } = start();
    const first = begin();
    let disconnect = () => {};
    const disconnected = new Promise<void>((done) => (disconnect = done));
    const order: string[] = [];
    const stopped = session
      .stop(new AbortController().signal, () => {
        order.push('work is done');
        return disconnected;
      })
      .then(() => order.push('stopped'));
    await turn();
    expect(order).toEqual([]);
    first.done();
    await turn();
    let told = () => {};
    begin({ replyPrivately: () => new Promise<void>((done) => (told = done)).then(() => order.push('told')) });
    disconnect();
    await turn();
    told();
    await stopped;
    expect(order).toEqual(['work is done', 'told', 'stopped']);
  });

  test('tells people who ask in the last moment before its deadline, and does not wait for a connection that stays open', async () => {
    const { session, begin } = start();
    const deadline = new AbortController();
    const { request } = begin();
    const stopped = session.stop(deadline.signal, () => new Promise(() => {}));
    const told = vi.fn();
    begin({ replyPrivately: () => delay(200).then(told) });
    deadline.abort(new Error('time is over'));
    await stopped;
    expect([request.signal.aborted, told.mock.calls.length]).toEqual([true, 1]);
  });

  test('continues requests that it accepted before, and waits for other work on an event', async () => {
    const { session, begin, told } = start();
    let end = () => {};
    session.waitFor(new Promise<void>((done) => (end = done)));
    let isStopped = false;
    const stopped = session.stop(new AbortController().signal).then(() => (isStopped = true));
    const late = begin({ isAccepted: true });
    expect([late.isTaken, told]).toEqual([true, []]);
    late.done();
    await turn();
    expect(isStopped).toBe(false);
    end();
    await stopped;
  });

  test('passes on the error of other work that failed to end', async () => {
    const { session } = start();
    await expect(session.stop(new AbortController().signal, () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
  });
});

test('a failure at the end is logged and has no other effect', async () => {
  const { session, begin, log } = start();
  const end = () => Promise.reject(new Error('no end'));
  begin({ end }).done();
  await session.stop(new AbortController().signal);
  expect(log.join('')).toContain('no end');
});

/** A journal that keeps the ids of messages in a set. */
function journalOf(noted: Set<string>): Journal {
  return {
    begin: async ({ message }) => void noted.add(message),
    end: async ({ message }) => void noted.delete(message),
    markSuspect: async () => {},
    markWhisper: async () => {},
    takeOverJobs: async () => [],
    countOpen: async () => ({ count: 0 }),
    markSeen: () => {},
    lastSeen: async () => new Map(),
    close: async () => {},
  };
}

test('a noted job is deleted once it is settled, but not while it is being answered, or a picture that an edit has added', async () => {
  const noted = new Set<string>();
  const journal = journalOf(noted);
  const ends: (() => void)[] = [];
  const { session, begin } = start({ journal, dispatch: () => new Promise((resolve) => ends.push(resolve)) });
  const jobOf = (message: string) => ({ bot: 'b', place: 'c', message, kind: 'posted' }) as const;
  for (const message of ['m', 'n']) await session.note({ ...jobOf(message), files: [], begun: 1 });
  for (const id of ['p', 'added']) begin({ message: 'm', job: jobOf('m'), pictures: [picture(id, 'm')] });
  await turn();
  await session.settle(jobOf('m'));
  await session.settle(jobOf('n'));
  expect([...noted]).toEqual(['m']);
  ends[0]!();
  await turn();
  expect([...noted]).toEqual(['m']);
  ends[1]!();
  await session.stop(new AbortController().signal);
  expect([...noted]).toEqual([]);
});

test('a picture that an edit adds is looked for again where the first ones of its message are still being answered', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted' } as const;
  const revive = vi.fn(async () => ({ channel: 'c', message: 'm', job, toRequest: () => fakeRequest({}).request }));
  const ends: (() => void)[] = [];
  const noted = new Set<string>();
  const dispatch = () => new Promise<void>((resolve) => ends.push(resolve));
  const { session, begin } = start({ journal: journalOf(noted), dispatch, revive });
  begin({ message: 'm', job, pictures: [picture('p', 'm')] });
  await turn();
  // The event of the message itself comes again.
  await session.answerJobs([{ ...job, files: ['p'], begun: 1 }]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(revive).not.toHaveBeenCalled();
  await session.answerJobs([{ ...job, files: ['added'], begun: 1 }]);
  ends[0]!();
  await turn();
  expect([...noted]).toEqual(['m']);
  await vi.advanceTimersByTimeAsync(5000);
  expect([revive.mock.calls.length, ends.length]).toEqual([1, 2]);
  ends[1]!();
  await session.stop(new AbortController().signal);
  expect([...noted]).toEqual([]);
});

test('the same where those are being answered since their message was found later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted' } as const;
  const revive = vi.fn(async () => ({
    channel: 'c',
    message: 'm',
    job,
    toRequest: (signal: AbortSignal) => fakeRequest({ signal, attachments: [picture('p', 'm')] }).request,
  }));
  const ends: (() => void)[] = [];
  const dispatch = () => new Promise<void>((resolve) => ends.push(resolve));
  const { session } = start({ journal: journalOf(new Set()), dispatch, revive });
  const first = session.answerJobs([{ ...job, files: ['p'], begun: 1 }]);
  await turn();
  await session.answerJobs([{ ...job, files: ['p'], begun: 1 }]);
  await session.answerJobs([{ ...job, files: ['p', 'added'], begun: 1 }]);
  ends[0]!();
  await first;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(revive).toHaveBeenCalledTimes(2);
  ends[1]!();
  await session.stop(new AbortController().signal);
});

test('a picture that an edit adds while the bot stops is left to the next run, though its message is still being answered', async () => {
  const noted = new Set<string>();
  const journal = journalOf(noted);
  const ends: (() => void)[] = [];
  const { session, begin } = start({ journal, dispatch: () => new Promise((resolve) => ends.push(resolve)) });
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted' } as const;
  begin({ message: 'm', job, pictures: [picture('p', 'm')] });
  const stopped = session.stop(new AbortController().signal);
  await turn();
  session.begin({ channel: 'c', message: 'm', job, toRequest: () => fakeRequest({}).request });
  await turn();
  ends[0]!();
  await stopped;
  expect([ends.length, ...noted]).toEqual([1, 'm']);
});

test('a reply that only the asker sees is noted before it is sent, since the bot cannot look for it later', async () => {
  const done: string[] = [];
  const note = (what: string) => async () => void done.push(what);
  const journal: Journal = {
    begin: note('begin'),
    end: note('end'),
    markSuspect: note('suspect'),
    markWhisper: async (_, couldNot) => void done.push(couldNot ? 'not' : 'whisper'),
    takeOverJobs: async () => [],
    countOpen: async () => ({ count: 0 }),
    markSeen: () => {},
    lastSeen: async () => new Map(),
    close: async () => {},
  };
  const dispatch = async (request: Request) => {
    await request.reply({ text: 'for all' });
    await request.reply({ text: 'for one', private: true });
    await request.reply({ text: 'failing', private: true }).catch(() => {});
  };
  const { session, begin, say } = start({ journal, dispatch });
  const reply: typeof say = async (said) => {
    done.push(said.text);
    if (said.text === 'failing') throw new Error('no network');
    return await say(said);
  };
  begin({ message: 'm', job: { bot: 'b', place: 'c', message: 'm', kind: 'posted' }, reply });
  await session.stop(new AbortController().signal);
  expect(done).toEqual(['begin', 'for all', 'whisper', 'for one', 'whisper', 'failing', 'not']);
});

describe('an event', () => {
  afterEach(() => void vi.useRealTimers());

  test('is accepted once in a quarter of an hour, by any of its ids', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { session } = start();
    expect(session.claim('event:1', 'file:1')).toBe(true);
    expect(session.claim('event:2', 'file:1')).toBe(false);
    expect(session.claim('event:2')).toBe(false);
    vi.advanceTimersByTime(14 * 60_000);
    expect(session.claim('event:1')).toBe(false);
    vi.advanceTimersByTime(2 * 60_000);
    expect(session.claim('event:1')).toBe(true);
  });

  test('is remembered among five thousand', () => {
    const { session } = start();
    session.claim('first');
    for (let k = 0; k < 4999; k++) session.claim(String(k));
    expect(session.claim('first')).toBe(false);
    for (let k = 5000; k < 20_000; k++) session.claim(String(k));
    expect(session.claim('first')).toBe(true);
  });
});

test.each([
  [0, undefined],
  [7, { brokeDown: false }],
  [8, { brokeDown: true }],
])('a job over which %i workers were lost', async (lost, earlier) => {
  const seen: Request['earlier'][] = [];
  const { session } = start({
    dispatch: async (request) => void seen.push(request.earlier),
    revive: async () => ({ channel: 'c', toRequest: (signal) => fakeRequest({ signal }).request }),
  });
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted', files: [], begun: 0 } as const;
  await session.perform(job, turnOf({ lost, isAgain: lost > 0 }));
  expect(seen).toEqual([earlier]);
});

const turnOf = (more: Partial<Turn> = {}): Turn => ({
  lost: 0,
  isAgain: false,
  whispers: 0,
  isMine: async () => true,
  markWhisper: async () => {},
  ...more,
});

test.each([
  [0, 'said'],
  [1, 'said'],
  [2, 'left alone'],
] as const)(
  'a job of which %i workers may have said something to its asker alone is %s',
  async (whispers, expected) => {
    const events: string[] = [];
    const { session } = start({
      dispatch: async (request) => void (await request.reply({ text: 'too many', private: true })),
      revive: async () => ({
        channel: 'c',
        job: { bot: 'b', place: 'c', message: 'm', kind: 'posted' },
        toRequest: (signal) =>
          fakeRequest({
            signal,
            reply: async () => {
              events.push('said');
              return NO_MESSAGE;
            },
          }).request,
      }),
    });
    const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted', files: [], begun: 0 } as const;
    await session.perform(job, turnOf({ whispers, markWhisper: async () => void events.push('noted') }));
    expect(events).toEqual(expected === 'said' ? ['noted', 'said'] : []);
  },
);

test('an answer that somebody has removed is not given again where the rest of its message is tried again', async () => {
  const given: string[] = [];
  let isAway = true;
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted' } as const;
  const reply = async ({ about }: Reply): Promise<Posted> => {
    if (about!.id === 'q' && isAway) throw new Error('the chat is away');
    given.push(about!.id);
    return { id: about!.id, update: async () => true, remove: async () => {} };
  };
  const { session } = start({
    dispatch: async (request) => {
      for (const about of request.attachments) await request.reply({ text: '', about }).catch(() => {});
    },
    // As the platform finds it after somebody has removed the answer to the first picture.
    revive: async () => ({
      channel: 'c',
      message: 'm',
      job,
      toRequest: (signal) =>
        fakeRequest({ signal, attachments: [picture('p', 'm'), picture('q', 'm')], reply }).request,
    }),
  });
  const turn = turnOf({});
  await expect(session.perform({ ...job, files: ['p', 'q'], begun: 0 }, turn)).rejects.toThrow();
  isAway = false;
  await session.perform({ ...job, files: ['p', 'q'], begun: 0 }, turn);
  await session.perform({ ...job, files: ['p', 'q'], begun: 0 }, turn);
  expect(given).toEqual(['p', 'q']);
});

test('a reply to the asker alone that the chat refuses does not count for a worker', async () => {
  const noted: boolean[] = [];
  const { session } = start({
    dispatch: async (request) => void (await request.reply({ text: 'too many', private: true }).catch(() => {})),
    revive: async () => ({
      channel: 'c',
      job: { bot: 'b', place: 'c', message: 'm', kind: 'posted' },
      toRequest: (signal) =>
        fakeRequest({ signal, reply: () => Promise.reject(new Error('the chat is away')) }).request,
    }),
  });
  const job = { bot: 'b', place: 'c', message: 'm', kind: 'posted', files: [], begun: 0 } as const;
  const performed = session.perform(
    job,
    turnOf({ markWhisper: async (couldNot = false) => void noted.push(couldNot) }),
  );
  // It is to be tried again.
  await expect(performed).rejects.toThrow('could not be answered');
  expect(noted).toEqual([false, true]);
});
