import { reasonOf } from '../base/files.ts';
import type { Config } from '../config.ts';
import { loadClassifier } from '../emotion/classifier.ts';
import { createEngine } from '../emotion/engines/create-engine.ts';
import { findRuntime } from '../emotion/engines/tensorflow/runtime.ts';
import { FACE_PIXELS } from '../emotion/labels.ts';
import { loadModel } from '../emotion/layers-format/layers-format.ts';
import { createFaceDetector } from '../photo/faces/create-detector.ts';
import { startNativeOpenCv } from '../photo/faces/haar/native.ts';
import { VersionRegistry } from '../versions/registry.ts';
import { shippedBeside, shippedFolder } from '../versions/shipped.ts';
import { type Check, type Found, fromProblems } from './finding.ts';

/** Checks of everything that photos are read with. */
export function readingChecks(config: Config): Check[] {
  const { directory } = config.model;
  return [
    { part: 'Engine', look: () => engine(config), remedy: 'Run npm ci again, or set ENGINE=onnx.' },
    { part: 'GPU', look: gpu, remedy: '' },
    {
      part: 'Network',
      look: () => network(config),
      remedy: `Put a network into ${directory} (git checkout -- model brings back what ships), or unset MODEL_DIR.`,
    },
    { part: 'OpenCV', look: () => openCv(config), remedy: '' },
    {
      part: 'Face detector',
      look: () => detector(config),
      remedy: 'Run npm ci again; DETECTOR=haar needs model/cascades (git checkout -- model brings it back).',
    },
  ];
}

async function engine(config: Config): Promise<Found> {
  const { engine: choice, threads, provider } = config.model;
  const { name, device, trouble } = await createEngine(choice, { threads, provider });
  const asked = `ENGINE=${choice}${provider === 'cpu' ? '' : `, ONNX_PROVIDER=${provider}`}`;
  if (trouble !== undefined) {
    const remedy = 'docs/native.md says what a card takes. To do without one, set ONNX_PROVIDER=cpu.';
    return { state: 'partly', finding: `${name} on ${device} (${asked}): ${trouble}`, remedy };
  }
  const untried = provider === 'cpu' || name !== 'onnx' ? '' : '; the project’s own tests have not been run on a card';
  return { state: 'ok', finding: `${name} on ${device} (${asked})${untried}` };
}

async function gpu(): Promise<Found> {
  const { runtime, failures } = await findRuntime();
  if (runtime?.gpu)
    return { state: 'ok', finding: `${runtime.package} uses it; the project’s own tests have not been run on a card` };
  const reasons = failures.map((failure) => `${failure.package} is ${failure.reason}`).join('; ');
  return {
    state: 'off',
    finding: runtime ? `${runtime.package} finds none` : `not used by TensorFlow: ${reasons}`,
    remedy:
      'Only for faster training, with an NVIDIA card and CUDA 11.2: npm run setup:gpu. The project has not been run on a card.',
  };
}

/** Loads the network and classifies one face with it. */
async function network(config: Config): Promise<Found> {
  const { directory, threads } = config.model;
  const stored = await loadModel(directory);
  const classifier = await loadClassifier(directory, { threads });
  try {
    await classifier.classify([new Uint8Array(FACE_PIXELS).map((_, k) => (k * 7) % 256)]);
  } finally {
    await classifier.dispose();
  }
  const { architecture } = stored.network;
  const trouble = await troubleInUse(directory);
  if (trouble) return trouble;
  const size = `${(stored.network.parameters / 1e6).toFixed(1)} million parameters`;
  const about = `${architecture.name}, ${size}, SHA-256 ${stored.sha256.slice(0, 12)}…, in ${directory}`;
  return await withThoseBeside(about, directory);
}

/** Loads each network that ships beside the one in use, since those can be put in use too. */
async function withThoseBeside(about: string, directory: string): Promise<Found> {
  const beside = await shippedBeside(directory);
  const problems: { what: string; remedy: string }[] = [];
  for (const name of beside) {
    const folder = shippedFolder(directory, name);
    await loadModel(folder).catch((error: unknown) => {
      const what = `${name} beside it cannot be loaded: ${reasonOf(error)}`;
      problems.push({ what, remedy: `Bring it back: git checkout -- ${folder}` });
    });
  }
  const others = beside.length === 0 ? '' : `; beside it ${beside.join(', ')}`;
  return fromProblems(`${about}${problems.length === 0 ? others : ''}`, problems);
}

/** Checks whether the version in use can be loaded. If it cannot, photos are read with another one. */
async function troubleInUse(directory: string): Promise<Found | undefined> {
  const registry = new VersionRegistry(directory);
  const { version } = await registry.inUse();
  if (version === 0) return undefined;
  try {
    await registry.load(version);
    return undefined;
  } catch (error) {
    return {
      state: 'broken',
      finding: `version ${version}, which is in use, cannot be loaded, so photos are read with another: ${reasonOf(error)}`,
      remedy: 'Put one in use that can be loaded: /retrain versions lists them, /retrain promote takes its number.',
    };
  }
}

/** Starts the native OpenCV, where the cascades are in use and it may run them. */
async function openCv({ photos }: Config): Promise<Found> {
  if (photos.detector !== 'haar')
    return { state: 'off', finding: 'not loaded', remedy: 'DETECTOR=haar finds faces by its cascades.' };
  if (photos.openCv === 'wasm') return { state: 'ok', finding: 'as WebAssembly (OPENCV=wasm)' };
  const native = await startNativeOpenCv();
  if (!('missing' in native)) {
    native.end();
    return { state: 'ok', finding: `${native.version}, natively (OPENCV=auto)` };
  }
  // If it is not installed, nobody asked for it, which is fine. If it does not start, somebody has built it.
  const state = native.missing.endsWith('not installed') ? 'ok' : 'partly';
  return { state, finding: `as WebAssembly: ${native.missing}`, remedy: 'To run it natively: npm run setup:native.' };
}

/** Looks for faces in a gray picture, which needs the same threads, files and libraries as a photo. */
async function detector({ photos }: Config): Promise<Found> {
  const faces = createFaceDetector({ detector: photos.detector, openCv: photos.openCv, threads: 1 });
  try {
    const [width, height] = [160, 120];
    await faces.detect({ width, height, data: new Uint8Array(width * height * 3).fill(128) });
    return { state: 'ok', finding: `starts and looks at a picture (DETECTOR=${photos.detector})` };
  } finally {
    await faces.close();
  }
}
