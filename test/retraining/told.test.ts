import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';

const job = { id: 'j', platform: 'test', channel: 'c1', by: 'U1', clean: false, margin: 0, plan: tinyTraining().plan };

test('an end that was told is not told again by the same bot where the file that remembers this cannot be written', async () => {
  const site = await makeSite();
  const { retraining, files } = openSite(site, { adoptEveryMs: 5 });
  await files.writeJob(job);
  await files.writeStatus({ job: 'j', state: 'failed', phase: 'checking', findings: [], error: 'The data is gone.' });
  await mkdir(join(site.stateDirectory, 'retraining', 'told.json.tmp', 'in the way'), { recursive: true });
  const board = noticeBoard();
  await retraining.begin(async () => board);
  await delay(500);
  await retraining.stop(new AbortController().signal);
  expect(board.notices).toHaveLength(1);
});
