import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import type { ConvShape, EmittedConv } from './op.ts';

/** Outputs of one tile, [down, across]. */
export type Tiles = readonly [number, number];

/** Tiles of more outputs save more products but round worse. */
const TILES = [2, 3, 4];

/**
 * Winograd's method is used if it needs at most this share of the multiplications of the direct method. Its transforms are
 * counted too; they are products of thin matrices, which run slower (measured).
 */
const LIMIT = 0.65;

/**
 * The tile size with which Winograd's convolution is fastest. Undefined if the direct one is faster: for large maps with few
 * channels, whose transforms cost more than they save, and for all but 3x3 kernels of stride 1.
 */
export function winogradTiles({ kernel, stride }: Window, { in: input, out }: ConvShape): Tiles | undefined {
  if (kernel !== 3 || stride !== 1) return undefined;
  const [inChannels] = input;
  const [outChannels, height, width] = out;
  const down = bestTile(height, kernel);
  const across = bestTile(width, kernel);
  const [rows, columns] = [pointsOf(height, down, kernel), pointsOf(width, across, kernel)];
  const transform = ([channels, h, w]: ConvShape['in']) => channels * h * columns * (w + rows);
  const products = transform(input) + transform(out) + rows * columns * inChannels * outChannels;
  const direct = height * width * kernel ** 2 * inChannels * outChannels;
  return products <= LIMIT * direct ? [down, across] : undefined;
}

function bestTile(length: number, kernel: number): number {
  return TILES.reduce((best, tile) => (pointsOf(length, tile, kernel) < pointsOf(length, best, kernel) ? tile : best));
}

/** Number of points of all tiles along an axis. */
function pointsOf(length: number, tile: number, kernel: number): number {
  return Math.ceil(length / tile) * (tile + kernel - 1);
}

/**
 * A convolution of stride 1 by Winograd's transforms, written as matrix products only. Two products, one per axis, cut all
 * maps of the batch into tiles, pad them and transform them. One product for each point of a tile sums over the channels. Two
 * more turn the tiles back into maps. The gradient of each step is its transpose, and nothing is transformed twice.
 * @param x [n, in, h, w], kernel [out, in, k, k]
 */
export function winogradConv(
  graph: GraphBuilder,
  x: Value,
  kernel: Value,
  bias: Value | undefined,
  window: Window,
  shape: ConvShape,
  [tileDown, tileAcross]: Tiles,
): EmittedConv {
  const { n } = shape;
  const [inChannels, inHeight, inWidth] = shape.in;
  const [outChannels, height, width] = shape.out;
  const k = window.kernel;
  const [top, left] = window.pads;
  const down = axisTransform(tileDown, k);
  const across = axisTransform(tileAcross, k);
  const tilesDown = Math.ceil(height / tileDown);
  const tilesAcross = Math.ceil(width / tileAcross);
  const rows = down.points * tilesDown;
  const columns = across.points * tilesAcross;
  const ofInput: Matrices = {
    down: graph.tensor(along(down.input, tilesDown, tileDown, -top, inHeight), [rows, inHeight]),
    across: graph.tensor(along(across.input, tilesAcross, tileAcross, -left, inWidth), [columns, inWidth]),
  };
  const ofOutput: Matrices = {
    down: graph.tensor(along(down.output, tilesDown, tileDown, 0, height), [rows, height]),
    across: graph.tensor(along(across.output, tilesAcross, tileAcross, 0, width), [columns, width]),
  };
  const points = down.points * across.points;
  const ofKernel = graph.tensor(kernelMatrix(across.kernel, down.kernel), [points, k ** 2]);
  const reshape = (value: Value, ...sides: number[]) => graph.node('Reshape', [value, graph.ints(...sides)]);
  const fused = (a: Value, b: Value, turned: Record<string, number>) => graph.contrib('FusedMatMul', [a, b], turned);

  /** Maps to [across points, across tiles, down points, down tiles * n, channels]. */
  const toTiles = (matrices: Matrices, maps: Value, [channels, h, w]: ConvShape['in']) => {
    const wide = graph.node('Gemm', [matrices.across, reshape(maps, n * channels * h, w)], { transB: 1 });
    const both = fused(reshape(matrices.down, 1, rows, h), reshape(wide, columns, n * channels, h), { transB: 1 });
    return reshape(both, across.points, tilesAcross, down.points, tilesDown * n, channels);
  };
  /** The inverse. The last step goes image by image, since onnxruntime transposes a whole batch more slowly (measured). */
  const toMaps = (matrices: Matrices, tiles: Value, [channels, h, w]: ConvShape['in']) => {
    const flat = reshape(tiles, columns, rows, n * channels);
    const wide = fused(flat, reshape(matrices.down, 1, rows, h), { transA: 1 });
    const images = reshape(wide, columns, n, channels * h);
    const maps = fused(images, reshape(matrices.across, 1, columns, w), { transA: 1, transBatchA: 1 });
    return reshape(maps, n, channels, h, w);
  };

  const inputs = toTiles(ofInput, x, shape.in);
  const flatKernel = reshape(kernel, outChannels * inChannels, k ** 2);
  const kernels = reshape(
    graph.node('Gemm', [ofKernel, flatKernel], { transB: 1 }),
    across.points,
    1,
    down.points,
    outChannels,
    inChannels,
  );
  const output = toMaps(ofOutput, fused(inputs, kernels, { transB: 1 }), shape.out);
  return {
    output: bias ? graph.node('Add', [output, reshape(bias, outChannels, 1, 1)]) : output,
    gradients(gradient, wanted) {
      const outputs = toTiles(ofOutput, gradient, shape.out);
      const products = fused(outputs, inputs, { transA: 1 });
      const sum = graph.node('ReduceSum', [products, graph.ints(1)], { keepdims: 0 });
      const flat = reshape(sum, points, outChannels * inChannels);
      return {
        input: wanted ? toMaps(ofInput, graph.node('MatMul', [outputs, kernels]), shape.in) : undefined,
        kernel: reshape(graph.node('Gemm', [flat, ofKernel], { transA: 1 }), outChannels, inChannels, k, k),
      };
    },
  };
}

/** The transforms of whole maps along their two axes, [points * tiles, pixels] each. */
interface Matrices {
  readonly down: Value;
  readonly across: Value;
}

type Rows = AxisTransform['input'];

/** A transform for every tile of an axis, [point, tile, pixel]. The first tile starts at `start`, the others `tile` pixels apart. */
function along(rows: Rows, tiles: number, tile: number, start: number, length: number): Float32Array {
  const matrix = new Float32Array(rows.length * tiles * length);
  rows.forEach((row, point) => {
    for (let t = 0; t < tiles; t++)
      row.forEach((factor, tap) => {
        const pixel = start + t * tile + tap;
        if (pixel >= 0 && pixel < length) matrix[(point * tiles + t) * length + pixel] = factor;
      });
  });
  return matrix;
}

/** The transform of a kernel along both axes, [across point, down point, row, column]. */
function kernelMatrix(across: Rows, down: Rows): Float32Array {
  return Float32Array.from(across.flatMap((a) => down.flatMap((d) => d.flatMap((p) => a.map((q) => p * q)))));
}

/**
 * The matrices of Winograd's convolution (Lavin & Gray 2016, arXiv 1509.09308), constructed from chosen points by the method of
 * Toom and Cook. Along one axis, the `tile` outputs of a kernel of `kernel` numbers are
 *
 *     y = output' * ((kernel matrix * g) . (input * d)),    d: tile + kernel - 1 inputs, .: element-wise
 *
 * Only the element-wise product is computed for every pair of channels: `points` multiplications instead of tile * kernel.
 */
interface AxisTransform {
  /** Outputs of one tile. */
  readonly tile: number;
  /** Multiplications of one tile: tile + kernel - 1. */
  readonly points: number;
  /** [points][tile + kernel - 1]: transforms inputs. */
  readonly input: readonly (readonly number[])[];
  /** [points][kernel]: transforms a kernel. */
  readonly kernel: readonly (readonly number[])[];
  /** [points][tile]: its transpose gives the outputs. */
  readonly output: readonly (readonly number[])[];
}

/**
 * The points at which the polynomials are evaluated, besides infinity. Small, balanced numbers give the smallest rounding
 * errors (Barabasz et al. 2020, arXiv 1803.10986).
 */
const POINTS = [0, 1, -1, 0.5, -2];

/** @throws Error if tile + kernel - 1 needs more points than POINTS has */
export function axisTransform(tile: number, kernel: number): AxisTransform {
  const points = tile + kernel - 1;
  if (points - 1 > POINTS.length) throw new Error(`no points for tiles of ${tile} with kernels of ${kernel}`);
  const finite = POINTS.slice(0, points - 1);
  const others = finite.map((_, j) => finite.filter((_, k) => k !== j));
  const powers = (p: number, count: number) => Array.from({ length: count }, (_, k) => p ** k);
  const last = (count: number) => Array.from({ length: count }, (_, k) => (k === count - 1 ? 1 : 0));
  return {
    tile,
    points,
    input: [...others.map((roots) => [...coefficients(roots), 0]), coefficients(finite)],
    kernel: [
      ...finite.map((p, j) => {
        const norm = others[j]!.reduce((product, q) => product * (p - q), 1);
        return powers(p, kernel).map((power) => power / norm);
      }),
      last(kernel),
    ],
    output: [...finite.map((p) => powers(p, tile)), last(tile)],
  };
}

/** The polynomial with these roots and leading coefficient 1, lowest power first. */
function coefficients(roots: readonly number[]): number[] {
  let sum = [1];
  for (const root of roots)
    sum = Array.from({ length: sum.length + 1 }, (_, k) => (sum[k - 1] ?? 0) - root * (sum[k] ?? 0));
  return sum;
}
