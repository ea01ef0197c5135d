import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMOTIONS, FACE_SIZE } from '../../src/emotion/labels.ts';
import { saveModel } from '../../src/emotion/layers-format/layers-format.ts';
import { unroll } from '../../src/emotion/network.ts';
import { postSample, startMain } from '../helpers/main-process.ts';
import { someWeights } from '../helpers/networks.ts';
import { until } from '../helpers/until.ts';

let directory: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'main-'));
  await saveModel(join(directory, 'model'), untrained());
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A tiny network that has learnt nothing: these tests are about the process, whatever network is shipped. */
function untrained() {
  const network = unroll({
    name: 'untrained',
    summary: 'for tests',
    input: [FACE_SIZE, FACE_SIZE, 1],
    layers: [{ kind: 'globalAveragePool' }, { kind: 'dense', units: EMOTIONS.length }, { kind: 'softmax' }],
  });
  return { network, weights: someWeights(network), metadata: {} };
}

describe('npm start', () => {
  test('a folder without a network ends it with a sentence and status 2', async () => {
    const { output, exitCode } = startMain(directory, { MODEL_DIR: 'nothing-here' });
    expect(await exitCode()).toBe(2);
    expect(output.stdout).toBe('');
    expect(output.stderr).toContain(join(directory, 'nothing-here'));
    expect(output.stderr).not.toContain(' at ');
  });

  test('settings of people that cannot be read end it with a sentence and status 2', async () => {
    mkdirSync(join(directory, 'state'), { mode: 0o700 });
    writeFileSync(join(directory, 'state', 'settings.db'), 'torn'.repeat(1000), { mode: 0o600 });
    const { output, exitCode } = startMain(directory, {});
    expect(await exitCode()).toBe(2);
    expect(output.stdout).toBe('');
    expect(output.stderr).toMatch(/^The settings in \S+settings\.db cannot be opened: .*\n$/);
  });

  test('a Redis that is away is waited for, which is said, until a signal ends it', async () => {
    const { child, output, exitCode } = startMain(directory, { REDIS_URL: 'redis://127.0.0.1:1' });
    await until(() => output.stderr.includes('Redis at REDIS_URL cannot be reached: I wait for it'), 'the warning');
    child.kill('SIGTERM');
    expect(await exitCode()).toBe(0);
    expect(output.stdout).toBe('');
  });

  test('a signal that comes while the network is being loaded ends it cleanly', async () => {
    const { child, output, exitCode } = startMain(directory, {});
    const maps = `/proc/${child.pid}/maps`;
    await until(async () => {
      if (child.exitCode !== null) throw new Error(output.stderr);
      return !existsSync(maps) || (await readFile(maps, 'utf8')).includes('onnxruntime');
    }, 'the engine');
    child.kill('SIGTERM');
    expect(await exitCode()).toBe(0);
    expect(child.signalCode).toBeNull();
    expect(output.stderr).not.toMatch(/terminate|at \w/);
  });

  test('an engine that is not installed ends it with a sentence and status 2', async () => {
    const { output, exitCode } = startMain(directory, { ENGINE: 'tensorflow' });
    expect(await exitCode()).toBe(2);
    expect(output.stderr).toMatch(/^TensorFlow cannot be loaded .* or set ENGINE=onnx/);
  });

  test('settings that cannot be used end it with a sentence and status 2, and stand nowhere', async () => {
    const { output, exitCode } = startMain(directory, { SLACK_BOT_TOKEN: 'xoxb-1234-secret' });
    expect(await exitCode()).toBe(2);
    expect(output.stdout).toBe('');
    expect(output.stderr).toMatch(/^SLACK_APP_TOKEN is missing: .*\n$/);
    expect(output.stderr).not.toContain('1234');
  });

  test('says where its page is, answers a real photo there, loads no chat library that has no token, and nothing else that only some bots or other threads need; Ctrl+C, which reaches every process of the terminal’s group, ends it cleanly too', async () => {
    const report = `if (require('node:worker_threads').isMainThread)
      process.once('exit', () => process.stderr.write(Object.keys(module.constructor._cache).join('\\n')))`;
    const hook = join(directory, 'report.cjs');
    writeFileSync(hook, report);
    const { child, output, address, exitCode } = startMain(directory, { NODE_OPTIONS: `--require=${hook}` });
    const origin = await address();
    expect(output.stdout.trim().split('\n')).toHaveLength(1);
    const answer = await postSample(origin);
    expect(answer.card?.heading).toMatch(/^\d+ (person|people)\b/);
    expect(answer.files[0]?.altText).toMatch(/\w/);
    process.kill(-child.pid!, 'SIGINT');
    expect(await exitCode()).toBe(0);
    await expect(fetch(origin)).rejects.toThrow();
    const loaded = [...output.stderr.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/g)].map(
      ([, name]) => name,
    );
    expect(loaded).toContain('fastify');
    const some = /^(discord|@discord|@slack|ioredis|vega|@techstark|@tensorflow|onnxruntime|sharp|@img|opentype)/;
    expect([...new Set(loaded)].filter((name) => some.test(name!))).toEqual([]);
  });
});
