/**
 * Stands in for the training's process: tells what an earlier training has told, and stores the network that it trained. RECORDED in its
 * environment is the folder of that training's site.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type JobStatus, RetrainingFiles } from '../../src/retraining/files.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';

const { stateDirectory, modelDirectory } = JSON.parse(process.argv[2]!) as Record<string, string>;
const recorded = process.env.RECORDED!;
const earlier = new RetrainingFiles(join(recorded, 'state'));
const networks = new VersionRegistry(join(recorded, 'model'));
const { result, ...told } = await earlier.status((await earlier.job())!.id);
const { id: job } = (await new RetrainingFiles(stateDirectory!).job())!;
const tell = (status: JobStatus) => new Promise((sent) => process.send!(status, sent));

await tell({ ...told, job, state: 'running' });
const registry = new VersionRegistry(modelDirectory!);
const { version: trained, files: _, created: __, ...card } = (await networks.list()).at(-1)!;
const version = await registry.store({ ...card, job }, async (directory) => {
  // The version gets a card of its own.
  const filter = (path: string) => !path.endsWith('card.json');
  await cp(networks.directoryOf(trained), directory, { recursive: true, filter });
});
if (result!.promoted) await registry.promote(version);
await tell({ ...told, job, state: 'finished', result: { ...result!, version } });
process.exit();
