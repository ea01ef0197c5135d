import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, stat: vi.fn(real.stat) };
});

test('the folder of the data is looked up once at the start of a training', { timeout: 120_000 }, async () => {
  const site = await makeSite();
  // The name of a folder in DATA_DIR: the site's data is all there is, so its parent is taken for DATA_DIR.
  const { retraining } = openSite({ ...site, dataDirectory: join(site.dataDirectory, '..') });
  await retraining.begin(async () => noticeBoard());
  await retraining.start(tinyTraining(1, { data: 'data' }));
  await retraining.idle();
  expect(await retraining.status()).toMatchObject({ status: { state: 'finished' } });
  const looks = vi.mocked(stat).mock.calls.filter(([path]) => path === site.dataDirectory);
  expect(looks).toHaveLength(1);
});
