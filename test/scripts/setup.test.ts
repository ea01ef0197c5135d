import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { outcomeOf } from '../../scripts/setup/steps.ts';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

/** Programs of the system's, as they are on some machine; what they were called with is in `calls`. */
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => vi.unstubAllEnvs());

async function machine(programs: Record<string, string>): Promise<void> {
  for (const [name, body] of Object.entries(programs)) {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${body}\n`);
    await chmod(path, 0o755);
  }
  vi.stubEnv('PATH', [folder, process.env.PATH].join(delimiter));
}

const calls = async () => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');

test('setup:native says what to type where OpenCV is missing and may not be installed', async () => {
  await machine({ 'pkg-config': 'exit 1', 'apt-get': 'exit 0', npm: 'exit 1' });
  const { code, stderr } = await runScript('setup-native.ts', '--system', 'keep');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/sudo apt-get install libopencv-dev .*g\+\+/)]);
  expect((await calls()).filter((call) => /^npm|install/.test(call))).toEqual([]);
});

test('setup:native ends with the output of the program that failed', async () => {
  await machine({ 'pkg-config': 'echo /usr', npm: 'echo nothing reaches the registry; exit 1' });
  const { code, stderr } = await runScript('setup-native.ts');
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/Loading the package failed: npm install.*\n.*nothing reaches/),
  ]);
  // An optional peer is installed as something else only.
  expect((await calls()).at(-1)).toMatch(/^npm install --no-save --save-optional .*@u4\/opencv4nodejs@7\.1\.2/);
});

test('setup:gpu installs nothing where there is no card', async () => {
  await machine({ 'nvidia-smi': 'echo no devices were found; exit 6', npm: 'exit 1' });
  const { code, stderr } = await runScript('setup-gpu.ts');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/no NVIDIA card.*onnx engine needs no card/)]);
  expect(await calls()).toEqual(['nvidia-smi --list-gpus']);
});

const AWAY = `echo "Error: getaddrinfo ENOTFOUND HOST {"; echo "  hostname: 'HOST'"; exit 1`;

test.each([
  ['tensorflow', 'storage.googleapis.com', 'rebuild --ignore-scripts=false @tensorflow/tfjs-node-gpu'],
  ['onnx', 'api.nuget.org', 'rebuild --ignore-scripts=false onnxruntime-node'],
])('setup:gpu --for %s names the host that it does not reach', async (which, host, typed) => {
  await machine({
    'nvidia-smi': 'echo "GPU 0: NVIDIA T4 (UUID: GPU-1234)"',
    npm: `case "$1" in rebuild) echo "cuda: $ONNXRUNTIME_NODE_INSTALL" >> ${join(folder, 'calls')}; ${AWAY.replaceAll('HOST', host)};; esac`,
  });
  const { code, stderr } = await runScript('setup-gpu.ts', '--for', which);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(
      new RegExp(`this machine does not reach ${host.replaceAll('.', '\\.')} \\(ENOTFOUND\\).*\\n.*needs no card`),
    ),
  ]);
  expect((await calls()).join('\n')).toContain(`npm ${typed}`);
  expect((await calls()).at(-1)).toBe(which === 'onnx' ? 'cuda: cuda12' : 'cuda:');
});

test('setup:gpu names the card without its id, and says what TensorFlow’s own installation said', async () => {
  await machine({
    'nvidia-smi': 'echo "GPU 0: NVIDIA T4 (UUID: GPU-1234)"',
    npm: 'case "$1" in rebuild) echo "no libtensorflow"; exit 1;; esac',
  });
  const { code, stderr } = await runScript('setup-gpu.ts');
  expect([code, stderr]).toEqual([1, expect.stringMatching(/Loading TensorFlow failed.*\n.*no libtensorflow/)]);
  expect(stderr).toContain('GPU 0: NVIDIA T4');
  expect(stderr).not.toContain('1234');
});

test('a program is not started after an interruption', async () => {
  const file = join(await temporaryFolder(), 'started');
  const reason = new Error('Ctrl-C');
  const step = { program: 'touch', args: [file], signal: AbortSignal.abort(reason) };
  await expect(outcomeOf(step)).rejects.toBe(reason);
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
});
