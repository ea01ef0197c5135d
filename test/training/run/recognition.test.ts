import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { readFaceApiWeights } from '../../../src/base/face-api-weights.ts';
import { normalisedSpreads } from '../../../src/emotion/engines/onnx/observe.ts';
import { FACE_PIXELS, FACE_SIZE } from '../../../src/emotion/labels.ts';
import { normaliseAll } from '../../../src/emotion/views.ts';
import { recognitionStart } from '../../../src/training/run/recognition.ts';
import { numbers } from '../../helpers/networks.ts';

const COUNT = 1;
/** Smooth blobs: what a doubled picture shows between its pixels is then what the picture shows. */
const pixels = new Uint8Array(COUNT * FACE_PIXELS);
for (let face = 0; face < COUNT; face++) {
  const [a, b, c, d] = numbers(4, 7 + face);
  for (let p = 0; p < FACE_PIXELS; p++) {
    const [x, y] = [(p % FACE_SIZE) / FACE_SIZE, Math.floor(p / FACE_SIZE) / FACE_SIZE];
    pixels[face * FACE_PIXELS + p] = 128 + 60 * Math.sin(7 * a! * x + 5 * b! * y + c!) + 60 * Math.cos(9 * d! * x * y);
  }
}
const faces = { count: COUNT, pixels };

const start = recognitionStart(faces, 1);

/** What face-api's first layer gives of crops at twice their size, by TensorFlow.js's own operations. */
async function firstLayer(x: Float32Array): Promise<tf.Tensor4D> {
  const known = await readFaceApiWeights('face_recognition_model');
  const [filters, bias, scale, shift] = ['conv/filters', 'conv/bias', 'scale/weights', 'scale/biases'].map((name) => {
    const { data, shape } = known.get(`conv32_down/${name}`)!;
    return tf.tensor(data, [...shape]);
  });
  const crops = tf.tensor4d(x, [COUNT, FACE_SIZE, FACE_SIZE, 1]).mul(0.22) as tf.Tensor4D;
  const doubled = tf.image.resizeBilinear(crops, [2 * FACE_SIZE, 2 * FACE_SIZE], false, true);
  const colours = tf.tile(doubled, [1, 1, 1, 3]);
  return tf
    .conv2d(colours, filters as tf.Tensor4D, 2, 'valid')
    .add(bias!)
    .mul(scale!)
    .add(shift!) as tf.Tensor4D;
}

test('the network that starts from face-api’s recognition computes its first layer of a doubled crop', async () => {
  const { network, weights } = await start;
  const x = normaliseAll(pixels);
  const expected = await firstLayer(x);
  const conv = network.nodes.find(({ op }) => op === 'conv')!;
  const norm = network.nodes.find(({ op }) => op === 'batchNorm')!;
  const of = (node: typeof norm, k: number) =>
    tf.tensor(weights.get(node.weights[k]!.name)!, [...node.weights[k]!.shape] as [number]);
  const crops = tf.tensor4d(x, [COUNT, FACE_SIZE, FACE_SIZE, 1]);
  const convolved = tf.conv2d(crops, of(conv, 0) as unknown as tf.Tensor4D, 1, 'same');
  const own = tf.batchNorm(convolved, of(norm, 2), of(norm, 3), of(norm, 1), of(norm, 0), 1e-3) as tf.Tensor4D;
  // face-api's window starts at its first pixel, ours is centred on it; the rim, where ours sees padding, is left out.
  const inner = [COUNT, 40, 40, 32];
  const difference = tf.sub(
    own.slice([0, 3, 3, 0], inner as [number]),
    expected.slice([0, 2, 2, 0], inner as [number]),
  );
  expect(expected.abs().mean().dataSync()[0]).toBeGreaterThan(0.1);
  expect(difference.abs().max().dataSync()[0]).toBeLessThan(1e-3);
});

test('its running statistics are those of the faces, so that the first training step sees what a reading sees', async () => {
  const { network, weights } = await start;
  const spreads = await normalisedSpreads(network, weights, normaliseAll(pixels), COUNT);
  expect(spreads.size).toBe(network.nodes.filter(({ op }) => op === 'batchNorm').length);
  for (const [name, { mean, variance }] of spreads) {
    const stored = weights.get(`${name}/moving_mean`)!;
    const storedVariance = weights.get(`${name}/moving_variance`)!;
    for (const [k, value] of mean.entries()) expect(stored[k]).toBeCloseTo(value, 2);
    for (const [k, value] of variance.entries()) expect(storedVariance[k]).toBeCloseTo(value, 1);
  }
});
