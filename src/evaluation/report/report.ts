import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { byNumber, explainWrite, namesIn, statIfThere } from '../../base/files.ts';
import { type Calibration, calibrationSchema, UNCALIBRATED } from '../../emotion/calibration.ts';
import { loadClassifier } from '../../emotion/classifier.ts';
import { loadModel } from '../../emotion/layers-format/layers-format.ts';
import { createFaceDetector } from '../../photo/faces/create-detector.ts';
import { DETECTOR_CHOICES } from '../../photo/faces/detector.ts';
import { picturesIn, readPhotoFile } from '../../photo/photo-file.ts';
import { type PhotoReading, type PhotoTools, readPhoto } from '../../photo/read-photo.ts';
import { boxOf, type JudgedFace, judgePhoto } from './judge.ts';
import { alreadyThere, type Labels, writeDraft } from './labels.ts';
import { drawReportPictures, REPORT_LIMITS, type ReportPictures } from './report-pictures.ts';

/** The network and the detector of a report. */
interface ToolChoice {
  /** Directory of the network: the shipped one, a version or the `best` of a training. */
  readonly model: string;
  /** One of DETECTOR_CHOICES. */
  readonly detector: string;
}

/**
 * Loads detector and network for some work, and closes them afterwards, even where the work fails.
 * @throws UserError bad-usage for an unknown detector, bad-model; whatever the work throws
 */
async function withPhotoTools(
  { model, detector: name }: ToolChoice,
  work: (tools: PhotoTools) => Promise<void>,
): Promise<void> {
  const choice = DETECTOR_CHOICES.find((known) => known === name);
  if (!choice) throw new UserError('bad-usage', `There is no detector called ${name}.`);
  const classifier = await loadClassifier(model);
  const detector = createFaceDetector({ detector: choice });
  try {
    await work({ detector, classifier, limits: REPORT_LIMITS });
  } finally {
    await Promise.all([detector.close(), classifier.dispose()]);
  }
}

/** Which network read the photos, and how. */
export interface ModelNote {
  /** Name of its architecture, such as "compact". */
  readonly architecture: string;
  readonly parameters: number;
  /** Whether temperature and threshold were stored with the weights; a training's own folder has none. */
  readonly calibrated: boolean;
  readonly calibration: Calibration;
}

/**
 * Describes the network in a model directory for the report.
 * @throws UserError bad-model as loadModel does
 */
export async function readModelNote(directory: string): Promise<ModelNote> {
  const { network, metadata } = await loadModel(directory);
  const stored = calibrationSchema.safeParse(metadata.calibration).data;
  return {
    architecture: network.architecture.name,
    parameters: network.parameters,
    calibrated: stored !== undefined,
    calibration: stored ?? UNCALIBRATED,
  };
}

/** The photos of a folder that are read. */
interface PhotoList {
  /** Paths within the folder, in the order of the report. */
  readonly names: readonly string[];
  /** Pictures of the folder that the labels file does not name: they are left out. */
  readonly unlabelled: readonly string[];
}

/**
 * The photos to read in a folder and its subfolders: all that the labels name, even missing ones; or all pictures where there are no
 * labels.
 * @throws UserError no-data where the folder cannot be read, has no picture, or has none of the labelled ones
 */
export async function listPhotos(folder: string, labels: Labels | undefined): Promise<PhotoList> {
  await namesIn(folder);
  // Pictures that turn out to be unreadable, such as BMP files, are listed too: the report says that they could not be read.
  const pictures = await picturesIn(folder);
  if (!labels) {
    if (pictures.length === 0) throw new UserError('no-data', `There are no pictures in ${folder}.`);
    return { names: pictures, unlabelled: [] };
  }
  const labelled = await Promise.all([...labels.keys()].map((name) => statIfThere(join(folder, name))));
  if (labelled.every((there) => there === undefined))
    throw new UserError('no-data', `None of the ${labels.size} labelled photos is in ${folder}.`);
  return { names: [...labels.keys()].sort(byNumber), unlabelled: pictures.filter((name) => !labels.has(name)) };
}

/** A photo that was read. */
export interface ReadPhoto extends Required<Pick<PhotoReading, 'width' | 'height' | 'picture' | 'milliseconds'>> {
  readonly name: string;
  /** Detections in the order of their numbers, then the faces that were not found. */
  readonly faces: readonly JudgedFace[];
  /** Its thumbnails are those of `faces`. */
  readonly pictures: ReportPictures;
}

/** A photo that could not be read or judged. It does not count in any figure. */
interface BrokenPhoto {
  readonly name: string;
  readonly error: UserError;
}

export type ReportedPhoto = ReadPhoto | BrokenPhoto;

/**
 * Reads one photo of a folder as the bot reads photos, and judges it by its labels.
 * @throws the signal's reason when it was aborted; a UserError is returned in the answer instead
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

/** The content of a report. */
export interface Report {
  /** The folder, as it was given. */
  readonly folder: string;
  /** The labels file, as it was given; absent where nothing is judged. */
  readonly labels?: string | undefined;
  /** The model directory, as it was given. */
  readonly model: string;
  readonly modelNote: ModelNote;
  readonly detector: string;
  readonly photos: readonly ReportedPhoto[];
  /** Pictures in the folder that were left out since they have no labels. */
  readonly unlabelled: readonly string[];
}

interface ReportQuestion extends ToolChoice {
  readonly folder: string;
  /** The labels file and its content; absent where nothing is judged. */
  readonly labels?: { readonly file: string; readonly photos: Labels } | undefined;
}

/**
 * Reads the photos of a folder one after the other.
 * @param onPhoto is called with each photo once it has been read or has failed
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

interface DraftQuestion extends ToolChoice {
  readonly folder: string;
  /** The file to write: there must be none. */
  readonly labels: string;
}

/**
 * Finds the faces in all pictures of a folder and writes a labels file with a box for each.
 * @param onBroken is called with each photo that cannot be read; the draft leaves it out
 * @returns whether every photo was read
 * @throws UserError as listPhotos, withPhotoTools and writeDraft do; the signal's reason when it was aborted
 */
export async function makeDraft(
  question: DraftQuestion,
  onBroken: (name: string, error: UserError) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const there = await statIfThere(question.labels).catch((error: unknown) => {
    throw explainWrite(question.labels, error);
  });
  if (there) throw alreadyThere(question.labels);
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
