import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../../src/emotion/layers-format/layers-format.ts';
import { SPLITS } from '../../src/training/data/fer2013.ts';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { tinyRows } from '../helpers/tiny-fer2013.ts';

/** Votes in which everybody sees the face's own label, except that all take anger for sadness. */
function votesText(): string {
  const order = ['neutral', 'happy', 'surprise', 'sad', 'angry', 'disgust', 'fear'];
  const names = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
  const lines = tinyRows(4, SPLITS).map(({ split, label }, k) => {
    const seen = names[label] === 'angry' ? 'sad' : names[label];
    return `${split},fer${k}.png,${order.map((name) => (name === seen ? 10 : 0)).join(',')},0,0,0`;
  });
  return ['Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF', ...lines].join(
    '\n',
  );
}

test('votes beside the data are learned from and compared by; without them nothing takes the place of what learned from them', {
  timeout: 180_000,
}, async () => {
  const site = await makeSite();
  const votes = join(site.dataDirectory, 'fer2013new.csv');
  await writeFile(votes, votesText());
  const { retraining, registry } = openSite(site);
  const board = noticeBoard();
  await retraining.begin(async () => board);

  const job = await retraining.start(tinyTraining(8));
  expect(job.plan.labels).toBe('votes');
  await retraining.idle();
  const first = await retraining.status();
  expect(first!.status).toMatchObject({ state: 'finished', result: { version: 1, promoted: true } });
  expect(first!.status.findings.at(-1)).toBe(
    'Votes: 0 rows of Training are none of the seven emotions to most people; they agree on 28 of PublicTest.',
  );
  // What was in use said nothing of votes: FER2013's labels are what both are compared by.
  expect((await registry.list())[0]!.measure).toBeUndefined();
  const { metadata } = await loadModel(registry.directoryOf(1));
  expect(metadata).toMatchObject({ trained: { labels: 'votes' } });
  const report = JSON.parse(await readFile(join(registry.directoryOf(1), 'reports', 'tiny.json'), 'utf8'));
  expect(report.labels).toBe('votes');
  // Nobody voted for anger, so no face counts as angry.
  expect(report.privateTest.confusion[0].every((count: number) => count === 0)).toBe(true);

  await retraining.start(tinyTraining(1));
  await retraining.idle();
  const [, second] = await registry.list();
  expect(second).toMatchObject({ measure: 'votes', against: { version: 1 } });
  expect(second!.privateTest.recall.angry).toBeNull();

  await rm(votes);
  await retraining.start(tinyTraining(2));
  await retraining.idle();
  expect((await retraining.status())!.job.plan.labels).toBe('fer2013');
  const third = (await registry.list()).at(-1)!;
  expect(third).toMatchObject({ incomparable: true });
  expect((await retraining.status())!.status.result).toEqual({ version: third.version, promoted: false });
  expect(board.notices.map(({ text }) => text).join('\n')).toMatch(
    /cannot be compared with the network in use, which learned from votes/,
  );
});
