import { UserError } from '../base/errors.ts';
import { calibrationOf, rowOf, temper } from './calibration.ts';
import type { Engine } from './engines/engine.ts';
import { createOnnxEngine } from './engines/onnx/onnx-engine.ts';
import { EMOTIONS, FACE_SIZE, likeliestEmotion, type Scores, toScores } from './labels.ts';
import { loadModel, type StoredModel } from './layers-format/layers-format.ts';
import { joinCrops, readViews } from './views.ts';

/** Why a face cannot be read, whatever the network's answer is. */
export type Unreadable = 'small' | 'covered' | 'cut' | 'no-person';

/** What the network sees in one face. */
export interface Reading {
  /** Calibrated probability of each emotion, 0..1, summing to 1. */
  readonly scores: Scores;
  /** The likeliest emotion, or 'unsure' where its probability is below the model's threshold. */
  readonly emotion: keyof Scores | 'unsure';
  /** Probability of the likeliest emotion, 0..1. */
  readonly confidence: number;
  /** Why the reading is 'unsure' although the network may be sure; absent where the face can be read. */
  readonly unreadable?: Unreadable;
}

/** Reads emotions from face crops; a batch at a time. */
export interface Classifier {
  /**
   * @param crops gray face crops, 48 x 48 bytes each (row by row, 0 black .. 255 white), as FER2013 stores them
   * @param signal gives up waiting; a classifier on a thread of its own replaces one that hangs then
   * @returns one reading a crop, in the same order; [] for no crops
   */
  classify(crops: readonly Uint8Array[], signal?: AbortSignal): Promise<Reading[]>;
  /** Frees the network's memory; classify must not be called afterwards. */
  dispose(): Promise<void>;
}

interface ClassifierOptions {
  /** The engine; onnx by default. */
  readonly engine?: Engine;
  /** Threads to compute with; the engine's choice by default. */
  readonly threads?: number;
}

/**
 * Loads the network in a model directory, ready to read faces.
 * @throws UserError 'bad-model' where the directory does not hold a whole network with 48 x 48 x 1 inputs and seven outputs
 */
export async function loadClassifier(modelDirectory: string, options: ClassifierOptions = {}): Promise<Classifier> {
  return await createClassifier(await loadModel(modelDirectory), modelDirectory, options);
}

/**
 * The same for a model that is already in memory.
 * @param from where it was read, for the error message
 * @throws UserError 'bad-model' where the network does not have 48 x 48 x 1 inputs and seven outputs
 */
export async function createClassifier(
  { network, weights, metadata }: StoredModel,
  from: string,
  options: ClassifierOptions = {},
): Promise<Classifier> {
  const output = network.nodes.at(-1)!.shape;
  if (network.architecture.input.join() !== `${FACE_SIZE},${FACE_SIZE},1` || output.join() !== `${EMOTIONS.length}`)
    throw new UserError(
      'bad-model',
      `The network in ${from} takes ${network.architecture.input.join('x')} and gives ${output.join('x')}, ` +
        `but faces are ${FACE_SIZE}x${FACE_SIZE}x1 and emotions ${EMOTIONS.length}.`,
    );
  const calibration = calibrationOf(metadata);
  const { engine = createOnnxEngine(), threads } = options;
  const predictor = await engine.predictor(network, weights, threads === undefined ? {} : { threads });
  return {
    async classify(crops) {
      if (crops.length === 0) return [];
      const probabilities = await readViews(predictor, joinCrops(crops), calibration.softness);
      return crops.map((_, k) => {
        const row = rowOf(probabilities, k);
        temper(row, calibration.temperature);
        return readingOf(row, calibration.unsureBelow);
      });
    },
    dispose: () => predictor.dispose(),
  };
}

function readingOf(probabilities: Float32Array, unsureBelow: number): Reading {
  const scores = toScores(probabilities);
  const likeliest = likeliestEmotion(scores);
  const confidence = scores[likeliest];
  return { scores, emotion: confidence < unsureBelow ? 'unsure' : likeliest, confidence };
}
