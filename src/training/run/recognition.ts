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
 * A network to start from that knows faces, if not yet what they express: dlib's face recognition (a ResNet by Davis King,
 * trained on three million pictures of faces, public domain: https://github.com/davisking/dlib-models), which the npm package
 * @vladmandic/face-api carries with a byte a weight. Learning goes on from there faster, and generalises better, than from
 * random numbers (docs/experiments.md).
 */

/** The architecture that it gives. */
const ARCHITECTURE = 'resnet';

/** The blocks that are taken on, in order; those of 256 channels that follow would leave less than a pixel. */
const BLOCKS = [
  ...['conv32_1', 'conv32_2', 'conv32_3'],
  ...['conv64_down', 'conv64_1', 'conv64_2', 'conv64_3'],
  ...['conv128_down', 'conv128_1', 'conv128_2'],
  ...['conv256_down', 'conv256_1'],
];
const CONVOLUTIONS = ['conv32_down', ...BLOCKS.flatMap((block) => [`${block}/conv1`, `${block}/conv2`])];

/**
 * A standardised crop spreads by 1; what face-api shows its network, (colour - mean) / 256, by about this much: the spread of
 * FER2013's crops.
 */
const SPREAD = 0.22;

/** Channels that vary less are as good as dead: their kernels grow no further. */
const LEAST_VARIANCE = 1e-4;

/** Faces by which the running statistics are set. */
const SAMPLE = 256;

type Faces = Pick<FaceSet, 'count' | 'pixels'>;

/** What one of face-api's convolutions is followed by: each channel times gamma, plus beta. */
interface Scale {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

interface Start {
  readonly network: Network;
  readonly weights: Weights;
}

/**
 * The 'resnet' that computes what face-api's recognition computes of a crop at twice its size: grays in place of colours, and
 * maps padded on all sides. Its scales become batch normalisations that leave its numbers as they are for `faces`. The last
 * layers are new: a normalisation, and the dense layer.
 * @param faces at least one; the first 256 set the running statistics
 * @param seed of the dense layer's weights
 * @throws UserError 'not-found' where face-api or its files are not there
 * @throws Error where its files are not in the format that is known
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
      // By a mean of 0 and a variance of 1 (less epsilon) it scales and shifts, no more: the network as it was.
      taken.set(`${node.name}/gamma`, gamma);
      taken.set(`${node.name}/beta`, beta);
      taken.set(`${node.name}/moving_variance`, new Float32Array(gamma.length).fill(1 - node.epsilon));
    }
  }
  return { network, weights: await settled(network, taken, scales, faces) };
}

function explainMissing(error: unknown): never {
  if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
  const sentence =
    "face-api's face recognition is not installed here, such as after npm run slim: npm ci brings it back.";
  throw new UserError('not-found', sentence, { cause: error });
}

/**
 * The same network with the running statistics that `faces` give it, and kernels by which each channel varies by about 1.
 * A normalisation takes the length of a kernel away, but the shorter it is, the more a step turns it: face-api's are so
 * short that a few steps would make it forget.
 */
async function settled(
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
 * The first kernel, [5, 5, 1, 32], from one of [7, 7, 3, 32] that moves by two pixels over a picture of twice the size. Doubling
 * a picture by bilinear interpolation and then taking every second place is one convolution of the picture itself; the three
 * colours of a gray are one number.
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

/** Which pixels a pixel of the doubled picture is made of, counted from the one before the window's first, with their shares. */
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
