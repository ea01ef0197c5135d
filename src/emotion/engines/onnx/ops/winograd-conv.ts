import type { Window } from '../../../network.ts';
import type { GraphBuilder, Value } from '../graph.ts';
import { type AxisTransform, axisTransform } from '../winograd.ts';
import type { ConvShape, EmittedConv } from './conv-shape.ts';

/** Outputs of one tile, [down, across]. */
export type Tiles = readonly [number, number];

/** Tiles of more outputs save more products but round worse. */
const TILES = [2, 3, 4];

/** What Winograd's way may cost in products against the direct one: it has neither columns nor shifted copies to make (measured). */
const LIMIT = 1.2;

/**
 * The tiles with which Winograd's way pays, or undefined where it does not: on large maps, whose transforms, products
 * of whole maps, outgrow what they save, for few channels and for other than 3x3 kernels that move by one pixel.
 */
export function winogradTiles({ kernel, stride }: Window, { in: input, out }: ConvShape): Tiles | undefined {
  if (kernel !== 3 || stride !== 1) return undefined;
  const [inChannels, inHeight, inWidth] = input;
  const [outChannels, height, width] = out;
  const down = bestTile(height, kernel);
  const across = bestTile(width, kernel);
  const transformed = pointsOf(height, down, kernel) * pointsOf(width, across, kernel);
  const transforms = inHeight * inWidth * inChannels + height * width * outChannels;
  const products = transformed * (transforms + inChannels * outChannels);
  const direct = height * width * kernel ** 2 * inChannels * outChannels;
  return products <= LIMIT * direct ? [down, across] : undefined;
}

function bestTile(length: number, kernel: number): number {
  return TILES.reduce((best, tile) => (pointsOf(length, tile, kernel) < pointsOf(length, best, kernel) ? tile : best));
}

/** Points of all tiles along an axis. */
function pointsOf(length: number, tile: number, kernel: number): number {
  return Math.ceil(length / tile) * (tile + kernel - 1);
}

/**
 * A convolution of stride 1 by Winograd's transforms, in nothing but matrix products: one cuts all maps of the batch into
 * tiles, pads and transforms them; at every point of a tile, one goes over the channels; one more goes back to maps. Each
 * step's transpose is its way back, and nothing is transformed twice.
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
  const down = axisTransform(tileDown, k);
  const across = axisTransform(tileAcross, k);
  const points = down.points * across.points;
  const rows = [Math.ceil(height / tileDown), Math.ceil(width / tileAcross)] as const;
  const tiles = rows[0] * rows[1];
  const [top, left] = window.pads;

  const ofInput = graph.tensor(
    outer(
      along(down.input, rows[0], tileDown, -top, inHeight),
      along(across.input, rows[1], tileAcross, -left, inWidth),
    ),
    [points * tiles, inHeight * inWidth],
  );
  const ofOutput = graph.tensor(
    outer(along(down.output, rows[0], tileDown, 0, height), along(across.output, rows[1], tileAcross, 0, width)),
    [points * tiles, height * width],
  );
  const ofKernel = graph.tensor(outer([down.kernel], [across.kernel]), [points, k ** 2]);
  const reshape = (value: Value, ...sides: number[]) => graph.node('Reshape', [value, graph.ints(...sides)]);
  /** Maps [n, channels, h, w] to [points, tiles * n, channels]. */
  const transform = (matrix: Value, maps: Value, channels: number, pixels: number) => {
    const transformed = graph.node('Gemm', [matrix, reshape(maps, n * channels, pixels)], { transB: 1 });
    return reshape(transformed, points, tiles * n, channels);
  };
  /** The way back, image by image: onnxruntime's product of the whole turned batch is up to half as long again (measured). */
  const toMaps = (matrix: Value, value: Value, [channels, h, w]: ConvShape['in']) => {
    const byImage = reshape(value, points * tiles, n, channels);
    const factors = reshape(matrix, 1, points * tiles, h * w);
    const maps = graph.contrib('FusedMatMul', [byImage, factors], { transA: 1, transBatchA: 1 });
    return reshape(maps, n, channels, h, w);
  };

  const inputs = transform(ofInput, x, inChannels, inHeight * inWidth);
  const flatKernel = reshape(kernel, outChannels * inChannels, k ** 2);
  const kernels = reshape(graph.node('Gemm', [ofKernel, flatKernel], { transB: 1 }), points, outChannels, inChannels);
  const output = toMaps(ofOutput, graph.contrib('FusedMatMul', [inputs, kernels], { transB: 1 }), shape.out);
  return {
    output: bias ? graph.node('Add', [output, reshape(bias, outChannels, 1, 1)]) : output,
    gradients(gradient, wanted) {
      const outputs = transform(ofOutput, gradient, outChannels, height * width);
      const products = graph.contrib('FusedMatMul', [outputs, inputs], { transA: 1 });
      const flat = reshape(products, points, outChannels * inChannels);
      return {
        input: wanted ? toMaps(ofInput, graph.node('MatMul', [outputs, kernels]), shape.in) : undefined,
        kernel: reshape(graph.node('Gemm', [flat, ofKernel], { transA: 1 }), outChannels, inChannels, k, k),
      };
    },
  };
}

type Rows = AxisTransform['input'];

/** A transform along one axis for every tile of a map: [tile][point][pixel], its rows `tile` pixels apart from `start` on. */
function along(rows: Rows, tiles: number, tile: number, start: number, length: number): Rows[] {
  return Array.from({ length: tiles }, (_, t) =>
    rows.map((row) => Array.from({ length }, (_, pixel) => row[pixel - start - t * tile] ?? 0)),
  );
}

/** The transform of both axes: [point down, point across, tile down, tile across, row, column]. */
function outer(down: readonly Rows[], across: readonly Rows[]): Float32Array {
  const points = (tiles: readonly Rows[]) => Array.from(tiles[0]!, (_, point) => tiles.map((rows) => rows[point]!));
  const numbers = points(down).flatMap((a) =>
    points(across).flatMap((b) =>
      a.flatMap((rows) => b.flatMap((columns) => rows.flatMap((p) => columns.map((q) => p * q)))),
    ),
  );
  return Float32Array.from(numbers);
}
