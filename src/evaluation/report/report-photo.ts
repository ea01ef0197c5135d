import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { readPhotoFile } from '../../photo/photo-file.ts';
import { type PhotoReading, type PhotoTools, readPhoto } from '../../photo/read-photo.ts';
import { boxOf, type JudgedFace, judgePhoto } from './judge-photo.ts';
import type { Labels } from './labels-file.ts';
import { REPORT_LIMITS } from './report-limits.ts';
import { drawReportPictures, type ReportPictures } from './report-pictures.ts';

/** A photo that was read. */
export interface ReadPhoto extends Required<Pick<PhotoReading, 'width' | 'height' | 'picture' | 'milliseconds'>> {
  readonly name: string;
  /** Detections in the order of their numbers, then the faces that were not found. */
  readonly faces: readonly JudgedFace[];
  /** Its thumbnails are those of `faces`. */
  readonly pictures: ReportPictures;
}

/** A photo that could not be read or judged; nothing of it counts. */
export interface BrokenPhoto {
  readonly name: string;
  readonly error: UserError;
}

export type ReportedPhoto = ReadPhoto | BrokenPhoto;

/**
 * Reads one photo of a folder as the bot reads photos, and judges it by its labels.
 * @throws the signal's reason when it was aborted; what a person can get wrong is in the answer
 */
export async function reportPhoto(
  folder: string,
  name: string,
  labels: Labels | undefined,
  tools: PhotoTools,
  signal: AbortSignal,
): Promise<ReportedPhoto> {
  try {
    const bytes = await readPhotoFile(join(folder, name), REPORT_LIMITS.maxBytes);
    const { width, height, faces: readings, picture, milliseconds } = await readPhoto(bytes, tools, { signal });
    const faces = judgePhoto({ width, height, faces: readings }, labels?.get(name));
    const pictures = await drawReportPictures(bytes, { width, height }, faces.map(boxOf));
    return { name, width, height, faces, picture: picture!, pictures, milliseconds };
  } catch (error) {
    if (error instanceof UserError) return { name, error };
    throw error;
  }
}

/** The faces of all photos that were read. */
export function facesOf(photos: readonly ReportedPhoto[]): JudgedFace[] {
  return photos.flatMap((photo) => ('error' in photo ? [] : photo.faces));
}
