import { type Network, sizeOf, type Weights } from '../network.ts';

/** 'auto' takes TensorFlow where it finds a GPU, else onnxruntime, which every installation has. */
export const ENGINE_CHOICES = ['auto', 'onnx', 'tensorflow'] as const;

export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** onnxruntime's execution providers for reading faces: the CPU, a GPU by WebGPU, or an NVIDIA GPU by CUDA. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;

export type Provider = (typeof PROVIDERS)[number];

/** @throws Error where `x` does not hold `count` inputs of the network */
export function checkInputs({ architecture }: Network, x: Float32Array, count: number): void {
  if (x.length !== count * sizeOf(architecture.input))
    throw new Error(`${x.length} numbers are not ${count} inputs of ${architecture.input.join('x')}`);
}

/** Runs and trains networks. Data goes in and out as plain arrays, so that no caller knows which library computes. */
export interface Engine {
  readonly name: 'onnx' | 'tensorflow';
  /** The device, as text: "CPU, 2 threads". */
  readonly device: string;
  /** Why it does not compute on the requested device, as a clause; absent where it does. */
  readonly trouble?: string;
  predictor(network: Network, weights: Weights, options?: PredictorOptions): Promise<Predictor>;
  trainer(network: Network, weights: Weights, options: TrainerOptions): Promise<TrainingSession>;
}

interface PredictorOptions {
  /** Threads to compute with; the engine's own choice by default. */
  readonly threads?: number;
}

export interface Predictor {
  /**
   * @param x normalised inputs, count * height * width * channels numbers, channels last
   * @returns probabilities, count * classes numbers
   */
  predict(x: Float32Array, count: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export type OptimizerOptions =
  /** v = momentum * v + g; w -= lr * (nesterov ? g + momentum * v : v) */
  | { readonly kind: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
  /** Kingma & Ba (2015, arXiv 1412.6980), epsilon added outside the root of the corrected second moment. */
  | { readonly kind: 'adam'; readonly beta1: number; readonly beta2: number; readonly epsilon: number };

export interface TrainerOptions {
  readonly batchSize: number;
  readonly optimizer: OptimizerOptions;
  /** lambda of the penalty lambda / 2 * sum(w^2) over convolution and dense kernels; its gradient is lambda * w. */
  readonly weightDecay: number;
  /** The whole gradient is scaled down to this Euclidean norm where it is longer; 0 switches it off. */
  readonly clipNorm: number;
  /** Decay of the moving average of the weights, 0..1; 0 keeps none. */
  readonly averageDecay: number;
  /** The seed of the dropout masks, used together with a batch's epoch and number. */
  readonly seed: number;
  readonly threads?: number;
  /** Optimizer state to continue from, as `state()` gave it. */
  readonly state?: TrainingState;
}

/**
 * The decay of the moving average in step t = 1, 2, ...: smaller early on, so that the random first weights are soon
 * forgotten.
 */
export function averageDecayAt(step: number, decay: number): number {
  return Math.min(decay, step / (9 + step));
}

export interface TrainingBatch {
  /** batchSize * height * width * channels normalised inputs, channels last. */
  readonly x: Float32Array;
  /** batchSize * classes targets; smoothed, mixed or weighted: a row need not sum to 1. */
  readonly y: Float32Array;
  /** The batch's epoch and number, both from 0. The dropout masks depend on them. */
  readonly epoch: number;
  readonly index: number;
}

export interface StepResult {
  /** Mean over the batch of -sum(target * log(probability)), without the weight penalty. */
  readonly loss: number;
  /** Number of inputs whose likeliest class is the class of the largest target. */
  readonly correct: number;
}

/** The state that an optimizer keeps between steps, by name, in TensorFlow's layout. */
export interface TrainingState {
  readonly step: number;
  readonly slots: ReadonlyMap<string, Float32Array>;
}

export interface TrainingSession {
  /** Forward, backward and update on one batch. */
  step(batch: TrainingBatch, learningRate: number): Promise<StepResult>;
  /** A copy of the weights as they are now. */
  weights(): Promise<Weights>;
  /** A copy of their moving average; undefined if none is kept. */
  average(): Promise<Weights | undefined>;
  /** A copy of the optimizer's state, moving average included. */
  state(): Promise<TrainingState>;
  dispose(): Promise<void>;
}
