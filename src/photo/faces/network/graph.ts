import { type FaceApiWeight, readFaceApiWeights } from '../../../base/face-api-weights.ts';
import { GraphBuilder, type Value } from '../../../emotion/engines/onnx/graph.ts';
import { onnxShape, toOnnx } from '../../../emotion/engines/onnx/layout.ts';

/** Names of the graph's ends: "pixels" [1, 3, rows, columns], RGB 0..255, in; "cells" [1, 25, rows / 32, columns / 32] out. */
export const DETECTOR_INPUT = 'pixels';
export const DETECTOR_OUTPUT = 'cells';

/** Colour that the detector was trained to see as 0, RGB; from face-api's src/tinyFaceDetector/const.ts, as is the slope. */
const MEAN_RGB = [117.001, 114.697, 97.404];
const LEAKY_SLOPE = 0.1;
/** Layers after the first, each a depthwise 3x3 and a 1x1 convolution. */
const SEPARABLE_LAYERS = 5;
/** Parts that the first layer computes one after the other. */
const STRIPS = 4;
/** Numbers a cell: x, y, width, height and objectness for each of five anchors. */
const CELL_NUMBERS = 25;

/**
 * Reads the tiny face detector (a small YOLO v2 by Vincent Mühler, 193 kB, MIT).
 * @returns weights by name, such as 'conv0/filters'
 * @throws as readFaceApiWeights does
 */
export function readDetectorWeights(): Promise<Map<string, FaceApiWeight>> {
  return readFaceApiWeights('tiny_face_detector_model');
}

/**
 * The tiny face detector as an ONNX model for pictures whose sides are multiples of 32.
 *
 * It gives face-api's boxes: the first convolution is not padded, and max pools are padded at the bottom and the right
 * where the size is odd. The last of them moves by a single pixel, which keeps the size.
 */
export function detectorGraph(weights: ReadonlyMap<string, FaceApiWeight>): Uint8Array {
  const graph = new GraphBuilder();
  const weight = (name: string): FaceApiWeight => {
    const found = weights.get(name);
    if (!found) throw new Error(`the face detector's weights lack ${name}`);
    return found;
  };
  const bias = (name: string) => graph.tensor(weight(name).data, weight(name).shape, name);
  const kernel = (name: string, { shape, data } = toOnnxKernel(weight(name))) => graph.tensor(data, shape, name);
  // It keeps the order of numbers, so that after pooling it gives the same as before from a quarter of the work.
  const activated = (x: Value) => graph.node('LeakyRelu', [x], { alpha: { float: LEAKY_SLOPE } });
  const pooled = (x: Value, stride: number) =>
    graph.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [stride, stride], auto_pad: 'SAME_UPPER' });

  const pixels = graph.input(DETECTOR_INPUT, [1, 3, 'rows', 'columns']);
  const first = onRawPixels(weight('conv0/filters'), weight('conv0/bias'));
  const filters = kernel('conv0/filters', first.kernel);
  const shift = graph.tensor(first.bias, [first.bias.length], 'conv0/bias');
  const strips = inStrips(graph, pixels).map((strip) => pooled(graph.node('Conv', [strip, filters, shift]), 2));
  let x = activated(graph.node('Concat', strips, { axis: 2 }));
  for (let layer = 1; layer <= SEPARABLE_LAYERS; layer++) {
    const depthwise = weight(`conv${layer}/depthwise_filter`);
    x = graph.node('Conv', [x, kernel(`conv${layer}/depthwise_filter`, depthwiseFirst(depthwise))], {
      group: depthwise.shape[2]!,
      pads: [1, 1, 1, 1],
    });
    x = graph.node('Conv', [x, kernel(`conv${layer}/pointwise_filter`), bias(`conv${layer}/bias`)]);
    x = activated(pooled(x, layer < SEPARABLE_LAYERS ? 2 : 1));
  }
  const cells = graph.node('Conv', [x, kernel('conv8/filters'), bias('conv8/bias')]);
  graph.output(DETECTOR_OUTPUT, [1, CELL_NUMBERS, 'cellRows', 'cellColumns'], cells);
  return graph.encode('tiny face detector');
}

/**
 * The picture in STRIPS strips of rows, each as high as the first layer needs for its part of the rows that are left
 * after pooling. What that layer computes of a whole picture would be the largest thing by far, and onnxruntime keeps
 * the memory that it once took. That would be 80 MB instead of 40, at the same speed.
 */
function inStrips(graph: GraphBuilder, pixels: Value): Value[] {
  const axis = graph.ints(2);
  const rows = graph.node('Gather', [graph.node('Shape', [pixels]), axis]);
  // A convolution by 3x3 without padding leaves two rows fewer, and pooling half of them.
  const pooledRows = graph.node('Sub', [graph.node('Div', [rows, graph.ints(2)]), graph.ints(1)]);
  const bounds = Array.from({ length: STRIPS + 1 }, (_, k) =>
    graph.node('Mul', [
      graph.node('Div', [graph.node('Mul', [pooledRows, graph.ints(k)]), graph.ints(STRIPS)]),
      graph.ints(2),
    ]),
  );
  return bounds
    .slice(1)
    .map((end, k) => graph.node('Slice', [pixels, bounds[k]!, graph.node('Add', [end, graph.ints(2)]), axis]));
}

/** A kernel [height, width, in, out] as ONNX has it: [out, in, height, width]. */
function toOnnxKernel({ shape, data }: FaceApiWeight) {
  const kernel = { role: 'kernel', shape } as const;
  return { shape: onnxShape(kernel), data: toOnnx(kernel, data) };
}

/** [height, width, channels, 1] to ONNX's [channels, 1, height, width]: the same with the last two axes the other way round. */
function depthwiseFirst({ shape, data }: FaceApiWeight) {
  const [height, width, channels] = shape as [number, number, number];
  return toOnnxKernel({ shape: [height, width, 1, channels], data });
}

/** The first layer takes (pixel - mean) / 255. It is linear and not padded, so its weights can do that themselves, exactly. */
function onRawPixels(filters: FaceApiWeight, bias: FaceApiWeight) {
  const kernel = toOnnxKernel(filters);
  const places = kernel.shape[2]! * kernel.shape[3]!;
  const shifted = Float32Array.from(bias.data);
  kernel.data.forEach((value, k) => {
    shifted[Math.floor(k / (places * 3))]! -= (value * MEAN_RGB[Math.floor(k / places) % 3]!) / 255;
  });
  return { kernel: { shape: kernel.shape, data: kernel.data.map((value) => value / 255) }, bias: shifted };
}
