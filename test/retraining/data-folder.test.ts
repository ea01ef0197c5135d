import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { until } from '../helpers/until.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, stat: vi.fn(real.stat) };
});

test('the folder of the data is looked up once at the start of a training', async () => {
  const site = await makeSite();
  const child = new URL('../fakes/dead-child.ts', import.meta.url);
  // The name of a folder in DATA_DIR: the site's data is all there is, so its parent is taken for DATA_DIR.
  const { retraining, log } = openSite({ ...site, dataDirectory: join(site.dataDirectory, '..') }, { child });
  const looks = () => vi.mocked(stat).mock.calls.filter(([path]) => path === site.dataDirectory).length;
  let looksBefore: number | undefined;
  // Told when its process has ended; it is looked up again before the next one.
  vi.spyOn(log, 'warn').mockImplementation(() => {
    looksBefore ??= looks();
  });
  await retraining.begin(async () => noticeBoard());
  await retraining.start(tinyTraining(1, { data: 'data' }));
  await until(() => looksBefore !== undefined, 'the end of its process');
  await retraining.stop(AbortSignal.timeout(10_000));
  expect(looksBefore).toBe(1);
});
