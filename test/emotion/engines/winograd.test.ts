import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/emotion/engines/onnx/graph.ts';
import { axisTransform, winogradConv, winogradTiles } from '../../../src/emotion/engines/onnx/ops/winograd.ts';
import { sessionOptions } from '../../../src/emotion/engines/onnx/session.ts';
import { unroll, type Window } from '../../../src/emotion/network.ts';
import { numbers } from '../../helpers/networks.ts';
import { largestDifference, WIDE } from '../networks.ts';

describe('the transforms of one axis', () => {
  test.each([
    [2, 3],
    [3, 3],
    [4, 3],
    [2, 5],
    [5, 1],
  ])('give %i outputs of a kernel of %i', (tile, kernel) => {
    const { points, ...matrices } = axisTransform(tile, kernel);
    expect(points).toBe(tile + kernel - 1);
    const d = numbers(points, 1);
    const g = numbers(kernel, 2);
    const times = (rows: readonly (readonly number[])[], column: Float32Array) =>
      rows.map((row) => row.reduce((sum, factor, k) => sum + factor * column[k]!, 0));
    const [inputs, kernels] = [times(matrices.input, d), times(matrices.kernel, g)];
    for (let i = 0; i < tile; i++) {
      const found = matrices.output.reduce((sum, row, p) => sum + row[i]! * inputs[p]! * kernels[p]!, 0);
      const wanted = g.reduce((sum, factor, k) => sum + factor * d[i + k]!, 0);
      expect(found).toBeCloseTo(wanted, 12);
    }
  });

  test('of more points than are chosen are refused', () => {
    expect(() => axisTransform(5, 3)).toThrow('no points for tiles of 5 with kernels of 3');
  });
});

type Pads = Window['pads'];
const SAME: Pads = [1, 1, 1, 1];
const VALID: Pads = [0, 0, 0, 0];
const WIDER: Pads = [2, 0, 1, 2];

describe('a convolution by Winograd’s transforms, against its sum', () => {
  test.each([
    { tiles: [3, 3], height: 6, width: 6, pads: SAME },
    { tiles: [4, 4], height: 12, width: 12, pads: SAME },
    { tiles: [2, 4], height: 5, width: 7, pads: SAME },
    { tiles: [4, 3], height: 7, width: 9, pads: VALID },
    { tiles: [3, 2], height: 4, width: 5, pads: WIDER },
  ] as const)('tiles of $tiles on maps of $height x $width, pads $pads', async ({ tiles, height, width, pads }) => {
    const [n, c, o, k] = [2, 3, 4, 3];
    const outHeight = height + pads[0] + pads[2] - k + 1;
    const outWidth = width + pads[1] + pads[3] - k + 1;
    const graph = new GraphBuilder();
    const sides = {
      x: [n, c, height, width],
      kernel: [o, c, k, k],
      bias: [o],
      gradient: [n, o, outHeight, outWidth],
    };
    const values = Object.fromEntries(
      Object.entries(sides).map(([name, shape], seed) => [
        name,
        numbers(
          shape.reduce((a, b) => a * b),
          seed,
        ),
      ]),
    ) as Record<keyof typeof sides, Float32Array>;
    for (const [name, shape] of Object.entries(sides)) graph.input(name, shape);
    const window: Window = { kernel: k, stride: 1, padding: 'valid', pads };
    const shape = { n, in: [c, height, width], out: [o, outHeight, outWidth] } as const;
    const conv = winogradConv(graph, 'x', 'kernel', 'bias', window, shape, tiles);
    const gradients = conv.gradients('gradient', true);
    graph.output('y', sides.gradient, conv.output);
    graph.output('dx', sides.x, gradients.input!);
    graph.output('dk', sides.kernel, gradients.kernel);
    const session = await ort.InferenceSession.create(graph.encode('conv'), sessionOptions(1));
    const found = await session.run(
      Object.fromEntries(
        Object.entries(sides).map(([name, dims]) => [
          name,
          new ort.Tensor('float32', values[name as keyof typeof sides], dims),
        ]),
      ),
    );

    const y = new Float32Array(values.gradient.length);
    const dx = new Float32Array(values.x.length);
    const dk = new Float32Array(values.kernel.length);
    for (let image = 0; image < n; image++)
      for (let out = 0; out < o; out++)
        for (let row = 0; row < outHeight; row++)
          for (let column = 0; column < outWidth; column++) {
            const to = ((image * o + out) * outHeight + row) * outWidth + column;
            y[to]! += values.bias[out]!;
            for (let input = 0; input < c; input++)
              for (let i = 0; i < k; i++)
                for (let j = 0; j < k; j++) {
                  const [h, w] = [row + i - pads[0], column + j - pads[1]];
                  if (h < 0 || h >= height || w < 0 || w >= width) continue;
                  const from = ((image * c + input) * height + h) * width + w;
                  const tap = ((out * c + input) * k + i) * k + j;
                  y[to]! += values.x[from]! * values.kernel[tap]!;
                  dx[from]! += values.gradient[to]! * values.kernel[tap]!;
                  dk[tap]! += values.gradient[to]! * values.x[from]!;
                }
          }
    expect(largestDifference(found.y!.data as Float32Array, y)).toBeLessThan(1e-5);
    expect(largestDifference(found.dx!.data as Float32Array, dx)).toBeLessThan(1e-5);
    expect(largestDifference(found.dk!.data as Float32Array, dk)).toBeLessThan(5e-5);
    await session.release();
  });
});

describe('where it is used', () => {
  const window: Window = { kernel: 3, stride: 1, padding: 'same', pads: SAME };
  const maps = (channels: number, side: number) => {
    const sides = [channels, side, side] as const;
    return { n: 64, in: sides, out: sides };
  };

  test('on small maps of many channels, with the tiles that need the fewest products', () => {
    expect(winogradTiles(window, maps(256, 6))).toEqual([3, 3]);
    expect(winogradTiles(window, maps(128, 12))).toEqual([4, 4]);
    expect(winogradTiles(window, maps(64, 24))).toEqual([4, 4]);
  });

  test('in one convolution of the network that the engines are compared on', () => {
    const convolutions = unroll(WIDE).nodes.filter((node) => node.op === 'conv');
    const used = convolutions.map((node, k) => {
      const [height, width, channels] = k === 0 ? WIDE.input : convolutions[k - 1]!.shape;
      const [outHeight, outWidth, outChannels] = node.shape;
      const shape = { n: 4, in: [channels!, height!, width!], out: [outChannels!, outHeight!, outWidth!] } as const;
      return winogradTiles(node, shape) !== undefined;
    });
    expect(used).toEqual([false, false, true]);
  });

  test('not on large maps, for few channels, or for other windows', () => {
    expect(winogradTiles(window, maps(32, 48))).toBeUndefined();
    expect(winogradTiles(window, maps(8, 6))).toBeUndefined();
    expect(winogradTiles({ ...window, stride: 2 }, maps(256, 6))).toBeUndefined();
    expect(winogradTiles({ ...window, kernel: 5, pads: [2, 2, 2, 2] }, maps(256, 6))).toBeUndefined();
  });
});
