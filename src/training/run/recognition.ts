import { codeOf, UserError } from '../../base/errors.ts';
import { type FaceApiWeight, readFaceApiWeights } from '../../base/face-api-weights.ts';
import { architectureOf } from '../../emotion/architectures.ts';
import { normalisedSpreads } from '../../emotion/engines/onnx/observe.ts';
import { FACE_PIXELS } from '../../emotion/labels.ts';
import { type Network, type NetworkNode, unroll, type Weights } from '../../emotion/network.ts';
import { normaliseAll } from '../../emotion/views.ts';
import type { FaceSet } from '../data/face-set.ts';
import { initialWeights } from './initial-weights.ts';

/**
 * A pre-trained network to start from: dlib's face recognition (a ResNet by Davis King, trained on three million pictures of
 * faces, public domain: https://github.com/davisking/dlib-models). The npm package @vladmandic/face-api holds its weights, one
 * byte each. Training from there is faster, and generalises better, than training from random weights
 * (docs/experiments.md).
 */

/** The resulting architecture. */
const ARCHITECTURE = 'resnet';

/** The blocks that are used, in order. The blocks of 256 channels that follow would shrink the maps to less than a pixel. */
const BLOCKS = [
  ...['conv32_1', 'conv32_2', 'conv32_3'],
  ...['conv64_down', 'conv64_1', 'conv64_2', 'conv64_3'],
  ...['conv128_down', 'conv128_1', 'conv128_2'],
  ...['conv256_down', 'conv256_1'],
];
const CONVOLUTIONS = ['conv32_down', ...BLOCKS.flatMap((block) => [`${block}/conv1`, `${block}/conv2`])];

/**
 * A standardised crop has a standard deviation of 1. face-api's input, (colour - mean) / 256, has about this one: that of
 * FER2013's crops.
 */
const SPREAD = 0.22;

/** Channels with a smaller variance are as good as dead: their kernels are not scaled up further. */
const LEAST_VARIANCE = 1e-4;

/** How many faces set the running statistics. */
const SAMPLE = 256;

type Faces = Pick<FaceSet, 'count' | 'pixels'>;

/** The scale layer after each of face-api's convolutions: each channel times gamma, plus beta. */
interface Scale {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

interface Start {
  readonly network: Network;
  readonly weights: Weights;
}

/**
 * The 'resnet' that computes what face-api's recognition computes from a crop at twice its size, with grays in place of colours
 * and with maps padded on all sides. Its scales become batch normalisations that leave its values unchanged for `faces`. The
 * last layers are new: a normalisation, and the dense layer.
 * @param faces at least one; the first 256 set the running statistics
 * @param seed of the dense layer's weights
 * @throws UserError 'not-found' where face-api or its files are missing
 * @throws Error where its files are not in the known format
 */
export async function recognitionStart(faces: Faces, seed: number): Promise<Start> {
  const network = unroll(architectureOf(ARCHITECTURE));
  const known = await readFaceApiWeights('face_recognition_model').catch(explainMissing);
  const taken = new Map(initialWeights(network, seed));
  const scales = new Map<string, Scale>();
  const names = [...CONVOLUTIONS];
  let from: string | undefined;
  for (const node of network.nodes) {
    if (node.op === 'conv' && node.kernel > 1) {
      from = names.shift()!;
      taken.set(
        `${node.name}/kernel`,
        from === CONVOLUTIONS[0] ? firstKernel(known) : numbersOf(known, `${from}/conv/filters`),
      );
    } else if (node.op === 'conv') {
      taken.set(`${node.name}/kernel`, firstChannels(node));
    } else if (node.op === 'batchNorm' && node.shape.length === 3) {
      const gamma = numbersOf(known, `${from}/scale/weights`);
      const shift = numbersOf(known, `${from}/scale/biases`);
      const bias = numbersOf(known, `${from}/conv/bias`);
      const beta = shift.map((value, k) => value + bias[k]! * gamma[k]!);
      scales.set(node.name, { gamma, beta });
      // With a mean of 0 and a variance of 1 (less epsilon) it only scales and shifts, as in the original network.
      taken.set(`${node.name}/gamma`, gamma);
      taken.set(`${node.name}/beta`, beta);
      taken.set(`${node.name}/moving_variance`, new Float32Array(gamma.length).fill(1 - node.epsilon));
    }
  }
  return { network, weights: await rescaled(network, taken, scales, faces) };
}

function explainMissing(error: unknown): never {
  if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
  const sentence =
    "face-api's face recognition is not installed here, such as after npm run slim: npm ci brings it back.";
  throw new UserError('not-found', sentence, { cause: error });
}

/**
 * The same network with running statistics from `faces`, and with kernels scaled so that each channel has a variance of about 1.
 * A normalisation cancels the length of a kernel. But the shorter a kernel is, the more a step changes its direction: face-api's
 * are so short that the network would forget within a few steps.
 */
async function rescaled(
  network: Network,
  weights: Weights,
  scales: ReadonlyMap<string, Scale>,
  faces: Faces,
): Promise<Weights> {
  const count = Math.min(SAMPLE, faces.count);
  const x = normaliseAll(faces.pixels.subarray(0, count * FACE_PIXELS));
  const spreads = await normalisedSpreads(network, weights, x, count);
  const result = new Map(weights);
  for (const node of network.nodes) {
    if (node.op !== 'batchNorm') continue;
    const { mean, variance } = spreads.get(node.name)!;
    const scale = scales.get(node.name);
    const lengths = variance.map((value) => (scale ? Math.sqrt(Math.max(value, LEAST_VARIANCE)) : 1));
    const moving = variance.map((value, k) => value / lengths[k]! ** 2);
    const set = (role: string, value: (k: number) => number) =>
      result.set(
        `${node.name}/${role}`,
        Float32Array.from(mean, (_, k) => value(k)),
      );
    set('moving_mean', (k) => mean[k]! / lengths[k]!);
    set('moving_variance', (k) => moving[k]!);
    if (scale === undefined) continue;
    const { gamma, beta } = scale;
    set('gamma', (k) => gamma[k]! * lengths[k]! * Math.sqrt(moving[k]! + node.epsilon));
    set('beta', (k) => beta[k]! + gamma[k]! * mean[k]!);
    const kernel = `${node.inputs[0]}/kernel`;
    const length = (k: number) => lengths[k % lengths.length]!;
    result.set(
      kernel,
      weights.get(kernel)!.map((value, k) => value / length(k)),
    );
  }
  return result;
}

/**
 * The first kernel, [5, 5, 1, 32], from one of [7, 7, 3, 32] with stride 2 over a picture of twice the size. To double a picture
 * by bilinear interpolation and then take every second place is one convolution of the picture itself. The three colours of a
 * gray are equal, so their kernels are added up.
 */
function firstKernel(known: ReadonlyMap<string, FaceApiWeight>): Float32Array {
  const { shape, data } = weightOf(known, `${CONVOLUTIONS[0]}/conv/filters`);
  const [size, , colours, filters] = shape as [number, number, number, number];
  const taps = (size + 3) / 2;
  const kernel = new Float32Array(taps * taps * filters);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++)
      for (const [tapRow, rowShare] of tapsOf(row))
        for (const [tapColumn, columnShare] of tapsOf(column))
          for (let k = 0; k < colours * filters; k++)
            kernel[(tapRow * taps + tapColumn) * filters + (k % filters)]! +=
              SPREAD * rowShare * columnShare * data[(row * size + column) * colours * filters + k]!;
  return kernel;
}

/** The pixels that a pixel of the doubled picture is interpolated from, with their shares; counted from the one before the window. */
function tapsOf(place: number): readonly (readonly [tap: number, share: number])[] {
  const tap = Math.floor(place / 2);
  return place % 2 === 0
    ? [
        [tap, 0.25],
        [tap + 1, 0.75],
      ]
    : [
        [tap + 1, 0.75],
        [tap + 2, 0.25],
      ];
}

/** A 1x1 kernel that passes its input on as the first channels of its output; the others are 0, as where face-api pads. */
function firstChannels(node: NetworkNode & { readonly op: 'conv' }): Float32Array {
  const [, , inputs, outputs] = node.weights[0]!.shape as [number, number, number, number];
  const kernel = new Float32Array(inputs * outputs);
  for (let k = 0; k < inputs; k++) kernel[k * outputs + k] = 1;
  return kernel;
}

function numbersOf(known: ReadonlyMap<string, FaceApiWeight>, name: string): Float32Array {
  return weightOf(known, name).data;
}

function weightOf(known: ReadonlyMap<string, FaceApiWeight>, name: string): FaceApiWeight {
  const found = known.get(name);
  if (!found) throw new Error(`face-api's recognition lacks ${name}`);
  return found;
}
