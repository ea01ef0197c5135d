import type { Labels } from './labels-file.ts';
import { listPhotos } from './list-photos.ts';
import { readModelNote } from './model-note.ts';
import { type ToolChoice, withPhotoTools } from './open-tools.ts';
import type { Report } from './page.ts';
import { type ReportedPhoto, reportPhoto } from './report-photo.ts';

export interface ReportQuestion extends ToolChoice {
  readonly folder: string;
  /** What is in the labels file, and where that is; absent where nothing is judged. */
  readonly labels?: { readonly file: string; readonly photos: Labels } | undefined;
}

/**
 * Reads the photos of a folder one after the other.
 * @param onPhoto is told of each photo as soon as it was read, or could not be
 * @throws UserError as listPhotos and withPhotoTools do; the signal's reason when it was aborted
 */
export async function makeReport(
  question: ReportQuestion,
  onPhoto: (photo: ReportedPhoto) => void,
  signal: AbortSignal,
): Promise<Report> {
  const { folder, labels, model, detector } = question;
  const { names, unlabelled } = await listPhotos(folder, labels?.photos);
  const modelNote = await readModelNote(model);
  const photos: ReportedPhoto[] = [];
  await withPhotoTools(question, async (tools) => {
    for (const name of names) {
      const photo = await reportPhoto(folder, name, labels?.photos, tools, signal);
      photos.push(photo);
      onPhoto(photo);
    }
  });
  return { folder, labels: labels?.file, model, modelNote, detector, photos, unlabelled };
}
