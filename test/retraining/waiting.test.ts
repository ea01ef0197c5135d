import { expect, test } from 'vitest';
import type { Machines } from '../../src/retraining/machines.ts';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';

const job = { id: 'j', platform: 'test', channel: 'c1', by: 'U1', clean: false, margin: 0, plan: tinyTraining().plan };

test('a training that waits for its turn is not replaced by a new one', async () => {
  let free = false;
  const machines: Machines = {
    claim: async () => (free ? { lost: new AbortController().signal, release: async () => {} } : undefined),
    current: async () => undefined,
    cancel: async () => false,
    close: async () => {},
  };
  const { retraining, files } = openSite(await makeSite(), { machines });
  await files.writeJob(job);
  await files.writeStatus({ job: 'j', state: 'running', phase: 'training', findings: [] });
  await retraining.begin(async () => noticeBoard());
  await retraining.idle();
  free = true;
  await expect(retraining.start(tinyTraining(1))).rejects.toMatchObject({ code: 'busy' });
  expect((await files.job())!.id).toBe('j');
  await retraining.stop(AbortSignal.timeout(5000));
});
