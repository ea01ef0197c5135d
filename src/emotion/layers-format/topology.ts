import type { Network, NetworkNode, Window } from '../network.ts';

/**
 * A network as a Keras model configuration: tf.loadLayersModel and tf.models.modelFromJSON build a LayersModel from it. Each
 * layer has the name of its node, so its weights get the names that the network gives them.
 */
interface LayersTopology {
  readonly class_name: 'Model';
  readonly config: {
    readonly name: string;
    readonly layers: readonly LayerConfig[];
    readonly input_layers: readonly Reference[];
    readonly output_layers: readonly Reference[];
  };
  readonly keras_version: string;
  readonly backend: 'tensor_flow.js';
}

interface LayerConfig {
  /** The name of the layer's class in Keras. */
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the layer is applied: once here, to these outputs of other layers. */
  readonly inbound_nodes: readonly (readonly [...Reference, object][])[];
}

/** Output 0 of application 0 of a layer: networks without shared layers need no other. */
type Reference = readonly [layer: string, application: number, output: number];

export interface TopologyOptions {
  /** lambda of the penalty lambda / 2 * sum(w^2) that training adds for every kernel; 0 by default. */
  readonly weightDecay?: number;
  /**
   * 'layer' (the default) lets TensorFlow.js draw the masks. 'input' makes each mask an input of the model, so that a
   * training run can be repeated. `maskInput` names it, and it has the node's shape: 0 drops, 1 / (1 - rate) keeps. A node
   * with rate 0 has no mask.
   */
  readonly dropout?: 'layer' | 'input';
}

/** The name of a dropout node's mask input, in a topology with masks as inputs. */
function maskInput(node: NetworkNode): string {
  return `${node.name}_mask`;
}

/** The model configuration of a network. Inputs are [batch, height, width, channels], masks follow in node order. */
export function topologyOf(network: Network, options: TopologyOptions = {}): LayersTopology {
  const layers = network.nodes.flatMap((node) => layersOf(node, options));
  const inputs = layers.filter((layer) => layer.class_name === 'InputLayer');
  return {
    class_name: 'Model',
    config: {
      name: network.architecture.name,
      layers,
      input_layers: inputs.map((layer) => outputOf(layer.name)),
      output_layers: [outputOf(network.nodes.at(-1)!.name)],
    },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  };
}

/** The Keras layers that compute a node from its inputs; the last of them has the node's name. */
function layersOf(node: NetworkNode, options: TopologyOptions): LayerConfig[] {
  const { name, inputs } = node;
  const one = (className: string, config: Readonly<Record<string, unknown>> = {}) => [
    layer(className, name, inputs, config),
  ];
  switch (node.op) {
    case 'input':
      return [inputLayer(name, node.shape)];
    case 'conv':
      return one('Conv2D', {
        filters: node.filters,
        ...slide(node),
        use_bias: node.bias,
        activation: 'linear',
        kernel_regularizer: penalty(options),
      });
    case 'dense':
      return one('Dense', {
        units: node.units,
        use_bias: node.bias,
        activation: 'linear',
        kernel_regularizer: penalty(options),
      });
    case 'batchNorm':
      return one('BatchNormalization', {
        axis: -1,
        momentum: node.momentum,
        epsilon: node.epsilon,
        center: true,
        scale: true,
      });
    case 'relu':
    case 'softmax':
      return one('Activation', { activation: node.op });
    case 'maxPool':
      return one('MaxPooling2D', pool(node));
    case 'averagePool':
      return one('AveragePooling2D', pool(node));
    case 'globalAveragePool':
      return one('GlobalAveragePooling2D', { data_format: 'channels_last' });
    case 'flatten':
      return one('Flatten');
    case 'add':
      return one('Add');
    case 'dropout':
      return options.dropout === 'input' && node.rate > 0
        ? [inputLayer(maskInput(node), node.shape), layer('Multiply', name, [...inputs, maskInput(node)])]
        : one('Dropout', { rate: node.rate });
  }
}

function layer(
  className: string,
  name: string,
  inputs: readonly string[],
  config: Readonly<Record<string, unknown>> = {},
): LayerConfig {
  return {
    class_name: className,
    name,
    config: { name, trainable: true, ...config },
    inbound_nodes: [inputs.map((input) => [...outputOf(input), {}] as const)],
  };
}

function inputLayer(name: string, shape: readonly number[]): LayerConfig {
  return {
    class_name: 'InputLayer',
    name,
    config: { name, batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false },
    inbound_nodes: [],
  };
}

function outputOf(layerName: string): Reference {
  return [layerName, 0, 0];
}

function slide({ kernel, stride, padding }: Window) {
  return { kernel_size: [kernel, kernel], strides: [stride, stride], padding, data_format: 'channels_last' };
}

function pool({ kernel, stride, padding }: Window) {
  return { pool_size: [kernel, kernel], strides: [stride, stride], padding, data_format: 'channels_last' };
}

/** Keras' L2 adds l2 * sum(w^2), without the factor 1/2 with which the gradient is lambda * w. */
function penalty({ weightDecay = 0 }: TopologyOptions) {
  return weightDecay > 0 ? { class_name: 'L1L2', config: { l1: 0, l2: weightDecay / 2 } } : null;
}
