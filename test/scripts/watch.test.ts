import fs from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { newPhotos } from '../../scripts/emotions/watch.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

const watchNow = fs.watch;

/** What is reported about a folder that is being watched, in the order in which it is reported. */
async function watching(album: string, out?: string): Promise<string[]> {
  const told: string[] = [];
  const end = new AbortController();
  let isReady = false;
  const onReady = () => {
    isReady = true;
  };
  const ended = (async () => {
    for await (const { name } of newPhotos(album, out, end.signal, onReady)) told.push(relative(album, name));
  })();
  onTestFinished(async () => {
    end.abort();
    await ended;
  });
  await until(() => isReady, 'the folder being watched');
  return told;
}

test('a photo is read once, however it gets into the folder', async () => {
  const [album, aside] = [await temporaryFolder(), await temporaryFolder()];
  await writeFile(join(album, 'there-before.png'), 'x');
  await mkdir(join(aside, 'moved', 'in', 'it'), { recursive: true });
  for (const name of ['one.png', 'moved/two.png', 'moved/in/it/three.png']) await writeFile(join(aside, name), 'x');
  const told = await watching(album, join(album, 'out'));

  await rename(join(aside, 'one.png'), join(album, 'one.png'));
  await rename(join(aside, 'moved'), join(album, 'moved'));
  await mkdir(join(album, 'a', 'b', 'c'), { recursive: true });
  await writeFile(join(album, 'a', 'b', 'c', 'deep.png'), 'x');
  await mkdir(join(album, 'out'));
  await writeFile(join(album, 'out', 'one-emotions.jpg'), 'x');
  await mkdir(join(album, '.hidden'));
  await writeFile(join(album, '.hidden', 'x.png'), 'x');
  // Half of it first, and the rest before it is settled.
  await writeFile(join(album, 'slow.png'), 'x'.repeat(1000));
  await delay(200);
  await writeFile(join(album, 'slow.png'), 'x'.repeat(1000), { flag: 'a' });
  const all = ['a/b/c/deep.png', 'moved/in/it/three.png', 'moved/two.png', 'one.png', 'slow.png'];
  await until(() => told.length >= all.length, 'all of them');
  expect(told.toSorted()).toEqual(all);

  await writeFile(join(album, 'one.png'), 'another');
  await rm(join(album, 'moved', 'two.png'));
  await until(() => told.length >= 6, 'the one that changed');
  await writeFile(join(album, 'moved', 'two.png'), 'again');
  await until(() => told.length >= 7, 'the one that is there again');
  expect(told.slice(5)).toEqual(['one.png', 'moved/two.png']);
});

test('a photo that is put into a new folder after it was listed and before it is watched is read too, and again when it changes', async () => {
  const album = await temporaryFolder();
  const told = await watching(album);
  const photo = join(album, 'sub', 'new.png');
  // The system is asked to watch the folder once its list has been read: the photo is in neither.
  const asked = vi.spyOn(fs, 'watch').mockImplementation(((path: string, ...rest: unknown[]) => {
    if (path === dirname(photo)) fs.writeFileSync(photo, 'x');
    return Reflect.apply(watchNow, fs, [path, ...rest]);
  }) as typeof fs.watch);
  syncBuiltinESMExports();
  onTestFinished(() => {
    asked.mockRestore();
    syncBuiltinESMExports();
  });
  await mkdir(dirname(photo));
  await until(() => told.length === 1, 'the photo');
  await writeFile(photo, 'changed');
  await until(() => told.length === 2, 'what it was changed to');
  await rm(photo);
  await until(async () => !(await readdir(dirname(photo))).includes('new.png'));
  await writeFile(photo, 'again');
  await until(() => told.length === 3, 'the one that is there again');
  expect(told).toEqual(Array(3).fill(join('sub', 'new.png')));
});
