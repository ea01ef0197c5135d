import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { saveModel } from '../../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { readModelNote } from '../../../src/evaluation/report/report.ts';
import { someWeights } from '../../helpers/networks.ts';

const network = unroll({
  name: 'linear',
  summary: 'for tests',
  input: [48, 48, 1],
  layers: [{ kind: 'flatten' }, { kind: 'dense', units: 7 }, { kind: 'softmax' }],
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-note-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('tells a network with calibration from one without', async () => {
  const weights = someWeights(network);
  await saveModel(folder, { network, weights });
  expect(await readModelNote(folder)).toEqual({
    architecture: 'linear',
    parameters: 48 * 48 * 7 + 7,
    calibrated: false,
    calibration: { temperature: 1, unsureBelow: 0.5, softness: 0 },
  });
  const calibration = { temperature: 0.8, unsureBelow: 0.4 };
  await saveModel(folder, { network, weights, metadata: { calibration } });
  expect(await readModelNote(folder)).toMatchObject({ calibrated: true, calibration });
});
