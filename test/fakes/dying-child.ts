/** Stands in for the training's process: it is killed after each of the first six epochs, and afterwards trains as the real one. */
import { RetrainingFiles } from '../../src/retraining/files.ts';

const KILLS = 6;
const files = new RetrainingFiles((JSON.parse(process.argv[2]!) as { stateDirectory: string }).stateDirectory);
const { id } = (await files.job())!;
const status = await files.status(id);
const history = status.progress?.history ?? [];
if (history.length === KILLS) {
  await import('../../src/retraining/child.ts');
} else {
  const figures = { loss: 1, accuracy: 0.5, imagesPerSecond: 1 };
  const result = { ...figures, valLoss: 1, valAccuracy: 0.5, seconds: 1 };
  const progress = { ...figures, epoch: 1, epochs: KILLS, batch: 1, batches: 1, secondsLeft: 1, epochEnded: true };
  const next = { ...status, progress: { ...progress, history: [...history, result] } };
  await files.writeStatus(next);
  await new Promise((sent) => process.send!(next, sent));
  process.kill(process.pid, 'SIGKILL');
}
