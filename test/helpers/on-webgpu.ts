/**
 * Reads the same input with a small network on the CPU and on WebGPU. `on-webgpu.ts` prints the device, and how much the answers differ.
 */
import { ARCHITECTURES } from '../../src/emotion/architectures.ts';
import { createEngine } from '../../src/emotion/engines/create-engine.ts';
import { sizeOf, unroll } from '../../src/emotion/network.ts';
import { initialWeights } from '../../src/training/run/initial-weights.ts';
import { numbers } from './networks.ts';

const COUNT = 2;

if (process.argv[1]?.endsWith('on-webgpu.ts')) {
  // Both kinds of pooling, and all else that the networks are made of.
  const network = unroll(ARCHITECTURES.get('tiny')!);
  const x = numbers(COUNT * sizeOf(network.architecture.input), 3);
  const devices: string[] = [];
  const answers: Float32Array[] = [];
  for (const provider of ['cpu', 'webgpu'] as const) {
    const engine = await createEngine('onnx', { threads: 1, provider });
    devices.push(engine.trouble ?? engine.device);
    const predictor = await engine.predictor(network, initialWeights(network, 5));
    answers.push(await predictor.predict(x, COUNT));
  }
  const [cpu, card] = answers as [Float32Array, Float32Array];
  const apart = Math.max(...cpu.map((value, k) => Math.abs(value - card[k]!)));
  console.log(JSON.stringify({ devices, apart, varied: Math.max(...cpu) - Math.min(...cpu) }));
}
