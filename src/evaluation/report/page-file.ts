import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { explainWrite } from '../../base/files.ts';

/** A page on its way to the disk: what stood at its path stays until the page is whole. */
export interface PageFile {
  /** Writes the pieces and puts the page in place. */
  finish(pieces: AsyncIterable<string>): Promise<void>;
  /** Gives up; does nothing after finish. */
  discard(): Promise<void>;
}

/**
 * Opens `<path>.tmp`, and makes its folder where there is none, so that a mistake is known before the photos are read.
 * @throws UserError bad-usage where the path is no place for a page, not-allowed, no-space
 */
export async function openPageFile(path: string): Promise<PageFile> {
  if (!/\.html?$/i.test(path))
    throw new UserError('bad-usage', `--output names a page, such as report.html, not ${path}.`);
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isFile()) throw new UserError('bad-usage', `${path} is there and is no file.`);
  const aside = `${path}.tmp`;
  const file = await explained(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    return await open(aside, 'w');
  });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    async finish(pieces) {
      await explained(path, async () => {
        await writeAll(file, pieces);
        await close();
        await rename(aside, path);
      });
    },
    async discard() {
      await close();
      await rm(aside, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) await file.appendFile(piece);
}

async function explained<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw explainWrite(path, error);
  }
}
