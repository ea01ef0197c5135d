import { expect, test } from 'vitest';
import { newStatus, RetrainingFiles } from '../../src/retraining/files.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

test('several admins who cancel at the same moment, in one process or in several, are all heard', async () => {
  const folder = await temporaryFolder();
  const [one, other] = [new RetrainingFiles(folder), new RetrainingFiles(folder)];
  for (let k = 0; k < 4; k++) {
    await Promise.all([one.askToCancel('a'), other.askToCancel('a'), one.askToCancel('a')]);
    expect(await one.isCancelled('a')).toBe(true);
  }
});

test('a process that told the end of a training tells that of its continuation by another process too', async () => {
  const folder = await temporaryFolder();
  const [one, other] = [new RetrainingFiles(folder), new RetrainingFiles(folder)];
  await one.markEndReported('a');
  expect(await one.isEndReported('a')).toBe(true);
  await other.forgetEndReported();
  await other.writeStatus({ ...newStatus('a'), state: 'failed' });
  expect(await one.isEndReported('a')).toBe(false);
});
