import { readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Dispatcher } from '../commands/dispatcher.ts';
import { createCommands } from '../commands/index.ts';
import { createLogger } from '../src/base/log.ts';
import type { PlatformContext } from '../src/chat/platform.ts';
import { loadConfig } from '../src/config.ts';
import { FairQueue } from '../src/work/queue.ts';
import { fakePhotoReader, plainPicture } from './fakes/photo.ts';
import { fakeRules } from './fakes/rules.ts';
import { temporaryFolder } from './helpers/tiny-fer2013.ts';
import { until } from './helpers/until.ts';

const ROOT = join(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');

/** A file as CONTRIBUTING.md shows it, at a place of its own: what it imports is the project's. */
async function shown(path: string): Promise<string> {
  const [, code] = new RegExp(`\`${path}\`[^\`]*:\n\n\`\`\`ts\n(.*?)\`\`\``, 's').exec(TEXT) ?? [];
  if (code === undefined) throw new Error(`CONTRIBUTING.md does not show ${path}`);
  const file = join(await temporaryFolder(), 'shown.ts');
  const from = dirname(join(ROOT, path));
  await writeFile(
    file,
    code.replaceAll(/'(\.\.?\/[^']+\.ts)'/g, (_, other: string) => `'${pathToFileURL(resolve(from, other)).href}'`),
  );
  return file;
}

test('the chat platform that CONTRIBUTING.md shows answers a photo', async () => {
  const { FolderPlatform } = await import(await shown('src/chat/folder/folder.ts'));
  const directory = await temporaryFolder();
  const config = { ...loadConfig({ directory, environment: {} }), folder: { directory } };
  const log = createLogger({ level: 'silent' });
  const queue = new FairQueue({ concurrency: 1, maxWaiting: 5 });
  const services = { readPhoto: fakePhotoReader(), queue, maxBytes: 1e7, ...fakeRules() };
  const dispatcher = new Dispatcher(createCommands(services), log);
  const context = { config, log, dispatch: dispatcher.dispatch.bind(dispatcher) } as unknown as PlatformContext;
  const platform = new FolderPlatform(context);
  onTestFinished(() => platform.stop(AbortSignal.timeout(5000)));
  expect(await platform.start()).toBe(`Put photos into ${join(directory, 'in')}`);
  await writeFile(join(directory, 'photo.png'), await plainPicture(64, 48));
  await rename(join(directory, 'photo.png'), join(directory, 'in', 'photo.png'));
  const answer = join(directory, 'out', 'photo.png.txt');
  expect(await until(() => readFile(answer, 'utf8').catch(() => undefined))).toContain('A guess from one picture');
});

test('the face detector that CONTRIBUTING.md shows finds what has the colour of skin', async () => {
  const { default: find } = await import(await shown('src/photo/faces/skin-worker.ts'));
  const [width, height] = [100, 80];
  const data = new Uint8Array(width * height * 3).fill(128);
  for (let y = 20; y < 60; y++) for (let x = 30; x < 70; x++) data.set([220, 170, 140], 3 * (y * width + x));
  const [face, ...more] = find({ width, height, data });
  expect(more).toEqual([]);
  expect(face).toEqual({ x: 34, y: 24, width: 33, height: 33, angle: 0, score: 1 });
});
