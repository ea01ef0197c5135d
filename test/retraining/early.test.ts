import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { loadModel, saveModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { statusText } from '../../src/retraining/telling.ts';
import { readFer2013 } from '../../src/training/data/fer2013.ts';
import { trainingPlan } from '../../src/training/run/plan.ts';
import { train } from '../../src/training/run/trainer.ts';
import { makeSite, noticeBoard, openSite, tinyTraining } from '../helpers/retraining.ts';
import { temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

/** Rows in which every third label of PublicTest is wrong, so that no network can keep getting better there. */
function partlyMislabelled() {
  return tinyRows(4, ['Training', 'PublicTest', 'PrivateTest']).map((row, i) =>
    row.split === 'PublicTest' && i % 3 === 0 ? { ...row, label: (row.label + 1) % EMOTIONS.length } : row,
  );
}

test('a training whose PublicTest gets no better ends early, says so, and its best epoch becomes the version', {
  timeout: 300_000,
}, async () => {
  const patience = 4;
  const site = await makeSite();
  await writeTinyFer2013(site.dataDirectory, partlyMislabelled());
  const { retraining, registry } = openSite(site);
  const board = noticeBoard();
  await retraining.begin(async () => board);
  const asked = tinyTraining(300);
  const plan = { ...asked.plan, patience };
  await retraining.start({ ...asked, plan });
  await retraining.idle();

  const { job, status } = (await retraining.status())!;
  const accuracies = status.progress!.history.map(({ valAccuracy }) => valAccuracy);
  const best = accuracies.indexOf(Math.max(...accuracies)) + 1;
  expect(status).toMatchObject({ state: 'finished', result: { version: 1 } });
  expect(accuracies).toHaveLength(best + patience);
  expect(accuracies.length).toBeLessThan(300);
  const [card] = await registry.list();
  expect(card).toMatchObject({ epochs: accuracies.length, plannedEpochs: 300, bestEpoch: best });
  const sentence = `Ended early, after ${accuracies.length} of 300 epochs: the last 4 were no better on PublicTest.`;
  expect(board.notices.at(-1)!.text).toContain(`Best epoch ${best} of ${accuracies.length}`);
  expect(board.notices.at(-1)!.text).toContain(sentence);
  expect(statusText(job, status, 'Ada')).toContain(sentence);

  // The same training again, stopped once that epoch has ended: its weights, stored the same way, are the version's.
  const { sets } = await readFer2013(site.dataDirectory);
  const stop = new AbortController();
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const again = await train({
    engine: createOnnxEngine({ threads: 1 }),
    network,
    plan: trainingPlan(plan),
    training: sets.Training,
    validation: sets.PublicTest,
    directory: await temporaryFolder(),
    start: 'fresh',
    signal: stop.signal,
    onProgress: ({ epoch, epochEnded }) => epochEnded && epoch === best && stop.abort(),
  });
  expect(again.bestEpoch).toBe(best);
  const stored = await temporaryFolder();
  await saveModel(stored, { network, weights: again.weights, quantization: 'float16' });
  const version = await loadModel(registry.directoryOf(1));
  expect(version.sha256).toBe((await loadModel(stored)).sha256);
  // Nothing of the run is kept once its version is.
  expect(await readdir(join(site.stateDirectory, 'retraining'))).not.toContain('runs');
});
