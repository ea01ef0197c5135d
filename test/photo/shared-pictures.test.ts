import { Piscina } from 'piscina';
import { afterEach, expect, test, vi } from 'vitest';
import { createHaarProposer, HAAR_ALONE } from '../../src/photo/faces/haar/haar.ts';
import { createNetworkProposer, NETWORK_PASSES } from '../../src/photo/faces/network/network.ts';
import { toSearchPicture } from '../../src/photo/faces/search-picture.ts';
import { inSharedMemory, type RgbImage } from '../../src/photo/image.ts';
import { cropFaces, drawPicture, resizePicture, turnPicture } from '../../src/photo/picture-thread.ts';

afterEach(() => vi.restoreAllMocks());

const plain: RgbImage = { width: 64, height: 48, data: new Uint8Array(64 * 48 * 3) };
const picture = inSharedMemory(plain);
const place = { centreX: 32, centreY: 24, side: 24 };
const box = { x: 20, y: 12, width: 24, height: 24, angle: 0 };
const network = createNetworkProposer({ threads: 1 });

/** Every way that a picture goes to a thread. */
const WAYS: Record<string, (image: RgbImage) => Promise<unknown>> = {
  'a pass of the network': (image) => network.propose(image, NETWORK_PASSES.slice(0, 1)),
  'a look of the network': (image) => network.look(image, [{ place, angle: 0, pixels: 64, mirrored: false }]),
  'the cascades': (image) => createHaarProposer(HAAR_ALONE, { threads: 1 }).propose(image),
  resizing: (image) => resizePicture(image, { width: 32, height: 24 }),
  turning: (image) => turnPicture(image, 90),
  cropping: (image) => cropFaces(image, [box]),
  drawing: (image) => drawPicture(image, image, []),
};

test.each(Object.entries(WAYS))(
  '%s is not sent a copy of a picture in shared memory, and none is in other memory',
  async (_, way) => {
    const run = vi.spyOn(Piscina.prototype, 'run').mockRejectedValue(new Error('no thread is started here'));
    await way(picture).catch(() => {});
    await way(plain).catch(() => {});
    const sent = run.mock.calls.map(([task]) => (task as { readonly image: RgbImage }).image.data.buffer);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(sent[0]).toBe(picture.data.buffer);
    for (const buffer of sent) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  },
);

test('a picture of the size at which faces are sought is searched as it is', async () => {
  const whole = inSharedMemory({ width: 1280, height: 960, data: new Uint8Array(1280 * 960 * 3) });
  expect(await toSearchPicture(whole)).toBe(whole);
});
