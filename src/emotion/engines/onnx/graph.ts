import protobuf from 'protobufjs';

/**
 * Builds an ONNX model node by node. Only the parts of the format that our networks need are described here; field
 * numbers and element types are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */

/** Version of the standard operators that the graphs are written in. */
const OPSET = 17;
const IR_VERSION = 8;
/** onnxruntime's own operators, such as FusedMatMul. */
const CONTRIB = 'com.microsoft';
/** onnxruntime's operators on maps with channels in blocks; see ops/blocked-conv.ts. */
const BLOCKED = 'com.microsoft.nchwc';

const FLOAT = 1;
const INT64 = 7;

const field = (id: number, type: string, rule?: 'repeated') => (rule ? { id, type, rule } : { id, type });
const SCHEMA = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field(1, 'int64'),
        graph: field(7, 'GraphProto'),
        opsetImport: field(8, 'OperatorSet', 'repeated'),
      },
    },
    OperatorSet: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    GraphProto: {
      fields: {
        node: field(1, 'NodeProto', 'repeated'),
        name: field(2, 'string'),
        initializer: field(5, 'TensorProto', 'repeated'),
        input: field(11, 'ValueInfo', 'repeated'),
        output: field(12, 'ValueInfo', 'repeated'),
      },
    },
    NodeProto: {
      fields: {
        input: field(1, 'string', 'repeated'),
        output: field(2, 'string', 'repeated'),
        name: field(3, 'string'),
        opType: field(4, 'string'),
        attribute: field(5, 'Attribute', 'repeated'),
        domain: field(7, 'string'),
      },
    },
    Attribute: {
      fields: {
        name: field(1, 'string'),
        f: field(2, 'float'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        ints: field(8, 'int64', 'repeated'),
        type: field(20, 'int32'),
      },
    },
    TensorProto: {
      fields: {
        dims: field(1, 'int64', 'repeated'),
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
      },
    },
    ValueInfo: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
    TypeProto: { fields: { tensorType: field(1, 'TensorType') } },
    TensorType: { fields: { elemType: field(1, 'int32'), shape: field(2, 'Shape') } },
    Shape: { fields: { dim: field(1, 'Dimension', 'repeated') } },
    Dimension: { fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') } },
  },
});
const MODEL = SCHEMA.lookupType('ModelProto');

/** The JavaScript type decides the attribute's type: a list of integers, { float }, an integer or a string. */
type AttributeValue = number | readonly number[] | string | { readonly float: number };

/** A dimension of a shape: a number, or a name for one that is known only at run time. */
type Side = number | string;

/** A value's name in the graph. */
export type Value = string;

/** One operation, as the format describes it. */
interface GraphNode {
  readonly opType: string;
  readonly input: readonly Value[];
  readonly output: readonly Value[];
  readonly name: string;
  readonly attribute?: readonly object[];
  readonly domain?: string;
}

export class GraphBuilder {
  private readonly nodes: GraphNode[] = [];
  /** Values that operations gave, and the names of the outputs that some of them become. */
  private readonly computed = new Set<Value>();
  private readonly renamed = new Map<Value, string>();
  private readonly initializers: object[] = [];
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];
  private readonly scalars = new Map<number, Value>();
  private readonly integers = new Map<string, Value>();
  private count = 0;
  private usesBlocked = false;

  /** Declares a float32 input. */
  input(name: string, shape: readonly Side[]): Value {
    this.inputs.push(valueInfo(name, shape));
    return name;
  }

  /**
   * Declares `value` as an output called `name`. The operation's result is renamed wherever it is used. Only inputs, constants
   * and values that are already an output are copied.
   */
  output(name: string, shape: readonly Side[], value: Value): void {
    if (this.computed.has(value) && !this.renamed.has(value)) this.renamed.set(value, name);
    else this.nodes.push({ opType: 'Identity', input: [value], output: [name], name });
    this.outputs.push(valueInfo(name, shape));
  }

  /** A float32 tensor stored in the graph. */
  tensor(data: Float32Array, shape: readonly number[], name = `tensor${this.count++}`): Value {
    this.initializers.push({ name, dims: shape, dataType: FLOAT, rawData: bytesOf(data) });
    return name;
  }

  /** A float32 number stored in the graph. */
  scalar(number: number): Value {
    return remember(this.scalars, number, () => this.tensor(Float32Array.of(number), []));
  }

  /** A list of 64-bit integers stored in the graph: axes, shapes, starts. */
  ints(...values: number[]): Value {
    return remember(this.integers, values.join(), () => {
      const name = `ints${this.count++}`;
      const data = BigInt64Array.from(values, BigInt);
      this.initializers.push({ name, dims: [values.length], dataType: INT64, rawData: bytesOf(data) });
      return name;
    });
  }

  /** Appends a node of the standard operators and returns its (first) output. */
  node(opType: string, input: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    return this.append(opType, input, attributes, 1, '')[0]!;
  }

  /** Appends a node with two outputs, such as max pooling with its indices. */
  nodeWithTwo(
    opType: string,
    input: readonly Value[],
    attributes: Record<string, AttributeValue> = {},
  ): [Value, Value] {
    return this.append(opType, input, attributes, 2, '') as [Value, Value];
  }

  /** Appends a node of onnxruntime's own operators. */
  contrib(opType: string, input: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    return this.append(opType, input, attributes, 1, CONTRIB)[0]!;
  }

  /** Appends a node of onnxruntime's operators on maps with channels in blocks. */
  blocked(opType: string, input: readonly Value[], attributes: Record<string, AttributeValue> = {}): Value {
    this.usesBlocked = true;
    return this.append(opType, input, attributes, 1, BLOCKED)[0]!;
  }

  /** The model in ONNX's file format. */
  encode(name: string): Uint8Array {
    const rename = (values: readonly Value[]) => values.map((value) => this.renamed.get(value) ?? value);
    const model = {
      irVersion: IR_VERSION,
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: CONTRIB, version: 1 },
        ...(this.usesBlocked ? [{ domain: BLOCKED, version: 1 }] : []),
      ],
      graph: {
        name,
        node: this.nodes.map((node) => ({ ...node, input: rename(node.input), output: rename(node.output) })),
        initializer: this.initializers,
        input: this.inputs,
        output: this.outputs,
      },
    };
    const problem = MODEL.verify(model);
    if (problem) throw new Error(`ONNX graph ${name}: ${problem}`);
    return MODEL.encode(MODEL.create(model)).finish();
  }

  private append(
    opType: string,
    input: readonly Value[],
    attributes: Record<string, AttributeValue>,
    outputs: number,
    domain: string,
  ): Value[] {
    const name = `${opType}${this.count++}`;
    const output = Array.from({ length: outputs }, (_, k) => (k === 0 ? name : `${name}.${k}`));
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    this.nodes.push({ opType, input, output, name, attribute, domain });
    for (const value of output) this.computed.add(value);
    return output;
  }
}

function attributeOf(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}

function valueInfo(name: string, shape: readonly Side[]): object {
  const dim = shape.map((side) => (typeof side === 'number' ? { dimValue: side } : { dimParam: side }));
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}

function bytesOf(data: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function remember<Key>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
