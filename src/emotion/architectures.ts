import { listIfFew, nearest } from '../base/did-you-mean.ts';
import { UserError } from '../base/errors.ts';

/**
 * Networks as data. An architecture is a list of layers that both engines build from; adding a network means adding
 * a list here. Shapes are channels-last, [height, width, channels], as in TensorFlow.js.
 */

/** 'same': output is ceil(input / stride), zero padding split evenly, the odd pixel at the bottom and right. */
export type Padding = 'same' | 'valid';

export type Layer =
  | ConvLayer
  | BatchNormLayer
  | { readonly kind: 'relu' }
  | PoolLayer
  | { readonly kind: 'globalAveragePool' }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'dropout'; readonly rate: number }
  | { readonly kind: 'dense'; readonly units: number; readonly bias?: boolean }
  | ResidualLayer
  | { readonly kind: 'softmax' };

/** Convolution over height and width; `bias` defaults to false, as batch normalisation usually follows. */
interface ConvLayer {
  readonly kind: 'conv';
  readonly filters: number;
  /** Height and width of the kernel, in pixels. */
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
}

/**
 * Batch normalisation over all but the last dimension. `momentum` is the share of the old running statistic that an
 * update keeps, as in Keras (0.9, which PyTorch calls 0.1); `epsilon` is added to the variance.
 */
interface BatchNormLayer {
  readonly kind: 'batchNorm';
  readonly momentum?: number;
  readonly epsilon?: number;
}

/** Pooling; the stride defaults to the window. Average pooling leaves padding out of the mean. */
interface PoolLayer {
  readonly kind: 'maxPool' | 'averagePool';
  /** Height and width of the window, in pixels. */
  readonly size: number;
  readonly stride?: number;
  readonly padding?: Padding;
}

/**
 * A residual block (He et al. 2016, arXiv 1512.03385): the sum of `body` and `shortcut` applied to one input. A `shortcut`
 * without layers is the input itself.
 */
interface ResidualLayer {
  readonly kind: 'residual';
  readonly body: readonly Layer[];
  readonly shortcut?: readonly Layer[];
}

export interface Architecture {
  /** Lower-case letters, digits and dashes; used in the names of files and reports. */
  readonly name: string;
  /** One sentence for `--help` and the model card. */
  readonly summary: string;
  /** [height, width, channels] of one input. */
  readonly input: readonly [number, number, number];
  readonly layers: readonly Layer[];
}

const relu = { kind: 'relu' } as const;
const batchNorm = { kind: 'batchNorm' } as const;
/** 2x2 max pooling. */
export const halve = { kind: 'maxPool', size: 2 } as const;

/** 3x3 convolution, batch normalisation, ReLU. */
export function convolve(filters: number): Layer[] {
  return [{ kind: 'conv', filters, kernel: 3 }, batchNorm, relu];
}

/**
 * Two 3x3 convolutions, followed by 2x2 max pooling except in the last block. The last ReLU comes after the pooling: both
 * orders give the same numbers and gradients, and this one needs a quarter of the work.
 */
function block(width: number, halved: boolean): Layer[] {
  const second: Layer = { kind: 'conv', filters: width, kernel: 3 };
  return [...convolve(width), second, batchNorm, ...(halved ? [halve] : []), relu];
}

/** From the mean over the last maps to the seven probabilities. */
function answer(dropout: number): Layer[] {
  return [
    { kind: 'globalAveragePool' },
    { kind: 'dropout', rate: dropout },
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ];
}

/**
 * Blocks of two 3x3 convolutions, then the mean over the last maps: the design of Simonyan & Zisserman (2015, arXiv 1409.1556)
 * with batch normalisation and without their dense layers.
 */
function blocks(widths: readonly number[], dropout: number): Layer[] {
  return [...widths.flatMap((width, k) => block(width, k < widths.length - 1)), ...answer(dropout)];
}

/** Four halved blocks and one more convolution at 3 pixels. */
function vgg9(widths: readonly number[], last: number): Layer[] {
  return [...widths.flatMap((width) => block(width, true)), ...convolve(last), ...answer(0.4)];
}

const FACE = [48, 48, 1] as const;

/** Two 3x3 convolutions and the shortcut past them. `halved`: the first has stride 2, and the shortcut averages 2x2 pixels. */
function residual(width: number, halved = false): Layer[] {
  const conv: Layer = { kind: 'conv', filters: width, kernel: 3 };
  return [
    {
      kind: 'residual',
      body: [halved ? { ...conv, stride: 2 } : conv, batchNorm, relu, conv, batchNorm],
      ...(halved && {
        shortcut: [
          { kind: 'averagePool', size: 2, padding: 'same' },
          { kind: 'conv', filters: width, kernel: 1 },
        ],
      }),
    },
    relu,
  ];
}

/** 48 -> 24 -> 12 -> 6 -> 3 pixels: as many stages of dlib's face recognition network as fit; see training/run/recognition.ts. */
function resnet(): Layer[] {
  return [
    { kind: 'conv', filters: 32, kernel: 5 },
    batchNorm,
    relu,
    { kind: 'maxPool', size: 3, stride: 2, padding: 'same' },
    ...[32, 32, 32].flatMap((width) => residual(width)),
    ...residual(64, true),
    ...[64, 64, 64].flatMap((width) => residual(width)),
    ...residual(128, true),
    ...[128, 128].flatMap((width) => residual(width)),
    ...residual(256, true),
    ...residual(256),
    { kind: 'globalAveragePool' },
    batchNorm,
    { kind: 'dropout', rate: 0.4 },
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ];
}

/** 3x3 convolution without padding, with a bias and ReLU, as was usual before batch normalisation. */
function convolvePlainly(filters: number, kernel = 3): Layer[] {
  return [{ kind: 'conv', filters, kernel, padding: 'valid', bias: true }, relu];
}

/** The notebook's first network: 48 -> 44 -> 20 -> 18 -> 16 -> 7 -> 5 -> 3 -> 1 pixels. */
function baseline(): Layer[] {
  const average = { kind: 'averagePool', size: 3, stride: 2, padding: 'valid' } as const;
  const dropout = { kind: 'dropout', rate: 0.2 } as const;
  return [
    ...convolvePlainly(64, 5),
    { kind: 'maxPool', size: 5, stride: 2, padding: 'valid' },
    ...convolvePlainly(64),
    ...convolvePlainly(64),
    average,
    ...convolvePlainly(128),
    ...convolvePlainly(128),
    average,
    { kind: 'flatten' },
    { kind: 'dense', units: 1024 },
    relu,
    dropout,
    { kind: 'dense', units: 1024 },
    relu,
    dropout,
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ];
}

/** The notebook's improved network: batch normalisation, max pooling only, 97 % of the weights in the dense part. */
function notebook(): Layer[] {
  const dense = (units: number): Layer[] => [
    { kind: 'dense', units, bias: false },
    batchNorm,
    relu,
    { kind: 'dropout', rate: 0.4 },
  ];
  return [
    { kind: 'conv', filters: 32, kernel: 5 },
    batchNorm,
    halve,
    relu,
    ...[64, 128].flatMap((width) => block(width, true)),
    ...convolve(256),
    { kind: 'flatten' },
    ...dense(2048),
    ...dense(1024),
    { kind: 'dense', units: 7 },
    { kind: 'softmax' },
  ];
}

const LIST: readonly Architecture[] = [
  {
    name: 'compact',
    summary: 'four blocks of two 3x3 convolutions, 32 to 256 channels, global average pooling: 1.2 million parameters',
    input: FACE,
    layers: blocks([32, 64, 128, 256], 0.4),
  },
  {
    name: 'vgg9',
    summary:
      'nine 3x3 convolutions, 32 to 384 channels, halved four times, global average pooling: 2.1 million parameters',
    input: FACE,
    layers: vgg9([32, 64, 128, 256], 384),
  },
  {
    name: 'vgg9-wide',
    summary: 'vgg9 with 40 to 512 channels: 3.3 million parameters',
    input: FACE,
    layers: vgg9([40, 80, 160, 320], 512),
  },
  {
    name: 'resnet',
    summary:
      'eleven residual blocks of two 3x3 convolutions, 32 to 256 channels, which can start from face-api: 3.2 million parameters',
    input: FACE,
    layers: resnet(),
  },
  {
    name: 'baseline',
    summary: "Alper Temel's network, from which the notebook started: five convolutions without batch normalisation",
    input: FACE,
    layers: baseline(),
  },
  {
    name: 'notebook',
    summary: "the notebook's improved network: batch normalisation, max pooling, 21.6 million parameters, mostly dense",
    input: FACE,
    layers: notebook(),
  },
  {
    name: 'tiny',
    summary: 'three narrow blocks, 8 to 32 channels: trains in minutes, for trying things out',
    input: FACE,
    layers: [halve, ...blocks([8, 16, 32], 0.1)],
  },
];

/** Every network that can be trained, by name. */
export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map(LIST.map((entry) => [entry.name, entry]));

/** @throws UserError 'bad-usage' for an unknown name */
export function architectureOf(name: string): Architecture {
  const found = ARCHITECTURES.get(name);
  if (found) return found;
  const known = [...ARCHITECTURES.keys()];
  const [meant, few] = [nearest(name, known), listIfFew(known)];
  const next = meant !== undefined ? ` Did you mean ${meant}?` : few !== undefined ? ` Choose ${few}.` : '';
  throw new UserError('bad-usage', `There is no architecture called ${name}.${next}`);
}

/** The network of a plan that does not name one, such as the plan of /retrain. */
export const DEFAULT_ARCHITECTURE = 'vgg9';
