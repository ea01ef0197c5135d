import sharp from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import { emotionsCommand, type PhotoServices } from '../../commands/emotions.ts';
import type { Attachment } from '../../commands/request.ts';
import { BoundedQueue } from '../../src/jobs/queue.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { fakeAttachment, fakeRequest } from '../fakes/request.ts';

const services = (overrides: Partial<PhotoServices> = {}): PhotoServices => ({
  readPhoto: fakePhotoReader(),
  queue: new BoundedQueue({ concurrency: 1, maxWaiting: 5 }),
  maxBytes: 1000,
  ...overrides,
});

async function photo(name: string, width = 64): Promise<Attachment> {
  const bytes = await plainPicture(width, 48);
  return { id: name, name, fetch: async () => bytes };
}

describe('/emotions', () => {
  test('reads the picture that is given', async () => {
    const image = await photo('party.photo.png');
    const { request, replies, progress } = fakeRequest({ latest: [await photo('other.png')] });
    await emotionsCommand(services()).run(request, { image });
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
    await emotionsCommand(services()).run(request, {});
    expect(replies.map((reply) => reply.about)).toEqual([latest]);
  });

  test('where there is none says so', async () => {
    const { request } = fakeRequest();
    await expect(emotionsCommand(services()).run(request, {})).rejects.toMatchObject({ code: 'no-picture' });
  });

  test('a photo without a face is answered without a picture', async () => {
    const { request, replies } = fakeRequest();
    await emotionsCommand(services()).run(request, { image: await photo('wall.png', 16) });
    expect(replies[0]!.text).toContain('no face');
    expect(replies[0]!.pictures ?? []).toEqual([]);
  });

  test('loads the file with the bound on its size, and only when its turn has come', async () => {
    const queue = new BoundedQueue({ concurrency: 1, maxWaiting: 5 });
    let free!: () => void;
    const busy = queue.run(() => new Promise<void>((done) => (free = done)));
    const bytes = await plainPicture(64, 48);
    const fetch = vi.fn(async () => bytes);
    const { request } = fakeRequest();
    const run = emotionsCommand(services({ queue })).run(request, { image: { id: '1', name: 'a.png', fetch } });
    await new Promise((done) => setTimeout(done, 10));
    expect(fetch).not.toHaveBeenCalled();
    free();
    await Promise.all([busy, run]);
    expect(fetch).toHaveBeenCalledExactlyOnceWith({ maxBytes: 1000, signal: request.signal });
  });

  test('says nothing once nobody waits for the answer any more', async () => {
    const controller = new AbortController();
    const { request, replies } = fakeRequest({ signal: controller.signal });
    const run = emotionsCommand(services({ readPhoto: fakePhotoReader(10_000) })).run(request, {
      image: await photo('a.png'),
    });
    controller.abort(new Error('message removed'));
    await expect(run).rejects.toThrow();
    expect(replies).toEqual([]);
  });

  test('passes on what is wrong with the file', async () => {
    const { request } = fakeRequest();
    const run = emotionsCommand(services()).run(request, { image: fakeAttachment('notes.txt') });
    await expect(run).rejects.toMatchObject({ name: 'UserError', code: 'not-a-picture' });
  });
});
