import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOutputFolder } from '../../scripts/emotions.ts';
import { readPhotoFile } from '../../src/photo/photo-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emotions-files-'));
});
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
  ])('explains what is wrong with %j', async (name, code) => {
    await expect(readPhotoFile(join(folder, name), 100)).rejects.toMatchObject({ name: 'UserError', code });
  });
});

describe('openOutputFolder', () => {
  const bytes = Buffer.from('picture');

  it('makes the folder and names pictures after their photos', async () => {
    const out = await openOutputFolder(join(folder, 'new', 'deep'), []);
    expect(await out.write('some/where/holiday.png', bytes)).toBe(join(folder, 'new', 'deep', 'holiday-emotions.jpg'));
    expect(await readFile(join(folder, 'new', 'deep', 'holiday-emotions.jpg'))).toEqual(bytes);
  });

  it('keeps photos of one name apart, however it is spelt', async () => {
    const path = join(folder, 'same');
    const out = await openOutputFolder(path, []);
    for (const photo of ['a/x.jpg', 'b/x.jpg', 'a/x.png', 'X.JPG']) await out.write(photo, bytes);
    expect((await readdir(path)).sort()).toEqual(
      ['x-emotions.jpg', 'x-emotions-2.jpg', 'x-emotions-3.jpg', 'X-emotions-4.jpg'].sort(),
    );
  });

  it('replaces what an earlier run wrote', async () => {
    const path = join(folder, 'again');
    await (await openOutputFolder(path, [])).write('x.jpg', Buffer.from('old'));
    await (await openOutputFolder(path, [])).write('x.jpg', bytes);
    expect(await readdir(path)).toEqual(['x-emotions.jpg']);
    expect(await readFile(join(path, 'x-emotions.jpg'))).toEqual(bytes);
  });

  it('never writes over a photo that is read, nor through a link to one', async () => {
    const path = join(folder, 'in-place');
    await mkdir(path);
    const photos = [join(path, 'x.jpg'), join(path, 'x-emotions.jpg'), join(folder, 'elsewhere.jpg')];
    for (const photo of photos) await writeFile(photo, 'original');
    await symlink(photos[2]!, join(path, 'x-emotions-2.jpg'));
    const out = await openOutputFolder(path, photos);
    expect(await out.write(photos[0]!, bytes)).toBe(join(path, 'x-emotions-3.jpg'));
    expect(await out.write(photos[1]!, bytes)).toBe(join(path, 'x-emotions-emotions.jpg'));
    for (const photo of photos) expect(await readFile(photo, 'utf8')).toBe('original');
  });

  it.each(['a.bin', 'a.bin/below', ''])('explains that %j is no folder', async (name) => {
    await writeFile(join(folder, 'a.bin'), 'abc');
    const path = name && join(folder, name);
    await expect(openOutputFolder(path, [])).rejects.toMatchObject({ name: 'UserError', code: 'bad-usage' });
  });
});
