import type * as TensorFlowModule from '@tensorflow/tfjs';

/** What every TensorFlow.js package offers; tfjs-node and tfjs-node-gpu only add a faster backend to it. */
export type TensorFlow = typeof TensorFlowModule;

/** A TensorFlow.js that has loaded. */
export interface Runtime {
  readonly tf: TensorFlow;
  /** The npm package that it came from. */
  readonly package: string;
  /** Whether TensorFlow itself says that it computes on a GPU. */
  readonly gpu: boolean;
}

/** A package that could not be loaded, and the reason as a sentence part. */
export interface LoadFailure {
  readonly package: string;
  readonly reason: string;
}

export interface RuntimeSearch {
  readonly runtime?: Runtime;
  /** What was tried before, in order. */
  readonly failures: readonly LoadFailure[];
}

/** The packages with TensorFlow's native library, the better first. Both are optional peers: npm does not install them. */
export const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** TensorFlow.js in plain JavaScript. It is hundreds of times slower; tests compare the engines with it. */
export const JAVASCRIPT_PACKAGE = '@tensorflow/tfjs';

/** Loads the first of the packages that can be loaded. Never throws: a package that cannot be loaded is listed in the result. */
export async function findRuntime(packages: readonly string[] = NATIVE_PACKAGES): Promise<RuntimeSearch> {
  const failures: LoadFailure[] = [];
  for (const name of packages) {
    try {
      return { runtime: await load(name), failures };
    } catch (error) {
      failures.push({ package: name, reason: reasonOf(name, error) });
    }
  }
  return { failures };
}

/** Why packages did not load, as a part of a sentence. */
export function failuresText(failures: readonly LoadFailure[]): string {
  return failures.map((failure) => `${failure.package} is ${failure.reason}`).join('; ');
}

async function load(name: string): Promise<Runtime> {
  const module: TensorFlow & { default?: TensorFlow } = await import(name);
  // The packages are CommonJS: Node finds their exports under `default`, and only some of them by name.
  const tf = module.default ?? module;
  // WebGL, which plain TensorFlow.js prefers, does not exist in Node.
  if (name === JAVASCRIPT_PACKAGE) await tf.setBackend('cpu');
  await tf.ready();
  // Only tfjs-node's backend has this property.
  const gpu = (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  return { tf, package: name, gpu };
}

function reasonOf(name: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // A dependency that the package itself lacks has the same code, but another name.
  const missing = (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`);
  return missing ? 'not installed' : `installed, but does not load: ${String(message ?? error).split('\n')[0]}`;
}
