import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { RUNS_SOURCE } from '../helpers/run-script.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What onnxruntime's telemetry leaves in the user's cache and in the temporary folder. */
const LEFT_BEHIND = /Microsoft|onnxruntime|deviceid|mat-debug/i;

async function traces(...folders: string[]): Promise<string[]> {
  const names = await Promise.all(folders.map((folder) => readdir(folder, { recursive: true })));
  return names.flat().filter((name) => LEFT_BEHIND.test(name));
}

test('reading a photo leaves nothing of onnxruntime’s telemetry behind, in any thread', {
  timeout: 180_000,
}, async () => {
  const home = await temporaryFolder();
  const temporary = await temporaryFolder();
  // Nothing else of this environment: the library also keeps quiet where CI or the like is set, and would prove nothing.
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: temporary, XDG_CACHE_HOME: join(home, '.cache') };
  const run = promisify(execFile);
  const photo = join(ROOT, 'node_modules', '@vladmandic', 'face-api', 'demo', 'sample1.jpg');
  await run(process.execPath, [RUNS_SOURCE, join(ROOT, 'scripts', 'emotions.ts'), photo], { cwd: ROOT, env });
  expect(await traces(home, temporary)).toEqual([]);
  // The library does report where nobody keeps it from that: otherwise this test would see nothing either way.
  const plain = "await (await import('onnxruntime-node')).InferenceSession.create(new Uint8Array(9)).catch(() => {})";
  await run(process.execPath, ['--input-type=module', '--eval', plain], { cwd: ROOT, env });
  expect(await traces(home, temporary)).not.toEqual([]);
});
