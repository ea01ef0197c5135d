import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, unlessMissing, writeDurably } from '../../base/files.ts';
import { calibrationOf } from '../../emotion/calibration.ts';
import type { Engine } from '../../emotion/engines/engine.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { loadModel } from '../../emotion/layers-format/layers-format.ts';
import { readOnce } from '../../emotion/views.ts';
import type { FaceSet } from '../data/face-set.ts';

/** Name of the file, in a run's directory, with the teachers' probabilities. */
const TEACHING = 'teaching.bin';

/** A run that learns from trained networks. */
interface TaughtRun {
  readonly engine: Engine;
  /** Folders of the networks. */
  readonly teachers: readonly string[];
  readonly directory: string;
  readonly start: 'fresh' | 'resume';
}

/**
 * The teachers' probabilities for a run's faces. They are computed once and stored beside the checkpoints. So a resumed run
 * learns from the same numbers, even where the teachers have changed since.
 */
export async function teaching(run: TaughtRun, faces: FaceSet): Promise<Float32Array> {
  const file = join(run.directory, TEACHING);
  if (run.start === 'resume') {
    const bytes = await unlessMissing(() => readFile(file));
    if (bytes?.length === faces.count * EMOTIONS.length * Float32Array.BYTES_PER_ELEMENT)
      return new Float32Array(Uint8Array.from(bytes).buffer);
  }
  return await askTeachers(run.engine, run.teachers, faces);
}

/** Stores the teachers' probabilities for a resumed run. */
export async function keepTeaching(directory: string, answers: Float32Array): Promise<void> {
  await makeFolder(directory);
  await writeDurably(join(directory, TEACHING), Buffer.from(answers.buffer));
}

/**
 * The probabilities of trained networks for the faces that another network learns from (distillation: Hinton et al. 2015, arXiv
 * 1503.02531): the mean of their probabilities, each read as the bot reads a face.
 * @param directories the networks' folders
 * @returns count * 7 probabilities, in label order
 * @throws UserError 'bad-model' where a folder holds no network that can be read
 */
async function askTeachers(
  engine: Engine,
  directories: readonly string[],
  faces: Pick<FaceSet, 'count' | 'pixels'>,
): Promise<Float32Array> {
  const mean = new Float32Array(faces.count * EMOTIONS.length);
  for (const directory of directories) {
    const { network, weights, metadata } = await loadModel(directory);
    const { softness } = calibrationOf(metadata);
    const probabilities = await readOnce(engine, network, weights, faces.pixels, softness);
    for (let k = 0; k < mean.length; k++) mean[k]! += probabilities[k]! / directories.length;
  }
  return mean;
}
