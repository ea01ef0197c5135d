import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { createEngine } from '../../../src/emotion/engines/create-engine.ts';
import { EMOTIONS } from '../../../src/emotion/labels.ts';
import { LiveClassifier } from '../../../src/versions/live-classifier.ts';
import { numbers, smallNetwork, someWeights } from '../../helpers/networks.ts';
import { registryWith } from '../../helpers/retraining.ts';
import { RUNS_SOURCE } from '../../helpers/run-script.ts';
import { drawTinyFace } from '../../helpers/tiny-fer2013.ts';

/** The bundled library has no CUDA of its own, unless somebody has put it there. */
const LIBRARIES = join(import.meta.dirname, '../../../node_modules/onnxruntime-node/bin/napi-v6/linux/x64');
const hasCuda = existsSync(join(LIBRARIES, 'libonnxruntime_providers_cuda.so'));
/** Vulkan in software, which comes with Debian's Chromium. */
const SOFTWARE = '/usr/lib/chromium';
const hasVulkan = existsSync(join(SOFTWARE, 'vk_swiftshader_icd.json'));
/** Runs only on request, since compiling for a software card takes as long as a hundred other tests. */
const triesWebGpu = hasVulkan && process.env.WEBGPU_TESTS === '1';

test.skipIf(hasCuda)('a provider that cannot be opened gives way to the CPU, and the engine says why', async () => {
  const engine = await createEngine('onnx', { threads: 1, provider: 'cuda' });
  expect(engine).toMatchObject({
    device: 'CPU, 1 thread',
    trouble: 'cuda cannot be used: its libraries are not installed',
  });
  const network = smallNetwork([
    { kind: 'conv', filters: 4, kernel: 3 },
    { kind: 'maxPool', size: 2 },
  ]);
  const predictor = await engine.predictor(network, someWeights(network));
  const [first] = await predictor.predict(numbers(60, 1), 1);
  expect(first).toBeGreaterThan(0);
  expect((await createEngine('onnx', { threads: 1 })).trouble).toBeUndefined();
});

test.skipIf(hasCuda)('the bot reads all the same, and its log says once what it does without', async () => {
  const { registry } = await registryWith(0);
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } });
  const live = await LiveClassifier.open(registry, log, { threads: 1, provider: 'cuda' });
  const faces = EMOTIONS.map((_, label) => drawTinyFace(label, label));
  expect(await live.classify(faces)).toHaveLength(faces.length);
  await live.dispose();
  expect(lines.filter((line) => line.includes('cuda cannot be used'))).toHaveLength(1);
});

test.skipIf(!triesWebGpu)(
  'by WebGPU faces are read as on the CPU (WEBGPU_TESTS=1, and Chromium’s Vulkan)',
  { timeout: 60_000 },
  async () => {
    const file = join(import.meta.dirname, '../../helpers/on-webgpu.ts');
    // Which driver there is and where its library lies is read as a process starts.
    const env = {
      ...process.env,
      VK_ICD_FILENAMES: join(SOFTWARE, 'vk_swiftshader_icd.json'),
      LD_LIBRARY_PATH: SOFTWARE,
    };
    const { stdout } = await promisify(execFile)(process.execPath, [RUNS_SOURCE, file], { env });
    const { devices, apart, varied } = JSON.parse(stdout) as { devices: string[]; apart: number; varied: number };
    expect(devices).toEqual(['CPU, 1 thread', 'a card by WebGPU']);
    expect(varied).toBeGreaterThan(0.001);
    expect(apart).toBeLessThan(1e-5);
  },
);
