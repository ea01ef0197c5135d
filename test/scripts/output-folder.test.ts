import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOutputFolder } from '../../scripts/emotions/output-folder.ts';
import { type PhotoSource, photoFile } from '../../scripts/emotions/photos.ts';
import { fillDisk, smallDisk } from '../helpers/small-disk.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emotions-output-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('openOutputFolder', () => {
  const bytes = Buffer.from('picture');

  it('makes the folder and names pictures after their photos', async () => {
    const out = await openOutputFolder(join(folder, 'new', 'deep'), []);
    expect(await out.write(photoFile('some/where/holiday.png'), bytes)).toBe(
      join(folder, 'new', 'deep', 'holiday-emotions.jpg'),
    );
    expect(await readFile(join(folder, 'new', 'deep', 'holiday-emotions.jpg'))).toEqual(bytes);
  });

  it.skipIf(process.platform !== 'linux')('says so where no folder can be made', async () => {
    for (const path of ['/proc/none', '/proc/none/deeper'])
      await expect(openOutputFolder(path, [])).rejects.toMatchObject({ code: 'bad-usage' });
  });

  const names = async (path: string) => (await readdir(path, { recursive: true })).sort();
  const writeAll = async (path: string, ...photos: PhotoSource[]) => {
    const out = await openOutputFolder(path, photos);
    const written: string[] = [];
    for (const photo of photos) written.push(relative(path, await out.write(photo, Buffer.from(photo.name))));
    return written;
  };

  it('gives photos with the same name different names, by their folder or ending, in upper and lower case', async () => {
    expect(
      await writeAll(join(folder, 'same'), ...['a/x.jpg', 'b/x.jpg', 'y.jpg'].map((name) => photoFile(name))),
    ).toEqual(['a-x-emotions.jpg', 'b-x-emotions.jpg', 'y-emotions.jpg']);
    expect(
      await writeAll(join(folder, 'endings'), photoFile('a/x.jpg'), photoFile('a/x.png'), photoFile('a/X.JPG')),
    ).toEqual(['x-emotions-2.jpg', 'x-png-emotions.jpg', 'X-emotions-3.jpg']);
    expect(await writeAll(join(folder, 'deeper'), photoFile('1/b/x.jpg'), photoFile('2/b/x.jpg'))).toEqual([
      '1-b-x-emotions.jpg',
      '2-b-x-emotions.jpg',
    ]);
    // As a drive of Windows is called: no name of a file there may hold that.
    expect(await writeAll(join(folder, 'drives'), photoFile('c:/x.jpg'), photoFile('d:/x.jpg'))).toEqual([
      'c-x-emotions.jpg',
      'd-x-emotions.jpg',
    ]);
  });

  it('keeps the subfolders of the named folder, and writes one picture for a photo that is named twice', async () => {
    const path = join(folder, 'tree');
    const twice = photoFile('in/sub/x.jpg', 'sub/x.jpg');
    await writeAll(path, twice, photoFile('in/x.jpg', 'x.jpg'), twice);
    expect(await names(path)).toEqual(['sub', 'sub/x-emotions.jpg', 'x-emotions.jpg']);
    expect(await readFile(join(path, 'sub', 'x-emotions.jpg'), 'utf8')).toBe('in/sub/x.jpg');
  });

  it('gives a photo that was not known before another name than the known ones', async () => {
    const out = await openOutputFolder(join(folder, 'later'), []);
    for (const name of ['a/x.jpg', 'b/x.jpg', 'a/x.jpg', 'b/x.png']) await out.write(photoFile(name), bytes);
    expect(await names(join(folder, 'later'))).toEqual(['x-emotions.jpg', 'x-jpg-emotions.jpg', 'x-png-emotions.jpg']);
  });

  it('replaces what an earlier run wrote', async () => {
    const path = join(folder, 'again');
    await (await openOutputFolder(path, [])).write(photoFile('x.jpg'), Buffer.from('old'));
    await (await openOutputFolder(path, [])).write(photoFile('x.jpg'), bytes);
    expect(await readdir(path)).toEqual(['x-emotions.jpg']);
    expect(await readFile(join(path, 'x-emotions.jpg'))).toEqual(bytes);
  });

  it('keeps what an earlier run wrote where the disk is full, and leaves no part of a picture', async (context) => {
    const disk = (await smallDisk(256 * 1024)) ?? context.skip('a file system cannot be mounted here');
    const out = await openOutputFolder(disk, []);
    await out.write(photoFile('x.jpg'), bytes);
    await fillDisk(join(disk, 'other'), 16 * 1024);
    await expect(out.write(photoFile('x.jpg'), Buffer.alloc(64 * 1024))).rejects.toMatchObject({ code: 'no-space' });
    expect(await names(disk)).toEqual(['other', 'x-emotions.jpg']);
    expect(await readFile(join(disk, 'x-emotions.jpg'))).toEqual(bytes);
  });

  it('never writes over a photo that is read, nor through a link to one', async () => {
    const path = join(folder, 'in-place');
    await mkdir(path);
    const photos = [join(path, 'x.jpg'), join(path, 'x-emotions.jpg'), join(folder, 'elsewhere.jpg')];
    for (const photo of photos) await writeFile(photo, 'original');
    await symlink(photos[2]!, join(path, 'x-jpg-emotions.jpg'));
    const out = await openOutputFolder(
      path,
      photos.map((photo) => photoFile(photo)),
    );
    expect(await out.write(photoFile(photos[0]!), bytes)).toBe(join(path, 'in-place-x-emotions.jpg'));
    expect(await out.write(photoFile(photos[1]!), bytes)).toBe(join(path, 'x-emotions-emotions.jpg'));
    for (const photo of photos) expect(await readFile(photo, 'utf8')).toBe('original');
  });

  it.each(['a.bin', 'a.bin/below', ''])('explains that %j is no folder', async (name) => {
    await writeFile(join(folder, 'a.bin'), 'abc');
    const path = name && join(folder, name);
    await expect(openOutputFolder(path, [])).rejects.toMatchObject({ name: 'UserError', code: 'bad-usage' });
  });
});
