import { beforeEach, describe, expect, test } from 'vitest';
import { type ChannelLimits, LocalChannel } from '../../../src/chat/local/channel.ts';
import type { ChannelEvent } from '../../../src/chat/local/message.ts';
import { Unread } from '../../../src/chat/local/unread.ts';

const LIMITS: ChannelLimits = {
  maxPhotos: 3,
  maxBytes: 1000,
  maxUnreadBytes: 40_000_000,
  maxMessages: 10,
  keepMs: 60_000,
};

let now: number;
let channel: LocalChannel;
let events: ChannelEvent[];

function setUp(limits: Partial<ChannelLimits> = {}) {
  now = 1_000_000;
  channel = new LocalChannel({ ...LIMITS, ...limits }, () => now);
  events = [];
  channel.listen((event) => events.push(event));
}

beforeEach(() => setUp());

function postPhoto(size = 10, text = '') {
  const upload = channel.upload({ name: 'a.png', mime: 'image/png', bytes: new Uint8Array(size) });
  const file = channel.takeUpload(upload)!;
  return { file, message: channel.post({ from: 'you', text, files: [file], removable: false }) };
}

function answer(about: string, size = 10) {
  const file = { id: `annotated-${about}-${size}`, name: 'b.jpg', bytes: new Uint8Array(size), size };
  return { file, message: channel.post({ from: 'bot', text: '1 person', files: [file], removable: true, about }) };
}

const texts = () => channel.messages().map((message) => `${message.from}: ${message.files.length || message.text}`);

describe('posting', () => {
  test('tells the listeners what a browser needs, without the bytes', () => {
    const { message } = postPhoto(10, 'hello');
    expect(events).toEqual([{ type: 'message', message }]);
    expect(message).toEqual({
      id: expect.any(String),
      from: 'you',
      text: 'hello',
      files: [{ id: expect.any(String), name: 'a.png', mime: 'image/png' }],
      removable: false,
      at: now,
    });
  });

  test('a listener that stopped listening hears nothing', () => {
    const heard: ChannelEvent[] = [];
    channel.listen((event) => heard.push(event))();
    postPhoto();
    expect(heard).toEqual([]);
  });

  test('an upload is taken once', () => {
    const id = channel.upload({ name: 'a.png', bytes: new Uint8Array(1) });
    expect(channel.takeUpload(id)?.size).toBe(1);
    expect(channel.takeUpload(id)).toBeUndefined();
  });

  test('an update keeps the place and tells; after removal it says so', () => {
    const { message } = postPhoto();
    now += 1000;
    expect(channel.update(message.id, { text: 'new', files: [], removable: true })).toBe(true);
    expect(channel.messages()).toMatchObject([{ id: message.id, text: 'new', at: message.at, from: 'you' }]);
    channel.remove(message.id);
    expect(channel.update(message.id, { text: 'newer', files: [], removable: true })).toBe(false);
  });

  test('latest files are people’s, newest first, without the message that asks', () => {
    const first = postPhoto();
    answer(first.file.id);
    const second = postPhoto();
    const asking = postPhoto();
    expect(channel.latestFiles(5, asking.message.id).map(({ id }) => id)).toEqual([second.file.id, first.file.id]);
    expect(channel.latestFiles(1, 'none').map(({ id }) => id)).toEqual([asking.file.id]);
  });

  test('progress is sent, kept for pages that connect later, and removed', () => {
    channel.progress('r1', 'looking');
    expect(channel.underWay()).toEqual({ r1: 'looking' });
    channel.progress('r1', null);
    expect(channel.underWay()).toEqual({});
    expect(events.map((event) => event.type === 'progress' && event.text)).toEqual(['looking', null]);
  });
});

describe('removing', () => {
  test('removing an answer also removes its photo and every other answer to it, in view and in memory', () => {
    const { file, message } = postPhoto();
    const one = answer(file.id);
    const two = answer(file.id, 11);
    const other = postPhoto();
    events = [];
    expect(channel.remove(one.message.id)).toBe(true);
    expect(channel.messages().map(({ id }) => id)).toEqual([other.message.id]);
    const removed = events.map((event) => event.type === 'removed' && event.id);
    expect(new Set(removed)).toEqual(new Set([one.message.id, two.message.id, message.id]));
    for (const id of [file.id, one.file.id, two.file.id]) expect(channel.file(id)).toBeUndefined();
    expect(channel.file(other.file.id)).toBeDefined();
  });

  test('only the answered photo leaves a message of several', () => {
    const uploads = [1, 2].map((size) => channel.upload({ name: `${size}.png`, bytes: new Uint8Array(size) }));
    const files = uploads.map((id) => channel.takeUpload(id)!);
    const { id } = channel.post({ from: 'you', text: '', files, removable: false });
    channel.remove(answer(files[0]!.id).message.id);
    expect(channel.messages()).toMatchObject([{ id, files: [{ name: '2.png' }] }]);
    expect(channel.file(files[0]!.id)).toBeUndefined();
  });

  test('words that came with the photo stay', () => {
    const { file } = postPhoto(10, 'at the beach');
    channel.remove(answer(file.id).message.id);
    expect(texts()).toEqual(['you: at the beach']);
  });

  test('removing a person’s message also removes the answers to its photos', () => {
    const { file, message } = postPhoto();
    answer(file.id);
    channel.remove(message.id);
    expect(channel.messages()).toEqual([]);
  });

  test('removing something twice is no error', () => {
    expect(channel.remove('nothing')).toBe(false);
    expect(events).toEqual([]);
  });
});

describe('forgetting', () => {
  test('messages that are too old go, answers with their photo', () => {
    const { file } = postPhoto();
    now += 59_000;
    answer(file.id);
    expect(channel.messages()).toHaveLength(2);
    now += 1_000;
    channel.forget();
    expect(channel.messages()).toEqual([]);
    expect(channel.file(file.id)).toBeUndefined();
    expect(events.filter((event) => event.type === 'removed')).toHaveLength(2);
  });

  test('of too many photos the oldest go', () => {
    const posted = [1, 2, 3, 4, 5].map((size) => postPhoto(size));
    expect(channel.messages().map(({ id }) => id)).toEqual(posted.slice(2).map(({ message }) => message.id));
  });

  test('of too many bytes the oldest go, annotated pictures counted', () => {
    const read = (size: number) => {
      const posted = postPhoto(size);
      channel.settle(posted.file.id);
      return posted;
    };
    const first = read(400);
    answer(first.file.id, 400);
    read(150);
    expect(channel.messages()).toHaveLength(3);
    read(100);
    expect(channel.messages()).toHaveLength(2);
    expect(channel.file(first.file.id)).toBeUndefined();
  });

  test('of too many messages the oldest go', () => {
    for (let k = 0; k < 15; k++) channel.post({ from: 'bot', text: String(k), files: [], removable: false });
    expect(texts()).toEqual(Array.from({ length: 10 }, (_, k) => `bot: ${k + 5}`));
  });

  test('a message larger than everything that may be kept does not stay', () => {
    const bytes = new Uint8Array(5000);
    const file = { id: 'large', name: 'large.png', bytes, size: bytes.length };
    channel.post({ from: 'you', text: '', files: [file], removable: false });
    expect(channel.messages()).toEqual([]);
  });

  test('uploads that no message takes go after two minutes, and beyond the bounds at once', () => {
    const upload = (size: number) => channel.upload({ name: 'a', bytes: new Uint8Array(size) });
    const patient = upload(7);
    now += 119_999;
    upload(1);
    expect(channel.takeUpload(patient)?.size).toBe(7);

    const old = upload(1);
    now += 120_000;
    const fresh = upload(1);
    expect([channel.takeUpload(old), channel.takeUpload(fresh)?.size]).toEqual([undefined, 1]);

    const many = [upload(1), upload(2), upload(3), upload(4)];
    expect(many.map((id) => channel.takeUpload(id)?.size)).toEqual([undefined, 2, 3, 4]);
  });

  test('a photo that waits to be read is not forgotten for its bytes, and counts once it has been read', () => {
    const { file } = postPhoto(1500);
    expect(channel.file(file.id)).toBeDefined();
    channel.settle(file.id);
    expect(channel.file(file.id)).toBeUndefined();
  });

  test('clear leaves nothing', () => {
    const { file } = postPhoto();
    channel.clear();
    expect([channel.messages(), channel.file(file.id)]).toEqual([[], undefined]);
  });
});

describe('large photos', () => {
  const LARGE = 2_000_000;
  const copy = { bytes: new Uint8Array(30), mime: 'image/jpeg' };
  const waited = async (bytes: number) => {
    const waiting = channel.unread.reserve(bytes, new AbortController().signal).then((giveBack) => {
      giveBack();
      return 'let in';
    });
    return await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 20, 'waits'))]);
  };

  test('are handed over, and a copy stands for them from then on', () => {
    const { file, message } = postPhoto(LARGE);
    expect(message.files).toEqual([{ id: file.id, name: 'a.png' }]);
    expect(channel.shown(file.id)).toBeUndefined();
    const bytes = channel.file(file.id)!.bytes;
    expect(channel.take(file.id)).toBe(bytes);
    expect([channel.take(file.id), channel.file(file.id)!.bytes]).toEqual([undefined, undefined]);
    channel.keep(file.id, copy);
    expect(events.at(-1)).toMatchObject({
      type: 'message',
      message: { id: message.id, files: [{ id: file.id, name: 'a.png', mime: 'image/jpeg' }] },
    });
    expect(channel.shown(file.id)?.bytes).toBe(copy.bytes);
    // Read once more, the copy stays.
    expect(channel.take(file.id)).toEqual(Buffer.from(copy.bytes));
    expect(channel.take(file.id)).toEqual(Buffer.from(copy.bytes));
  });

  test.each([true, false])('leave only their names where they could not be read (taken: %s)', (isTaken) => {
    const { file } = postPhoto(LARGE);
    if (isTaken) channel.take(file.id);
    channel.settle(file.id);
    expect(channel.file(file.id)).toEqual({ id: file.id, name: 'a.png', size: LARGE });
  });

  test.each<[string, (posted: ReturnType<typeof postPhoto>) => void]>([
    ['read', ({ file }) => channel.keep(file.id, copy)],
    ['given up', ({ file }) => channel.settle(file.id)],
    ['removed', ({ message }) => channel.remove(message.id)],
    ['all forgotten', () => channel.clear()],
  ])('what comes in waits for room until others are %s', async (_what, end) => {
    setUp({ maxUnreadBytes: 3_000_000 });
    const posted = postPhoto(LARGE);
    channel.take(posted.file.id);
    expect(await waited(1_000_000)).toBe('let in');
    const waiting = waited(1_000_001);
    expect(await waiting).toBe('waits');
    end(posted);
    expect(await waited(3_000_000)).toBe('let in');
  });

  test('an upload that nobody takes gives its room back, one that is larger than all of it is let in alone', async () => {
    setUp({ maxUnreadBytes: 3_000_000 });
    channel.upload({ name: 'a.png', bytes: new Uint8Array(LARGE) });
    expect(await waited(LARGE)).toBe('waits');
    now += 120_000;
    channel.forget();
    expect(await waited(9_000_000)).toBe('let in');
  });

  test('an upload that waits too long is refused, and an aborted one waits no longer', async () => {
    const unread = new Unread(10, 30);
    unread.add('a', 10);
    await expect(unread.reserve(1, new AbortController().signal)).rejects.toMatchObject({ code: 'busy' });
    const reason = new Error('gone');
    await expect(unread.reserve(1, AbortSignal.abort(reason))).rejects.toBe(reason);
    unread.delete('a');
    const giveBack = await unread.reserve(10, new AbortController().signal);
    await expect(unread.reserve(1, new AbortController().signal)).rejects.toMatchObject({ code: 'busy' });
    giveBack();
    await unread.reserve(1, new AbortController().signal);
  });
});
