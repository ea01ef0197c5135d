import sharp from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import type { Options } from '../../commands/command.ts';
import { emotionsCommand, type PhotoServices } from '../../commands/emotions.ts';
import { prepare } from '../../commands/preconditions.ts';
import type { Attachment, Request } from '../../commands/request.ts';
import { NotYet, type UserError } from '../../src/base/errors.ts';
import { WorkerDied } from '../../src/base/workers.ts';
import { FairQueue } from '../../src/work/queue.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { fakeAttachment, fakeRequest } from '../fakes/request.ts';
import { fakeRules } from '../fakes/rules.ts';

const services = (overrides: Partial<PhotoServices> = {}): PhotoServices => ({
  readPhoto: fakePhotoReader(),
  queue: new FairQueue({ concurrency: 1, maxWaiting: 5 }),
  maxBytes: 1000,
  ...fakeRules(),
  ...overrides,
});

/** Asks as the dispatcher does: preconditions first. */
async function ask(given: PhotoServices, request: Request, options: Options): Promise<void> {
  const command = emotionsCommand(given);
  const ready = await prepare(request, command, options);
  if (ready !== undefined) await command.run(request, ready);
}

async function photo(name: string, width = 64): Promise<Attachment> {
  const bytes = await plainPicture(width, 48);
  return { id: name, name, fetch: async () => bytes };
}

describe('/emotions', () => {
  test('reads the picture that is given', async () => {
    const image = await photo('party.photo.png');
    const { request, replies, progress } = fakeRequest({ latest: [await photo('other.png')] });
    await ask(services(), request, { image });
    expect(replies).toHaveLength(1);
    expect(replies[0]!.text).toMatch(/^2 people\n1\. happy 93 %\n2\. unsure: /);
    expect(replies[0]!.about).toBe(image);
    const [picture] = replies[0]!.pictures!;
    expect(picture).toMatchObject({ name: 'party.photo-emotions.jpg', mime: 'image/jpeg' });
    expect(await sharp(picture!.bytes).metadata()).toMatchObject({ width: 64, height: 48, format: 'jpeg' });
    expect(progress).toEqual(['Looking for faces in party.photo.png…']);
  });

  test('without one reads the latest in the channel', async () => {
    const latest = await photo('latest.png');
    const { request, replies } = fakeRequest({ latest: [latest, await photo('older.png')] });
    await ask(services(), request, {});
    expect(replies.map((reply) => reply.about)).toEqual([latest]);
  });

  test('where there is none says so', async () => {
    const { request } = fakeRequest();
    await expect(ask(services(), request, {})).rejects.toMatchObject({ code: 'no-picture' });
  });

  test('a photo without a face is answered without a picture', async () => {
    const { request, replies } = fakeRequest();
    await ask(services(), request, { image: await photo('wall.png', 16) });
    expect(replies[0]!.text).toContain('no face');
    expect(replies[0]!.pictures ?? []).toEqual([]);
  });

  test('photos of other channels wait for none that wait in a busy one, its threads included', async () => {
    const given = services({ queue: new FairQueue({ concurrency: 1, maxWaiting: 50 }) });
    const image = await photo('a.png');
    const order: string[] = [];
    const post = async (channelId: string, parentId?: string) => {
      const { request } = fakeRequest({ channelId, userId: `u${order.length}`, ...(parentId && { parentId }) });
      await ask(given, request, { image });
      order.push(parentId ?? channelId);
    };
    const busy = Array.from({ length: 6 }, (_, k) => (k % 2 === 0 ? post('busy') : post('thread', 'busy')));
    await Promise.all([...busy, post('quiet')]);
    expect(order.indexOf('quiet')).toBe(1);
  });

  test('of large files, and of those whose size is not told, one is loaded or read at a time; small ones beside it', async () => {
    const given = services({ queue: new FairQueue({ concurrency: 4, maxWaiting: 50 }), maxBytes: 32 * 2 ** 20 });
    const bytes = await plainPicture(64, 48);
    const sizes = { huge: 30 * 2 ** 20, untold: undefined, phone: 8 * 2 ** 20, screenshot: 2 ** 20 };
    const loaded: string[] = [];
    let goOn = () => {};
    const paused = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const post = async (name: keyof typeof sizes) => {
      const { request, replies } = fakeRequest({ userId: name });
      const size = sizes[name];
      const fetch = async ({ maxBytes }: { maxBytes: number }) => {
        loaded.push(`${name} <= ${maxBytes / 2 ** 20}`);
        if (name === 'huge') await paused;
        return bytes;
      };
      await ask(given, request, { image: { id: name, name, fetch, ...(size && { size }) } });
      return replies.length;
    };
    const large = [post('huge'), post('untold')];
    expect(await Promise.all([post('phone'), post('screenshot')])).toEqual([1, 1]);
    expect(loaded).toEqual(['huge <= 32', 'phone <= 10', 'screenshot <= 10']);
    goOn();
    expect(await Promise.all(large)).toEqual([1, 1]);
    expect(loaded.at(-1)).toBe('untold <= 32');
  });

  test('a photo whose host is busy holds no place while it waits, and is tried again', async () => {
    const bytes = await plainPicture(64, 48);
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
    const given = services({ queue });
    let loads = 0;
    const held: number[] = [];
    const fetch = async () => {
      held.push(queue.running);
      // The first pause is long enough for another photo on a busy machine.
      if (++loads < 3) throw new NotYet('Not yet.', loads === 1 ? 2000 : 10);
      return bytes;
    };
    const { request, replies } = fakeRequest({ userId: 'ann' });
    const slow = ask(given, request, { image: { id: '1', name: 'slow.png', fetch } });
    await expect.poll(() => loads).toBe(1);
    const other = fakeRequest({ userId: 'ben' });
    await ask(given, other.request, { image: await photo('other.png') });
    expect([other.replies.length, loads]).toEqual([1, 1]);
    expect(queue.running).toBe(0);
    await slow;
    expect([replies.length, loads, held]).toEqual([1, 3, [1, 1, 1]]);
  });

  test.each([
    ['asks for long', 61_000, 1],
    ['is busy again and again', 1, 3],
  ])('a host that %s is told of', async (_what, pauseMs, tries) => {
    const fetch = vi.fn(() => Promise.reject(new NotYet('Not yet.', pauseMs)));
    const asked = ask(services(), fakeRequest().request, { image: { id: '1', name: 'a.png', fetch } });
    await expect(asked).rejects.toMatchObject({ code: 'busy', message: 'Not yet.' });
    expect(fetch).toHaveBeenCalledTimes(tries);
  });

  test('a photo that is removed while its host is waited for is given up at once', { timeout: 10_000 }, async () => {
    const removal = new AbortController();
    const fetch = vi.fn(() => Promise.reject(new NotYet('Not yet.', 50_000)));
    const { request } = fakeRequest({ signal: removal.signal });
    const asked = ask(services(), request, { image: { id: '1', name: 'a.png', fetch } });
    await expect.poll(() => fetch.mock.calls.length).toBe(1);
    const reason = new Error('removed');
    removal.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  test('a picture that crashes the thread which reads it is refused with a sentence, and not read again', async () => {
    const readPhoto = vi.fn(async () => {
      throw new WorkerDied('a thread ended');
    });
    const given = services({ readPhoto });
    const command = emotionsCommand(given);
    const image = await photo('a.png');
    for (const _ of [1, 2]) {
      const asked = command.run(fakeRequest().request, { image });
      await expect(asked).rejects.toMatchObject({
        code: 'broke-down',
        message: expect.stringContaining('do not try it again'),
      });
    }
    expect(readPhoto).toHaveBeenCalledOnce();
    await expect(command.run(fakeRequest().request, { image: await photo('b.png') })).rejects.toBeDefined();
    expect(readPhoto).toHaveBeenCalledTimes(2);
  });

  test('a picture that crashed the bot before is not loaded again, and the bot says so', async () => {
    const fetch = vi.fn();
    const { request } = fakeRequest();
    const again = { ...request, earlier: { brokeDown: true } };
    await expect(ask(services(), again, { image: { id: '1', name: 'a.png', fetch } })).rejects.toMatchObject({
      code: 'broke-down',
    });
    expect(fetch).not.toHaveBeenCalled();
  });

  test('loads the file with the bound on its size, and only when its turn has come', async () => {
    const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
    let free!: () => void;
    const busy = queue.run(() => new Promise<void>((done) => (free = done)));
    const bytes = await plainPicture(64, 48);
    const fetch = vi.fn(async () => bytes);
    const { request } = fakeRequest();
    const run = ask(services({ queue }), request, { image: { id: '1', name: 'a.png', fetch } });
    await new Promise((done) => setTimeout(done, 10));
    expect(fetch).not.toHaveBeenCalled();
    free();
    await Promise.all([busy, run]);
    expect(fetch).toHaveBeenCalledExactlyOnceWith({ maxBytes: 1000, signal: request.signal });
  });

  test('says nothing once nobody waits for the answer any more', async () => {
    const controller = new AbortController();
    const { request, replies } = fakeRequest({ signal: controller.signal });
    const run = ask(services({ readPhoto: fakePhotoReader(10_000) }), request, {
      image: await photo('a.png'),
    });
    controller.abort(new Error('message removed'));
    await expect(run).rejects.toThrow();
    expect(replies).toEqual([]);
  });

  test('passes on what is wrong with the file', async () => {
    const { request } = fakeRequest();
    const run = ask(services(), request, { image: fakeAttachment('notes.txt') });
    await expect(run).rejects.toMatchObject({ name: 'UserError', code: 'not-a-picture' });
  });
});

describe('/emotions channel:…', () => {
  const setMode = async (mode: string, given: PhotoServices, options: Parameters<typeof fakeRequest>[0] = {}) => {
    const { request, replies } = fakeRequest({ command: { name: 'emotions' }, ...options });
    await ask(given, request, { channel: mode });
    return replies;
  };

  test('is for admins, and everybody in the channel reads what has been set', async () => {
    const { access } = emotionsCommand(services()) as { access: (options: object) => string };
    expect([access({}), access({ channel: 'off' })]).toEqual(['everyone', 'admin']);
    for (const [mode, words] of [
      ['on', /^From now on I answer every photo/],
      ['asked', /only when somebody asks me/],
      ['off', /^From now on I read no photos here/],
    ] as const) {
      const replies = await setMode(mode, services());
      expect(replies).toEqual([{ text: expect.stringMatching(words) }]);
    }
  });

  test.each([
    ['on', 'posted', 'answer'],
    ['on', 'asked', 'answer'],
    ['on', 'command', 'answer'],
    ['asked', 'posted', 'silence'],
    ['asked', 'asked', 'answer'],
    ['asked', 'command', 'answer'],
    ['off', 'posted', 'silence'],
    ['off', 'asked', 'refusal'],
    ['off', 'command', 'refusal'],
  ] as const)('%s: a photo that is %s gets %s', async (mode, how, what) => {
    const given = services();
    await setMode(mode, given);
    const image = await photo('a.png');
    const { request, replies, progress } = fakeRequest({
      ...(how === 'command' ? { command: { name: 'emotions' } } : { attachments: [image], asked: how === 'asked' }),
    });
    const run = ask(given, request, { image });
    if (what === 'refusal') await expect(run).rejects.toMatchObject({ name: 'UserError', code: 'switched-off' });
    else await run;
    expect(replies).toHaveLength(what === 'answer' ? 1 : 0);
    expect(progress).toHaveLength(what === 'answer' ? 1 : 0);
  });

  test('holds for that channel and its threads only', async () => {
    const given = services();
    await setMode('off', given, { channelId: 'c1' });
    const image = await photo('a.png');
    const thread = fakeRequest({ attachments: [image], channelId: 't1', parentId: 'c1' });
    await ask(given, thread.request, { image });
    expect(thread.replies).toEqual([]);
    const elsewhere = fakeRequest({ attachments: [image], channelId: 'c2' });
    await ask(given, elsewhere.request, { image });
    expect(elsewhere.replies).toHaveLength(1);
    // An admin who says it in a thread means the channel.
    await setMode('on', given, { channelId: 't1', parentId: 'c1' });
    const again = fakeRequest({ attachments: [image], channelId: 'c1' });
    await ask(given, again.request, { image });
    expect(again.replies).toHaveLength(1);
  });
});

test.each(['off', 'asked'] as const)(
  'a photo that waits for its turn while its channel is set to %s is neither loaded nor answered',
  async (mode) => {
    const readPhoto = vi.fn(fakePhotoReader());
    const given = services({ readPhoto });
    let free!: () => void;
    const busy = given.queue.run(() => new Promise<void>((done) => (free = done)));
    const fetch = vi.fn(async () => await plainPicture(64, 48));
    const image = { id: '1', name: 'a.png', fetch };
    const { request, replies } = fakeRequest({ attachments: [image] });
    const run = ask(given, request, { image });
    await expect.poll(() => given.queue.waiting).toBe(1);
    await given.settings.setChannelMode('test', request.channel.id, mode);
    free();
    await Promise.all([busy, run]);
    expect(fetch).not.toHaveBeenCalled();
    expect(readPhoto).not.toHaveBeenCalled();
    expect(replies).toEqual([]);
  },
);

describe('somebody who opted out', () => {
  async function optedOut(person: string) {
    const readPhoto = vi.fn(fakePhotoReader());
    const given = services({ readPhoto });
    await given.settings.setOptedOut('test', person, true);
    const fetch = vi.fn(async () => await plainPicture(64, 48));
    return { given, readPhoto, fetch, emotions: (request: Request, options: Options) => ask(given, request, options) };
  }

  test('posts a photo, and nothing happens: it is not even loaded', async () => {
    const { emotions, readPhoto, fetch } = await optedOut('u1');
    const image = { id: '1', name: 'a.png', fetch };
    const { request, replies, progress } = fakeRequest({ attachments: [image] });
    await emotions(request, { image });
    expect([replies, progress]).toEqual([[], []]);
    expect(fetch).not.toHaveBeenCalled();
    expect(readPhoto).not.toHaveBeenCalled();
  });

  test('asks for their own photo, and is told how to opt in again', async () => {
    const { emotions, fetch } = await optedOut('u1');
    const { request } = fakeRequest({ command: { name: 'emotions' } });
    const run = emotions(request, { image: { id: '1', name: 'a.png', fetch } });
    await expect(run).rejects.toMatchObject({ code: 'opted-out', message: expect.stringContaining('/privacy opt-in') });
    expect(fetch).not.toHaveBeenCalled();
  });

  test('is left alone when somebody else asks for the latest picture', async () => {
    const { emotions, fetch, readPhoto } = await optedOut('shy');
    const latest = { id: '1', name: 'a.png', postedBy: 'shy', fetch };
    const { request, replies } = fakeRequest({ command: { name: 'emotions' }, latest: [latest] });
    const run = emotions(request, {});
    await expect(run).rejects.toMatchObject({ code: 'opted-out', message: expect.stringContaining('Whoever posted') });
    await expect(run).rejects.not.toThrow(/shy/);
    expect(fetch).not.toHaveBeenCalled();
    expect(readPhoto).not.toHaveBeenCalled();
    expect(replies).toEqual([]);
  });

  test('may still ask for the photos of others', async () => {
    const { emotions, fetch } = await optedOut('u1');
    const latest = { id: '1', name: 'a.png', postedBy: 'somebody', fetch };
    const { request, replies } = fakeRequest({ command: { name: 'emotions' }, latest: [latest] });
    await emotions(request, {});
    expect(replies).toHaveLength(1);
  });

  test('while their photo is being loaded is not read any more', async () => {
    const { given, emotions, readPhoto } = await optedOut('somebody else');
    const fetch = async () => {
      await given.settings.setOptedOut('test', 'u1', true);
      return await plainPicture(64, 48);
    };
    const image = { id: '1', name: 'a.png', fetch };
    const { request, replies } = fakeRequest({ attachments: [image] });
    await emotions(request, { image });
    expect(readPhoto).not.toHaveBeenCalled();
    expect(replies).toEqual([]);
  });

  test('while their photo is being read gets no answer', async () => {
    const { given, emotions, readPhoto } = await optedOut('somebody else');
    const read = fakePhotoReader();
    readPhoto.mockImplementation(async (...photo) => {
      await given.settings.setOptedOut('test', 'u1', true);
      return await read(...photo);
    });
    const image = { id: '1', name: 'a.png', fetch: async () => await plainPicture(64, 48) };
    const { request, replies } = fakeRequest({ attachments: [image] });
    await emotions(request, { image });
    expect(readPhoto).toHaveBeenCalledOnce();
    expect(replies).toEqual([]);
  });

  test('while their photo waits for its turn is not read any more, nor loaded', async () => {
    const { given, emotions, fetch, readPhoto } = await optedOut('somebody else');
    let free!: () => void;
    const busy = given.queue.run(() => new Promise<void>((done) => (free = done)));
    const image = { id: '1', name: 'a.png', fetch };
    const { request, replies } = fakeRequest({ attachments: [image] });
    const run = emotions(request, { image });
    await expect.poll(() => given.queue.waiting).toBe(1);
    await given.settings.setOptedOut('test', 'u1', true);
    free();
    await Promise.all([busy, run]);
    expect(fetch).not.toHaveBeenCalled();
    expect(readPhoto).not.toHaveBeenCalled();
    expect(replies).toEqual([]);
  });

  test('is not forgotten where nobody can look it up: then nothing is read', async () => {
    const given = services(fakeRules({ broken: true }));
    const fetch = vi.fn(async () => await plainPicture(64, 48));
    const image = { id: '1', name: 'a.png', fetch };
    const { request } = fakeRequest({ attachments: [image] });
    await expect(ask(given, request, { image })).rejects.toMatchObject({ code: 'busy' });
    expect(fetch).not.toHaveBeenCalled();
  });
});

test('a file that is no picture as far as its first bytes tell is passed over in silence, unless somebody asks about it', async () => {
  const image: Attachment = { ...(await photo('raw.bin')), isPicture: async () => false };
  for (const [options, answers] of [
    [{}, 0],
    [{ asked: true }, 1],
    [{ command: { name: 'emotions' } }, 1],
  ] as const) {
    const { request, replies } = fakeRequest(options);
    await ask(services(), request, { image });
    expect(replies, JSON.stringify(options)).toHaveLength(answers);
  }
});

describe('too many photos', () => {
  const runWith = async (given: PhotoServices, options: Parameters<typeof fakeRequest>[0] = {}) => {
    const image = await photo('a.png');
    const { request, replies } = fakeRequest({ attachments: [image], ...options });
    const code = await ask(given, request, { image }).then(
      () => undefined,
      (error: unknown) => (error as UserError).code,
    );
    return { code, answers: replies.length };
  };

  test('of one person: one refusal for those posted, one each for those asked', async () => {
    const given = services(fakeRules({ personPerMinute: 1 }));
    expect(await runWith(given)).toEqual({ code: undefined, answers: 1 });
    expect(await runWith(given)).toEqual({ code: 'cooldown', answers: 0 });
    expect(await runWith(given)).toEqual({ code: undefined, answers: 0 });
    expect(await runWith(given, { command: { name: 'emotions' } })).toEqual({ code: 'cooldown', answers: 0 });
    expect(await runWith(given, { userId: 'u2' })).toEqual({ code: undefined, answers: 1 });
  });

  test('in one channel, its threads included', async () => {
    const given = services(fakeRules({ channelPerMinute: 1 }));
    expect(await runWith(given)).toEqual({ code: undefined, answers: 1 });
    expect(await runWith(given, { userId: 'u2', channelId: 't1', parentId: 'c1' })).toEqual({
      code: 'cooldown',
      answers: 0,
    });
    expect(await runWith(given, { userId: 'u2', channelId: 'c2' })).toEqual({ code: undefined, answers: 1 });
  });

  test('do not exist for a person who has the bot for themselves', async () => {
    const given = services(fakeRules({ personPerMinute: 1, channelPerMinute: 1 }));
    for (let k = 0; k < 5; k++) expect(await runWith(given, { alone: true })).toEqual({ code: undefined, answers: 1 });
  });

  test('what was taken on before the bot was started again has been counted then', async () => {
    const given = services(fakeRules({ personPerMinute: 1 }));
    const left = { earlier: { brokeDown: false } };
    for (let k = 0; k < 2; k++) expect(await runWith(given, left)).toEqual({ code: undefined, answers: 1 });
    expect(await runWith(given)).toEqual({ code: undefined, answers: 1 });
    expect(await runWith(given)).toEqual({ code: 'cooldown', answers: 0 });
  });

  test('what is not read does not count', async () => {
    const given = services(fakeRules({ personPerMinute: 1 }));
    await given.settings.setChannelMode('test', 'quiet', 'off');
    await given.settings.setOptedOut('test', 'shy', true);
    for (let k = 0; k < 3; k++) await runWith(given, { channelId: 'quiet' });
    const shy = { ...(await photo('b.png')), postedBy: 'shy' };
    const { request } = fakeRequest({ command: { name: 'emotions' } });
    await expect(ask(given, request, { image: shy })).rejects.toMatchObject({ code: 'opted-out' });
    expect(await runWith(given)).toEqual({ code: undefined, answers: 1 });
  });
});
