import { type Calibration, calibrationSchema, UNCALIBRATED } from '../../emotion/calibration.ts';
import { loadModel } from '../../emotion/layers-format/layers-format.ts';

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
 * What loadClassifier makes of a model directory, for people to read.
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
