import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPhotoFile } from '../../src/photo/photo-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emotions-files-'));
});
beforeAll(() => symlink('loop.jpg', join(folder, 'loop.jpg')));
afterAll(() => rm(folder, { recursive: true }));

describe('readPhotoFile', () => {
  it('reads a file', async () => {
    await writeFile(join(folder, 'a.bin'), 'abc');
    expect(await readPhotoFile(join(folder, 'a.bin'), 100)).toEqual(Buffer.from('abc'));
  });

  it('reads just enough of a file that is too large to tell', async () => {
    await writeFile(join(folder, 'b.bin'), Buffer.alloc(100_000));
    expect((await readPhotoFile(join(folder, 'b.bin'), 1000)).length).toBe(1001);
  });

  it.each([
    ['none.jpg', 'not-found'],
    ['a.bin/none.jpg', 'not-found'],
    ['\0.jpg', 'not-found'],
    ['.', 'not-a-picture'],
    ['loop.jpg', 'not-found'],
  ])('explains what is wrong with %j', async (name, code) => {
    await expect(readPhotoFile(join(folder, name), 100)).rejects.toMatchObject({ name: 'UserError', code });
  });
});

it.runIf(process.platform === 'linux')('names what the system says of a file that it fails to read', async () => {
  await expect(readPhotoFile('/proc/self/mem', 100)).rejects.toThrow('This file cannot be read (EIO).');
});
