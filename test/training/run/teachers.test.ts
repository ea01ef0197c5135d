import { expect, it } from 'vitest';
import { ARCHITECTURES } from '../../../src/emotion/architectures.ts';
import type { Engine } from '../../../src/emotion/engines/engine.ts';
import { EMOTIONS, FACE_PIXELS } from '../../../src/emotion/labels.ts';
import { saveModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { soften, standardise } from '../../../src/emotion/views.ts';
import { initialWeights } from '../../../src/training/run/initial-weights.ts';
import { teaching } from '../../../src/training/run/teachers.ts';
import { temporaryFolder, tinyRows, tinySet } from '../../helpers/tiny-fer2013.ts';

it.each([
  { metadata: {}, softness: 0 },
  { metadata: { calibration: { temperature: 0.8, unsureBelow: 0.5, softness: 0.2 } }, softness: 0.2 },
])('a teacher reads faces as softly as its calibration says: %j', async ({ metadata, softness }) => {
  const folder = await temporaryFolder();
  const network = unroll(ARCHITECTURES.get('tiny')!);
  await saveModel(folder, { network, weights: initialWeights(network, 1), metadata });
  const shown: Float32Array[] = [];
  const engine: Engine = {
    name: 'onnx',
    device: 'none',
    predictor: async () => ({
      async predict(x, count) {
        shown.push(x.slice());
        return new Float32Array(count * EMOTIONS.length).fill(1 / EMOTIONS.length);
      },
      dispose: async () => {},
    }),
    trainer: () => expect.fail('nothing is trained here'),
  };
  const faces = tinySet(tinyRows(1, ['Training']));
  const directory = await temporaryFolder();
  const answers = await teaching({ engine, teachers: [folder], directory, start: 'fresh' }, faces);
  expect(answers).toHaveLength(faces.count * EMOTIONS.length);
  const expected = Float32Array.from(faces.pixels.subarray(0, FACE_PIXELS), (gray) => gray / 255);
  soften(expected, 0, softness);
  standardise(expected, 0);
  expect(shown[0]!.subarray(0, FACE_PIXELS)).toEqual(expected);
});
