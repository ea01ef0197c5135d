import { UserError } from '../../base/errors.ts';
import type { Engine, EngineChoice, Provider } from './engine.ts';
import { createOnnxEngine } from './onnx/onnx-engine.ts';
import { providerTrouble } from './onnx/provider.ts';
import {
  failuresText,
  findRuntime,
  type LoadFailure,
  NATIVE_PACKAGES,
  type RuntimeSearch,
} from './tensorflow/runtime.ts';
import { createTensorflowEngine } from './tensorflow/tensorflow-engine.ts';

interface EngineOptions {
  /** Threads for calls that do not give a number; one per core by default. TensorFlow chooses its own. */
  readonly threads?: number;
  /** onnxruntime's execution provider for reading faces. Where it is not available the CPU is used, and `Engine.trouble` says why. */
  readonly provider?: Provider;
  /** Looks for TensorFlow.js; tests put their own here. */
  readonly find?: (packages?: readonly string[]) => Promise<RuntimeSearch>;
}

/**
 * The engine that a person chose.
 *
 * @throws UserError 'bad-usage' if TensorFlow was chosen and none of its packages can be loaded; it says what to install
 */
export async function createEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  const { threads, provider = 'cpu', find = findRuntime } = options;
  if (choice === 'tensorflow') {
    const { runtime, failures } = await find();
    if (!runtime) throw notLoadable(failures);
    return createTensorflowEngine(runtime);
  }
  if (choice === 'auto') {
    // Without the GPU package no GPU can be used, and loading the other package takes a second.
    const { runtime } = await find([NATIVE_PACKAGES[0]]);
    if (runtime?.gpu) return createTensorflowEngine(runtime);
  }
  const trouble = await providerTrouble(provider);
  const engine = createOnnxEngine({
    ...(threads === undefined ? {} : { threads }),
    provider: trouble === undefined ? provider : 'cpu',
  });
  return trouble === undefined ? engine : { ...engine, trouble: `${provider} cannot be used: ${trouble}` };
}

function notLoadable(failures: readonly LoadFailure[]): UserError {
  return new UserError(
    'bad-usage',
    `TensorFlow cannot be loaded (${failuresText(failures)}). Install it with ` +
      `\`npm install --no-save --save-optional --ignore-scripts=false ${NATIVE_PACKAGES[1]}@4.22.0\` ` +
      '(`npm run setup:gpu` for an NVIDIA card), or set ENGINE=onnx, which needs nothing.',
  );
}
