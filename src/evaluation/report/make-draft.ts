import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { readPhotoFile } from '../../photo/photo-file.ts';
import { type PhotoReading, readPhoto } from '../../photo/read-photo.ts';
import { alreadyThere, writeDraft } from './labels.ts';
import { listPhotos, type ToolChoice, withPhotoTools } from './report.ts';
import { REPORT_LIMITS } from './report-pictures.ts';

export interface DraftQuestion extends ToolChoice {
  readonly folder: string;
  /** The file to write: there must be none. */
  readonly labels: string;
}

/**
 * Finds the faces in all pictures of a folder and writes a labels file with a box for each.
 * @param onBroken is told of a photo that cannot be read; the draft leaves it out
 * @returns whether every photo was read
 * @throws UserError as listPhotos, withPhotoTools and writeDraft do; the signal's reason when it was aborted
 */
export async function makeDraft(
  question: DraftQuestion,
  onBroken: (name: string, error: UserError) => void,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isThere(question.labels)) throw alreadyThere(question.labels);
  const { names } = await listPhotos(question.folder, undefined);
  const found = new Map<string, PhotoReading>();
  await withPhotoTools(question, async (tools) => {
    for (const name of names) {
      try {
        const bytes = await readPhotoFile(join(question.folder, name), REPORT_LIMITS.maxBytes);
        found.set(name, await readPhoto(bytes, tools, { annotate: false, signal }));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        onBroken(name, error);
      }
    }
  });
  await writeDraft(question.labels, found);
  return found.size === names.length;
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
