import { UserError } from '../../base/errors.ts';
import { loadClassifier } from '../../emotion/load-classifier.ts';
import { createFaceDetector } from '../../photo/faces/create-detector.ts';
import { DETECTORS } from '../../photo/faces/detector.ts';
import type { PhotoTools } from '../../photo/read-photo.ts';
import { REPORT_LIMITS } from './report-limits.ts';

/** What a report is made with. */
export interface ToolChoice {
  /** Directory of the network: the shipped one, a version or the `best` of a training. */
  readonly model: string;
  /** One of DETECTORS. */
  readonly detector: string;
}

/**
 * Loads detector and network for some work, and ends them whatever comes of it.
 * @throws UserError bad-usage for a detector that there is not, bad-model; whatever the work throws
 */
export async function withPhotoTools(
  { model, detector: name }: ToolChoice,
  work: (tools: PhotoTools) => Promise<void>,
): Promise<void> {
  const choice = DETECTORS.find((known) => known === name);
  if (!choice) throw new UserError('bad-usage', `--detector is one of ${DETECTORS.join(', ')}.`);
  const classifier = await loadClassifier(model);
  const detector = createFaceDetector({ detector: choice });
  try {
    await work({ detector, classifier, limits: REPORT_LIMITS });
  } finally {
    await Promise.all([detector.close(), classifier.dispose()]);
  }
}
