import type { Engine } from '../../emotion/engines/engine.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { loadModel } from '../../emotion/layers-format/layers-format.ts';
import { readViews } from '../../emotion/views.ts';
import type { FaceSet } from '../data/face-set.ts';

/**
 * What trained networks say of the faces that another learns from (distillation: Hinton et al. 2015, arXiv 1503.02531):
 * the mean of their probabilities, each read as the bot reads a face.
 * @param directories the networks' folders
 * @returns count * 7 probabilities, in label order
 * @throws UserError 'bad-model' where a folder holds no network that can be read
 */
export async function askTeachers(
  engine: Engine,
  directories: readonly string[],
  faces: Pick<FaceSet, 'count' | 'pixels'>,
): Promise<Float32Array> {
  const mean = new Float32Array(faces.count * EMOTIONS.length);
  for (const directory of directories) {
    const { network, weights } = await loadModel(directory);
    const predictor = await engine.predictor(network, weights);
    try {
      const probabilities = await readViews(predictor, faces.pixels);
      for (let k = 0; k < mean.length; k++) mean[k]! += probabilities[k]! / directories.length;
    } finally {
      await predictor.dispose();
    }
  }
  return mean;
}
