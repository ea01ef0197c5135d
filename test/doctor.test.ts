import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { examine, type Finding } from '../src/doctor.ts';
import { temporaryFolder } from './helpers/tiny-fer2013.ts';

const root = new URL('..', import.meta.url).pathname;

async function findings(environment: Record<string, string>): Promise<Record<string, Finding>> {
  const directory = await temporaryFolder();
  const config = loadConfig({ directory, environment: { ENGINE: 'onnx', ...environment } });
  return Object.fromEntries((await examine(config)).map((finding) => [finding.part, finding]));
}

test('the doctor says what is active, and what to do about what is not', async () => {
  const found = await findings({ MODEL_DIR: join(root, 'model') });
  expect(Object.values(found).filter(({ state }) => state === 'broken')).toEqual([]);
  expect(found.Engine).toMatchObject({ state: 'ok', finding: expect.stringContaining('onnx') });
  expect(found.Network).toMatchObject({ state: 'ok', finding: expect.stringContaining('vgg9') });
  expect(found['Face detector']).toMatchObject({ state: 'ok' });
  expect(found['Training data']).toMatchObject({ state: 'off', remedy: expect.stringContaining('data/README.md') });
  expect(found.Discord).toMatchObject({ state: 'off', remedy: expect.stringContaining('DISCORD_TOKEN') });
  expect(found.Figures).toMatchObject({ state: 'off', remedy: expect.stringContaining('METRICS_PORT') });
});

test('the doctor names what is broken, and shows no token', async () => {
  const data = await temporaryFolder();
  await mkdir(join(data, 'chunks'));
  await writeFile(join(data, 'fer2013_01.csv.gz'), '');
  const token = 'a-token-that-nobody-may-see';
  const state = await temporaryFolder();
  await chmod(state, 0o755);
  const found = await findings({
    MODEL_DIR: '/nowhere',
    DATA_DIR: data,
    STATE_DIR: state,
    DISCORD_TOKEN: token,
    DETECTOR: 'network',
    METRICS_PORT: '9464',
  });
  expect(found['State folder']).toMatchObject({ state: 'ok', remedy: expect.stringContaining('chmod') });
  expect(found.Network).toMatchObject({ state: 'broken', finding: expect.stringContaining('/nowhere') });
  expect(found.Network!.remedy).toContain('MODEL_DIR');
  expect(found['Training data']).toMatchObject({ state: 'ok', finding: expect.stringContaining('1 files') });
  expect(found.Discord).toMatchObject({ state: 'ok', remedy: expect.stringMatching(/one process.*10,000 users/) });
  expect(found.Figures).toMatchObject({ state: 'ok', finding: expect.stringMatching(/port 9464 of 127\.0\.0\.1/) });
  expect(JSON.stringify(found)).not.toContain(token);
});
