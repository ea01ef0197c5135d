import { type FaceApiWeight, readFaceApiWeights } from '../../../base/face-api-weights.ts';
import { GraphBuilder, type Value } from '../../../emotion/engines/onnx/graph.ts';
import { onnxShape, toOnnx } from '../../../emotion/engines/onnx/layout.ts';

/** Input and output of the graph: "pixels" [1, 3, rows, columns], RGB 0..255, in; "cells" [1, 25, rows / 32, columns / 32] out. */
export const DETECTOR_INPUT = 'pixels';
export const DETECTOR_OUTPUT = 'cells';

/** The mean colour (RGB) that is subtracted from each pixel. It and the slope are from face-api's src/tinyFaceDetector/const.ts. */
const MEAN_RGB = [117.001, 114.697, 97.404];
const LEAKY_SLOPE = 0.1;
/** Layers after the first, each a depthwise 3x3 and a 1x1 convolution. */
const SEPARABLE_LAYERS = 5;
/** Number of parts that the first layer computes one after the other. */
const STRIPS = 4;
/** Numbers per cell: x, y, width, height and objectness for each of five anchors. */
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
 * It gives the same boxes as face-api: the first convolution is not padded, and max pooling is padded at the bottom and the
 * right if the size is odd. The last max pooling has stride 1, which keeps the size.
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
  // It is monotonic, so it gives the same result after pooling, with a quarter of the work.
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
 * The picture in STRIPS strips of rows. Each strip has the rows that the first layer needs for its part of the pooled rows. The
 * first layer's output for a whole picture would be the largest tensor by far, and onnxruntime never frees memory: that would be
 * 80 MB instead of 40, at the same speed.
 */
function inStrips(graph: GraphBuilder, pixels: Value): Value[] {
  const axis = graph.ints(2);
  const rows = graph.node('Gather', [graph.node('Shape', [pixels]), axis]);
  // A 3x3 convolution without padding removes two rows, and pooling keeps half of the rest.
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

/** Converts a kernel [height, width, in, out] to ONNX's [out, in, height, width]. */
function toOnnxKernel({ shape, data }: FaceApiWeight) {
  const kernel = { role: 'kernel', shape } as const;
  return { shape: onnxShape(kernel), data: toOnnx(kernel, data) };
}

/** Converts a depthwise kernel [height, width, channels, 1] to ONNX's [channels, 1, height, width]: swaps the last two axes first. */
function depthwiseFirst({ shape, data }: FaceApiWeight) {
  const [height, width, channels] = shape as [number, number, number];
  return toOnnxKernel({ shape: [height, width, 1, channels], data });
}

/** The first layer's input is (pixel - mean) / 255. The layer is linear and not padded, so this is folded into its weights, exactly. */
function onRawPixels(filters: FaceApiWeight, bias: FaceApiWeight) {
  const kernel = toOnnxKernel(filters);
  const places = kernel.shape[2]! * kernel.shape[3]!;
  const shifted = Float32Array.from(bias.data);
  kernel.data.forEach((value, k) => {
    shifted[Math.floor(k / (places * 3))]! -= (value * MEAN_RGB[Math.floor(k / places) % 3]!) / 255;
  });
  return { kernel: { shape: kernel.shape, data: kernel.data.map((value) => value / 255) }, bias: shifted };
}
