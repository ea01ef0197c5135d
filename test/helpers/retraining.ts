import { join } from 'node:path';
import { createLogger } from '../../src/base/log.ts';
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { saveModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { RetrainingFiles, type RetrainingRequest } from '../../src/retraining/files.ts';
import type { Notice } from '../../src/retraining/notice-boards.ts';
import { Retraining } from '../../src/retraining/supervisor.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import type { NewVersion } from '../../src/versions/version-card.ts';
import { temporaryFolder, tinyRows, writeTinyFer2013 } from './tiny-fer2013.ts';

/** Folders of a bot with a small data set and a shipped network that has learnt nothing. */
export interface Site {
  readonly stateDirectory: string;
  readonly dataDirectory: string;
  readonly modelDirectory: string;
}

export async function makeSite(root?: string): Promise<Site> {
  const folder = root ?? (await temporaryFolder());
  const site = {
    stateDirectory: join(folder, 'state'),
    dataDirectory: join(folder, 'data'),
    modelDirectory: join(folder, 'model'),
  };
  await writeTinyFer2013(site.dataDirectory, tinyRows(4, ['Training', 'PublicTest', 'PrivateTest']));
  await saveUntrained(site.modelDirectory, 9);
  return site;
}

/** A network of the architecture 'tiny' that has learnt nothing. */
export async function saveUntrained(directory: string, seed: number): Promise<void> {
  const network = unroll(ARCHITECTURES.get('tiny')!);
  await saveModel(directory, { network, weights: initialWeights(network, seed) });
}

/** A registry with a shipped network and so many trained ones. */
export async function registryWith(versions: number) {
  const directory = await temporaryFolder();
  await saveUntrained(directory, 100);
  const registry = new VersionRegistry(directory);
  for (let v = 1; v <= versions; v++) await registry.store(plainCard(`job-${v}`), (aside) => saveUntrained(aside, v));
  return { directory, registry };
}

/** The retraining services of a bot at a site. It edits the progress message more often than a platform would allow. */
export function openSite(site: Site, more: Partial<ConstructorParameters<typeof Retraining>[0]> = {}) {
  const registry = new VersionRegistry(site.modelDirectory);
  const log = createLogger({ level: 'silent' });
  const retraining = new Retraining({ ...site, registry, log, engine: 'onnx', threads: 1, editEveryMs: 100, ...more });
  return { registry, log, retraining, files: new RetrainingFiles(site.stateDirectory) };
}

/** A training that learns within seconds. */
export function tinyTraining(epochs = 12, more: Partial<RetrainingRequest> = {}): RetrainingRequest {
  const plan = { architecture: 'tiny', epochs, batchSize: 7, learningRate: 0.05, augmentation: 'none' } as const;
  return { platform: 'test', channel: 'c1', by: 'U1', name: 'Ada', clean: false, margin: 0, plan, ...more };
}

/** A channel that records its messages; `texts` has each message's latest text. */
export function noticeBoard() {
  const notices: Notice[] = [];
  return {
    notices,
    post: async (notice: Notice) => {
      const at = notices.push(notice) - 1;
      return {
        update: async (next: Notice) => {
          notices[at] = next;
          return true;
        },
      };
    },
  };
}

/** Figures for a version whose quality does not matter. */
export function plainCard(job: string): NewVersion {
  const figures = {
    images: 7,
    accuracy: 0.5,
    macroRecall: 0.5,
    recall: { angry: 0.5, disgust: 0.5, fear: 0.5, happy: 0.5, sad: 0.5, surprise: 0.5, neutral: 0.5 },
  };
  return {
    job,
    architecture: 'tiny',
    command: 'npm run train',
    epochs: 3,
    bestEpoch: 2,
    publicTest: figures,
    privateTest: figures,
  };
}
