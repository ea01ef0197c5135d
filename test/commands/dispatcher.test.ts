import { describe, expect, test, vi } from 'vitest';
import type { Access, Command, Options, Precondition } from '../../commands/command.ts';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { createCommands } from '../../commands/index.ts';
import { checkOptions } from '../../commands/options.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import type { Attachment } from '../../commands/request.ts';
import { ChatFailed, UserError } from '../../src/base/errors.ts';
import { createLogger, type LogLevel } from '../../src/base/log.ts';
import type { Happening, Observer } from '../../src/base/observing.ts';
import { architectureOf } from '../../src/emotion/architectures.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { fakeAttachment, fakeRequest } from '../fakes/request.ts';
import { fakeRules } from '../fakes/rules.ts';

function setUp(commands?: CommandRegistry, rules = fakeRules(), level: LogLevel = 'info', observe?: Observer) {
  const lines: string[] = [];
  const log = createLogger({ level, destination: { write: (line) => lines.push(line) } });
  const registry =
    commands ??
    createCommands({
      readPhoto: fakePhotoReader(),
      queue: new FairQueue({ concurrency: 1, maxWaiting: 5 }),
      maxBytes: 1_000_000,
      ...rules,
    });
  return {
    dispatcher: new Dispatcher(registry, log, observe),
    logged: () => lines.map((line) => JSON.parse(line)),
    lines,
  };
}

function command(run: Command['run'], access: Command['access'] = 'everyone', options: Command['options'] = []) {
  return new CommandRegistry([{ name: 'do', description: 'Does it', options, access, run }]);
}

async function photo(name: string) {
  const bytes = await plainPicture(64, 48);
  return { id: name, name, fetch: async () => bytes };
}

describe('a message', () => {
  test('every photo is answered, in order, and a mistake in one does not spoil the others', async () => {
    const attachments = [await photo('one.png'), fakeAttachment('notes.txt'), await photo('three.png')];
    const { request, replies } = fakeRequest({ attachments });
    await setUp().dispatcher.dispatch(request);
    expect(replies.map((reply) => reply.about?.name)).toEqual(['one.png', 'notes.txt', 'three.png']);
    expect(replies.map((reply) => reply.text.split('\n')[0])).toEqual([
      'one.png: 2 people',
      'notes.txt: That file is not a picture. Post a photo.',
      'three.png: 2 people',
    ]);
    expect(replies.every((reply) => reply.removable)).toBe(true);
  });

  test('without a photo or a command is told what to do', async () => {
    const { request, replies } = fakeRequest();
    await setUp().dispatcher.dispatch(request);
    expect(replies).toEqual([{ text: expect.stringContaining('Post a photo, or type /help'), private: true }]);
  });

  test('its later photos are left alone once it has been removed', async () => {
    const controller = new AbortController();
    const second = { ...(await photo('two.png')), fetch: vi.fn(async () => Buffer.alloc(0)) };
    const { request, replies } = fakeRequest({
      attachments: [await photo('one.png'), second],
      signal: controller.signal,
      reply: async () => {
        controller.abort();
        return { id: '1', update: async () => true, remove: async () => {} };
      },
    });
    const rules = fakeRules();
    const counted = vi.spyOn(rules.cooldown, 'take');
    await setUp(undefined, rules).dispatcher.dispatch(request);
    expect(second.fetch).not.toHaveBeenCalled();
    expect(counted).toHaveBeenCalledTimes(1);
    expect(replies).toEqual([]);
  });
});

describe('a command', () => {
  test('runs with its checked options', async () => {
    const run = vi.fn(async (_request: unknown, _options: Options) => {});
    const options = [{ name: 'count', type: 'integer', min: 1, max: 9, description: '' } as const];
    const { request } = fakeRequest({ command: { name: 'DO', input: 'count:3' } });
    await setUp(command(run, 'everyone', options)).dispatcher.dispatch(request);
    expect(run).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: request.id }), { count: 3 });
  });

  test('that is unknown is explained to the one who typed it', async () => {
    const { request, replies } = fakeRequest({ command: { name: 'dance' } });
    await setUp().dispatcher.dispatch(request);
    expect(replies).toEqual([
      {
        text: 'There is no command /dance. /help says what you can ask.',
        private: true,
      },
    ]);
  });

  test('/emotions with pictures in its message reads each of them', async () => {
    const attachments = [await photo('one.png'), await photo('two.png')];
    const { request, replies } = fakeRequest({ command: { name: 'emotions' }, attachments });
    await setUp().dispatcher.dispatch(request);
    expect(replies.map((reply) => reply.about?.name)).toEqual(['one.png', 'two.png']);
  });

  const help = async (input = '') => {
    const { request, replies } = fakeRequest({ command: { name: 'help', input } });
    await setUp().dispatcher.dispatch(request);
    expect(replies).toEqual([{ text: expect.any(String), private: true }]);
    return replies[0]!.text;
  };

  test('/help names each command in a line with an example that can be typed', async () => {
    const text = await help();
    const lines = text.split('\n').filter((line) => line.startsWith('/'));
    const registry = createCommands({} as Parameters<typeof createCommands>[0]);
    const told = lines.map((line) => line.replace(/^(\/\w+) – .*\. For example: (.*)$/, '$1: $2'));
    expect(told.map((line) => line.split(':')[0])).toEqual(registry.list().map(({ name }) => `/${name}`));
    expect(told).toContain('/emotions: /emotions');
    expect(told).toContain('/retrain: /retrain start architecture:vgg9 epochs:22');
    expect(told).toContain('/help: /help retrain');
    // The text fits on about one screen of a phone.
    expect(text).not.toMatch(/\d–\d|\|/);
    expect(text.length).toBeLessThan(120 + 200 * lines.length);
    for (const { name, options, example = '' } of registry.list())
      expect(() => checkOptions({ name, options }, example), name).not.toThrow();
  });

  test('/help with a name tells how each of its options is typed, and what networks are', async () => {
    expect(await help('emotions')).toMatch(
      /^\/emotions – .*\nFor example: .*\nIMAGE – The picture to read\nchannel: – For admins: .*: on, asked or off\nstats – For admins: how often people agree with the readings$/,
    );
    const lines = (await help('/retrain')).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^ACTION – .*: start, status, .* or rollback$/));
    expect(lines).toContainEqual(expect.stringMatching(/^epochs: – .*: 1 to 1000$/));
    expect(lines).toContainEqual(expect.stringMatching(/^clean: – .*: yes or no$/));
    for (const name of ['compact', 'vgg9', 'vgg9-wide', 'notebook', 'baseline'])
      expect(lines).toContain(`    ${name} – ${architectureOf(name).summary}`);
    expect(await help('emotion')).toBe('There is no command /emotion. Did you mean /emotions?');
  });

  test.each(['me', '/dance', 'me please: what is "this for', 'x '.repeat(500), 'about:you'])(
    '/help with words that name no command says so in a sentence, and then what /help says: %#',
    async (words) => {
      const [sentence, ...text] = (await help(words)).split('\n\n');
      expect(sentence).toMatch(/^That names none of my commands, so here is all that I do\.$/);
      expect(text.join('\n\n')).toBe(await help());
    },
  );

  test.each(['with retrain, please', 'command:retrain', '"retrain"', 'me /RETRAIN!'])(
    '/help with a command among other words explains that one: %j',
    async (words) => expect(await help(words)).toBe(await help('retrain')),
  );
});

describe('what holds for all pictures of a message', () => {
  test('too many photos: those within the bound are answered, the rest is refused once', async () => {
    const rules = fakeRules({ personPerMinute: 2 });
    const { dispatcher } = setUp(undefined, rules);
    const attachments = await Promise.all(['1.png', '2.png', '3.png', '4.png'].map(photo));
    const first = fakeRequest({ attachments });
    await dispatcher.dispatch(first.request);
    expect(first.replies.map((reply) => reply.about?.name)).toEqual(['1.png', '2.png', undefined]);
    expect(first.replies[2]).toEqual({ text: expect.stringMatching(/the next one in 30 seconds/), private: true });
    // Said once: the next messages are left alone, and those of others are answered.
    const second = fakeRequest({ attachments });
    await dispatcher.dispatch(second.request);
    expect(second.replies).toEqual([]);
    const other = fakeRequest({ attachments: [await photo('5.png')], userId: 'u2' });
    await dispatcher.dispatch(other.request);
    expect(other.replies).toHaveLength(1);
  });

  test('a poster who opted out: silence, or one sentence where they asked', async () => {
    const rules = fakeRules();
    await rules.settings.setOptedOut('test', 'u1', true);
    const attachments = [await photo('one.png'), await photo('two.png')];
    const posted = fakeRequest({ attachments });
    await setUp(undefined, rules).dispatcher.dispatch(posted.request);
    expect(posted.replies).toEqual([]);
    const asked = fakeRequest({ attachments, asked: true });
    await setUp(undefined, rules).dispatcher.dispatch(asked.request);
    expect(asked.replies).toEqual([{ text: expect.stringMatching(/^You opted out/), private: true }]);
  });

  test('a channel that is switched off: silence, or one sentence where somebody asked', async () => {
    const rules = fakeRules();
    await rules.settings.setChannelMode('test', 'c1', 'off');
    const attachments = [await photo('one.png'), await photo('two.png')];
    const posted = fakeRequest({ attachments });
    await setUp(undefined, rules).dispatcher.dispatch(posted.request);
    expect(posted.replies).toEqual([]);
    const asked = fakeRequest({ attachments, asked: true });
    await setUp(undefined, rules).dispatcher.dispatch(asked.request);
    expect(asked.replies).toEqual([{ text: expect.stringMatching(/^An admin has switched me off/), private: true }]);
  });

  test('a full queue is said once', async () => {
    const run = vi.fn(() => Promise.reject(new UserError('busy', 'Too many photos.')));
    const options = [{ name: 'image', type: 'picture', description: '' } as const];
    const attachments = [await photo('one.png'), await photo('two.png')];
    const { request, replies } = fakeRequest({ command: { name: 'do' }, attachments });
    await setUp(command(run, 'everyone', options)).dispatcher.dispatch(request);
    expect(replies).toEqual([{ text: 'Too many photos.', private: true }]);
    expect(run).toHaveBeenCalledOnce();
  });

  test.each([
    ['posted', {}, { about: expect.objectContaining({ name: 'one.png' }), removable: true }],
    ['asked about', { asked: true }, { private: true }],
  ])(
    'a full queue is said where a photo is %s: beside it, where a later run finds it, or to the asker alone',
    async (_, how, reply) => {
      const run = vi.fn(() => Promise.reject(new UserError('busy', 'Too many photos.')));
      const option = { name: 'image', type: 'picture', description: '' } as const;
      const registry = new CommandRegistry([
        { name: 'emotions', description: 'Does it', options: [option], access: 'everyone', run },
      ]);
      const { request, replies } = fakeRequest({ attachments: [await photo('one.png')], ...how });
      await setUp(registry).dispatcher.dispatch(request);
      expect(replies).toEqual([{ text: 'Too many photos.', ...reply }]);
    },
  );

  test('a command whose option stands alone runs once, whatever is posted with it', async () => {
    const attachments = [await photo('one.png'), await photo('two.png')];
    const { request, replies } = fakeRequest({
      command: { name: 'emotions', input: 'channel off' },
      attachments,
      admin: true,
    });
    await setUp().dispatcher.dispatch(request);
    expect(replies).toEqual([{ text: expect.stringMatching(/^From now on I read no photos here/) }]);
  });
});

describe('who may', () => {
  test.each<[Access, { admin?: boolean; operator?: boolean }, boolean]>([
    ['everyone', {}, true],
    ['admin', {}, false],
    ['admin', { admin: true }, true],
    ['operator', { admin: true }, false],
    ['operator', { operator: true }, true],
  ])('%s, asked by %j: %s', async (access, rights, allowed) => {
    const run = vi.fn(async () => {});
    const { request, replies } = fakeRequest({ command: { name: 'do' }, ...rights });
    await setUp(command(run, access)).dispatcher.dispatch(request);
    expect(run).toHaveBeenCalledTimes(allowed ? 1 : 0);
    expect(replies.map((reply) => reply.private)).toEqual(allowed ? [] : [true]);
  });

  test('the operator’s admins are told that a direct message is no place to ask', async () => {
    const { dispatcher } = setUp(command(async () => {}, 'operator'));
    const { request, replies } = fakeRequest({ command: { name: 'do' } });
    await dispatcher.dispatch(request);
    await dispatcher.dispatch({ ...request, channel: { ...request.channel, isDirect: true } });
    expect(replies.map((reply) => reply.text)).toEqual([
      '/do is for admins of the place that runs this bot.',
      '/do is for admins of the place that runs this bot: ask me there, not in a direct message.',
    ]);
  });

  test('/emotions channel is for admins only, and what they did not set stays', async () => {
    const rules = fakeRules();
    const { dispatcher } = setUp(undefined, rules);
    const set = { name: 'emotions', input: 'channel off' };
    const stranger = fakeRequest({ command: set });
    await dispatcher.dispatch(stranger.request);
    expect(stranger.replies).toEqual([{ text: expect.stringMatching(/^Only an admin/), private: true }]);
    expect(await rules.settings.channelMode('test', 'c1')).toBe('on');
    await dispatcher.dispatch(fakeRequest({ command: set, admin: true }).request);
    expect(await rules.settings.channelMode('test', 'c1')).toBe('off');
  });

  test('may depend on the options', async () => {
    const run = vi.fn(async () => {});
    const options = [{ name: 'set', type: 'switch', description: '' } as const];
    const registry = command(run, (given) => (given.set ? 'admin' : 'everyone'), options);
    const { dispatcher } = setUp(registry);
    await dispatcher.dispatch(fakeRequest({ command: { name: 'do' } }).request);
    expect(run).toHaveBeenCalledTimes(1);
    await dispatcher.dispatch(fakeRequest({ command: { name: 'do', input: 'set' } }).request);
    expect(run).toHaveBeenCalledTimes(1);
  });
});

describe('what must hold before a command runs', () => {
  const setUpWith = (...preconditions: Precondition[]) => {
    const run = vi.fn(async (_request: unknown, _options: Options) => {});
    const options = [
      { name: 'image', type: 'picture', latest: true, description: '' },
      { name: 'set', type: 'switch', alone: true, description: '' },
    ] as const;
    const registry = new CommandRegistry([
      { name: 'do', description: 'Does it', options, access: 'everyone', preconditions, run },
    ]);
    return { run, ...setUp(registry) };
  };

  test('is asked in order, up to the first that does not hold: then there is silence', async () => {
    const later = vi.fn(() => true);
    const { dispatcher, run } = setUpWith(() => false, later);
    const { request, replies } = fakeRequest({ command: { name: 'do' }, attachments: [await photo('a.png')] });
    await dispatcher.dispatch(request);
    expect([run, later].map((mock) => mock.mock.calls.length)).toEqual([0, 0]);
    expect(replies).toEqual([]);
  });

  test('may refuse one picture of several with a sentence', async () => {
    const { dispatcher, run } = setUpWith(async (_, picture) => {
      if ((await picture())?.name === 'b.png') throw new UserError('not-allowed', 'Not that one.');
      return true;
    });
    const attachments = await Promise.all(['a.png', 'b.png', 'c.png'].map(photo));
    const { request, replies } = fakeRequest({ command: { name: 'do' }, attachments });
    await dispatcher.dispatch(request);
    expect(replies).toMatchObject([{ text: 'b.png: Not that one.', about: attachments[1] }]);
    expect(run.mock.calls.map(([, options]) => options)).toEqual([
      { image: attachments[0] },
      { image: attachments[2] },
    ]);
  });

  test('the latest picture is looked up once, and not before something asks for it', async () => {
    const latest = await photo('latest.png');
    const seen = vi.fn();
    const { dispatcher, run } = setUpWith(
      (request) => {
        expect(request.latestImages).not.toHaveBeenCalled();
        return true;
      },
      async (_, picture) => {
        seen(await picture());
        return true;
      },
    );
    const { request } = fakeRequest({ command: { name: 'do' } });
    const latestImages = vi.fn(async () => [latest]);
    const asking = { ...request, latestImages };
    await dispatcher.dispatch(asking);
    expect(latestImages).toHaveBeenCalledExactlyOnceWith(1);
    expect(seen).toHaveBeenCalledExactlyOnceWith(latest);
    expect(run).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: asking.id }), { image: latest });
  });

  test('is not asked where an option stands alone', async () => {
    const { dispatcher, run } = setUpWith(() => false);
    await dispatcher.dispatch(fakeRequest({ command: { name: 'do', input: 'set' } }).request);
    expect(run).toHaveBeenCalledExactlyOnceWith(expect.anything(), { set: true });
  });
});

describe('an error', () => {
  test('a person’s mistake becomes its sentence and no error in the log', async () => {
    const { dispatcher, logged } = setUp(command(() => Promise.reject(new UserError('busy', 'Try again later.'))));
    const { request, replies } = fakeRequest({ command: { name: 'do' } });
    await dispatcher.dispatch(request);
    expect(replies.map((reply) => reply.text)).toEqual(['Try again later.']);
    expect(logged().map(({ level, code }) => [level, code])).toEqual([['info', 'busy']]);
  });

  test('a word of somebody’s message that is no command does not stand in the log', async () => {
    const { dispatcher, lines, logged } = setUp(undefined, fakeRules(), 'trace');
    const { request, replies } = fakeRequest({ command: { name: 'annasmith', input: 'loves ben' } });
    await dispatcher.dispatch(request);
    expect(replies[0]!.text).toContain('annasmith');
    expect(lines.join('')).not.toMatch(/annasmith|ben/);
    expect(logged()).toContainEqual(expect.objectContaining({ command: 'unknown', code: 'bad-usage' }));
  });

  test('what caused a mistake stands in the log', async () => {
    const cause = new Error('connection refused');
    const { dispatcher, logged } = setUp(
      command(() => Promise.reject(new UserError('busy', 'Try again later.', { cause }))),
    );
    await dispatcher.dispatch(fakeRequest({ command: { name: 'do' } }).request);
    expect(logged()).toMatchObject([{ level: 'info', code: 'busy', err: { message: 'connection refused' } }]);
  });

  test('a bug becomes an id that stands in the log, and nothing of it in the reply', async () => {
    const { dispatcher, logged } = setUp(command(() => Promise.reject(new TypeError('x is not a function'))));
    const { request, replies } = fakeRequest({ command: { name: 'do' } });
    await dispatcher.dispatch(request);
    const [entry] = logged();
    expect(entry).toMatchObject({ level: 'error', command: 'do', err: { message: 'x is not a function' } });
    expect(entry.requestId).toMatch(/^[0-9a-f]{8}$/);
    expect(replies[0]!.text).toContain(entry.requestId);
    expect(replies[0]!.text).not.toContain('x is not');
  });

  test('a rejected question about rights is a bug like any other', async () => {
    const { dispatcher, logged } = setUp(command(async () => {}, 'admin'));
    const fake = fakeRequest({ command: { name: 'do' } });
    const user = { ...fake.request.user, isAdmin: () => Promise.reject(new Error('the platform is down')) };
    await dispatcher.dispatch({ ...fake.request, user });
    expect(logged()[0]).toMatchObject({ level: 'error', err: { message: 'the platform is down' } });
    expect(fake.replies).toHaveLength(1);
  });

  test('never rejects, even where the reply cannot be sent', async () => {
    const { dispatcher, logged } = setUp();
    const { request } = fakeRequest({
      command: { name: 'help' },
      reply: () => Promise.reject(new Error('no permission to write here')),
    });
    await expect(dispatcher.dispatch(request)).resolves.toBeUndefined();
    expect(logged().map(({ msg }) => msg)).toEqual(['a request failed', 'a reply could not be sent']);
  });

  test('what happens after the request was given up stays silent', async () => {
    const controller = new AbortController();
    const registry = command(async () => {
      controller.abort();
      throw new Error('aborted');
    });
    const { dispatcher, lines } = setUp(registry);
    const { request, replies } = fakeRequest({ command: { name: 'do' }, signal: controller.signal });
    await dispatcher.dispatch(request);
    expect([replies, lines]).toEqual([[], []]);
  });
});

describe('a temporary error', () => {
  const busyHost = async (name: string): Promise<Attachment> => ({
    ...(await photo(name)),
    isPicture: () => Promise.reject(new UserError('busy', 'not at the moment')),
  });

  test.each<[string, Parameters<typeof fakeRequest>[0], ReturnType<typeof fakeRules>, number, number]>([
    ['a chat that fails', { reply: () => Promise.reject(new ChatFailed(new Error('503'))) }, fakeRules(), 1, 0],
    ['settings that cannot be asked', {}, fakeRules({ broken: true }), 1, 0],
    ['settings that cannot be asked, where somebody asked', { asked: true }, fakeRules({ broken: true }), 0, 1],
  ])('%s: a posted photo is answered later, and only who asked is told', async (_, options, rules, later, told) => {
    const tryAgain = vi.fn();
    const { request, replies } = fakeRequest({ attachments: [await photo('a.png')], tryAgain, ...options });
    await setUp(undefined, rules).dispatcher.dispatch(request);
    expect([tryAgain.mock.calls.length, replies.length]).toEqual([later, told]);
  });

  test('a file whose host fails before it is known to be a picture is looked at later, others at once', async () => {
    const tryAgain = vi.fn();
    const attachments = [await busyHost('a'), await photo('b.png')];
    const { request, replies } = fakeRequest({ attachments, tryAgain });
    await setUp().dispatcher.dispatch(request);
    expect(tryAgain).toHaveBeenCalledOnce();
    expect(replies.map((reply) => reply.about?.name)).toEqual(['b.png']);
  });

  test('where it cannot be answered later, its asker is told', async () => {
    const { request, replies } = fakeRequest({ attachments: [await photo('a.png')] });
    await setUp(undefined, fakeRules({ broken: true })).dispatcher.dispatch(request);
    expect(replies).toMatchObject([{ text: expect.stringContaining('I cannot look up at the moment') }]);
  });
});

describe('what is reported about a request', () => {
  test('each request has an id of its own in all that is logged of it, in the queue behind another one too', async () => {
    const { dispatcher, logged } = setUp(undefined, undefined, 'debug');
    const requests = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const { request } = fakeRequest({ attachments: [await photo(`${name}.png`)], userId: name });
        return { ...request, id: name };
      }),
    );
    await Promise.all(requests.map((request) => dispatcher.dispatch(request)));
    const lines = logged();
    const ids = new Map(lines.filter(({ request }) => request).map((line) => [line.request, line.requestId]));
    expect(new Set(ids.values()).size).toBe(3);
    for (const id of ids.values()) {
      const own = lines.filter(({ requestId }) => requestId === id);
      expect(own.map(({ step, outcome, msg }) => step ?? outcome ?? msg)).toEqual([
        'a request came in',
        'wait',
        'download',
        'reply',
        'answered',
      ]);
    }
  });

  test('how each ended, its steps, and nothing of whom or what it was about', async () => {
    const told: Happening[] = [];
    const failing = command(() => Promise.reject(new TypeError('x')));
    const { dispatcher } = setUp(undefined, undefined, 'silent', (happening) => told.push(happening));
    const removed = new AbortController();
    const gone = {
      ...fakeAttachment('gone.png'),
      fetch: async () => {
        removed.abort();
        return Buffer.alloc(0);
      },
    };
    await dispatcher.dispatch(
      fakeRequest({ attachments: [await photo('one.png'), fakeAttachment('notes.txt')] }).request,
    );
    await dispatcher.dispatch(fakeRequest({ attachments: [gone], signal: removed.signal }).request);
    await dispatcher.dispatch(fakeRequest({ command: { name: 'nonsense' } }).request);
    await setUp(failing, undefined, 'silent', (happening) => told.push(happening)).dispatcher.dispatch(
      fakeRequest({ command: { name: 'do' } }).request,
    );
    await setUp(
      command(async () => {}),
      undefined,
      'silent',
      (happening) => told.push(happening),
    ).dispatcher.dispatch(fakeRequest({ command: { name: 'do' } }).request);
    expect(told.filter(({ kind }) => kind === 'outcome')).toEqual([
      { kind: 'outcome', platform: 'test', outcome: 'answered' },
      { kind: 'outcome', platform: 'test', outcome: 'refused', code: 'not-a-picture' },
      { kind: 'outcome', platform: 'test', outcome: 'gone' },
      { kind: 'outcome', platform: 'test', outcome: 'refused', code: 'bad-usage' },
      { kind: 'outcome', platform: 'test', outcome: 'failed' },
      { kind: 'outcome', platform: 'test', outcome: 'silent' },
    ]);
    const steps = told.flatMap((happening) => (happening.kind === 'step' ? [happening.step] : []));
    expect(steps).toEqual(['wait', 'download', 'reply', 'wait', 'download', 'wait', 'download']);
    expect(JSON.stringify(told)).not.toMatch(/png|notes|Ada|request-1/);
  });
});

test('a command that another process has taken on is left to it, but not one of an earlier run, nor a photo', async () => {
  const done: string[] = [];
  const commands = command(async ({ id }) => void done.push(id));
  const asked: string[] = [];
  const dispatcher = new Dispatcher(commands, createLogger({ level: 'silent' }), undefined, async (what) => {
    asked.push(what);
    return false;
  });
  const { request, replies } = fakeRequest({ command: { name: 'do' } });
  await dispatcher.dispatch({ ...request, id: 'new' });
  await dispatcher.dispatch({ ...request, id: 'left', earlier: { brokeDown: false } });
  expect(done).toEqual(['left']);
  expect(replies).toEqual([]);
  await dispatcher.dispatch(fakeRequest().request);
  expect(asked).toEqual(['test new']);
});
