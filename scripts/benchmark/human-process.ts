/**
 * A peer of `npm run benchmark -- photo`: Human on TensorFlow.js' wasm backend, with its detector (BlazeFace), mesh and emotion only. The
 * mesh sets a face upright before it is read, so it belongs to reading. A process of its own: see face-api-process.ts.
 *
 * Argument: the package with the library.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { WalkAnswer, WalkRequest } from './peer.ts';
import { require, servePeer, wasmFolder } from './wasm-peer.ts';

const BACKEND = '@tensorflow/tfjs-backend-wasm';
/** Human finds one face by default. */
const MOST_FACES = 100;
const OFF = { enabled: false };

type Library = typeof import('@vladmandic/human');
type Human = InstanceType<Library['Human']>;

async function load(library: string): Promise<Human> {
  // The package exports only one of its builds; the one for wasm lies beside it.
  const folder = dirname(require.resolve(library));
  const { Human }: Library = require(join(folder, 'human.node-wasm.js'));
  const human = new Human({
    backend: 'wasm',
    wasmPath: wasmFolder(BACKEND),
    modelBasePath: pathToFileURL(join(folder, '..', 'models')).href,
    debug: false,
    // Disables the cache, which would return the last result for a similar picture.
    cacheSensitivity: 0,
    filter: OFF,
    gesture: OFF,
    body: OFF,
    hand: OFF,
    object: OFF,
    segmentation: OFF,
    face: {
      enabled: true,
      detector: { maxDetected: MOST_FACES },
      mesh: { enabled: true },
      emotion: { enabled: true },
      iris: OFF,
      description: OFF,
      antispoof: OFF,
      liveness: OFF,
    },
  });
  human.tf.io.registerLoadRouter((url: string | string[]) =>
    typeof url === 'string' && url.startsWith('file:') ? { load: () => readNetwork(url) } : null!,
  );
  await human.init();
  if (human.tf.getBackend() !== 'wasm') throw new Error('the wasm backend does not start');
  await human.load();
  return human;
}

/** A network's model.json in TensorFlow.js' format. */
interface NetworkFile {
  readonly modelTopology: object;
  readonly format: string;
  readonly signature?: object;
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: [] }[];
}

/** Reads a network from its files. The library would use fetch, which cannot read files. */
async function readNetwork(url: string) {
  const file = fileURLToPath(url);
  const { weightsManifest: groups, ...rest } = JSON.parse(await readFile(file, 'utf8')) as NetworkFile;
  const paths = groups.flatMap((group) => group.paths);
  const parts = await Promise.all(paths.map((path) => readFile(join(dirname(file), path))));
  const weightData = Uint8Array.from(Buffer.concat(parts)).buffer;
  return { ...rest, weightSpecs: groups.flatMap((group) => group.weights), weightData };
}

async function walk(human: Human, { width, height, data }: WalkRequest): Promise<WalkAnswer> {
  const start = performance.now();
  const picture = human.tf.tensor3d(data, [height, width, 3], 'int32');
  const { face, error } = await human.detect(picture);
  if (error) throw new Error(error);
  const milliseconds = performance.now() - start;
  picture.dispose();
  return { milliseconds, faces: face.length };
}

const [library] = process.argv.slice(2);
await servePeer<WalkRequest>(async () => {
  const human = await load(library!);
  return { version: human.version, threads: 1, answer: (request) => walk(human, request) };
});
