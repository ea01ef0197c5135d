import { UserError } from '../src/base/errors.ts';
import { providerTrouble } from '../src/emotion/engines/onnx/provider.ts';
import { failuresText, findRuntime, NATIVE_PACKAGES } from '../src/emotion/engines/tensorflow/runtime.ts';
import { runAsProcess, tool } from './command-line.ts';
import { choice } from './options.ts';
import { addPackage, isThere, npm, outcomeOf, removePackage, run } from './setup/steps.ts';

const PACKAGE = NATIVE_PACKAGES[0];

export const main = tool(
  {
    usage: ['npm run setup:gpu [-- --for tensorflow|onnx]'],
    about: `Installs packages that compute on an NVIDIA card (Linux on x64 with NVIDIA's driver), and says whether they work. The project has
not been tested on such a card: rely on what this command says. "npm ci" removes the packages.
tensorflow  ${PACKAGE}, with TensorFlow 2.9.1 (some 400 MB from Google's servers), for reading and training; it needs
            CUDA 11.2 and cuDNN 8.1. ENGINE=auto then uses it.
onnx        onnxruntime's libraries for CUDA 12 (from NuGet's servers), for reading; they need CUDA 12 and cuDNN 9.
            ONNX_PROVIDER=cuda then uses them.`,
    options: { for: choice(['tensorflow', 'onnx'], 'what is to compute on the card', 'tensorflow') },
  },
  async ({ values, words, print, say, signal }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'Name no files.');
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new UserError('not-found', `The packages for NVIDIA cards exist for Linux on x64 only. ${INSTEAD}`);
    const cards = await outcomeOf({ program: 'nvidia-smi', args: ['--list-gpus'], signal });
    if (cards.status !== 0 || cards.output.trim() === '')
      throw new UserError('not-found', `nvidia-smi finds no NVIDIA card, or its driver is missing. ${INSTEAD}`);
    say(cards.output.trim().replaceAll(/ \(UUID: [^)]*\)/g, ''));
    try {
      print(values.for === 'onnx' ? await forOnnx(say, signal) : await forTensorflow(say, signal));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.code, `${error.message}\n${INSTEAD}`, { cause: error });
    }
    return 0;
  },
);

const INSTEAD = 'The onnx engine needs no card.';

type Say = (line: string) => void;

/** @returns what to do next @throws UserError where it cannot be installed, or finds no card */
async function forTensorflow(say: Say, signal: AbortSignal): Promise<string> {
  say(`Loading ${PACKAGE} and TensorFlow …`);
  const wasThere = isThere(PACKAGE);
  try {
    await addPackage(PACKAGE, say, signal);
    // TensorFlow is downloaded by this package's install script; no other package's script runs.
    await npm(['rebuild', '--ignore-scripts=false', PACKAGE], 'Loading TensorFlow', signal);
  } catch (error) {
    if (!wasThere) await removePackage(PACKAGE);
    throw error;
  }
  const { runtime, failures } = await findRuntime([PACKAGE]);
  if (runtime === undefined) throw new UserError('not-found', `${failuresText(failures)}.`);
  if (!runtime.gpu)
    throw new UserError('not-found', 'TensorFlow loads, but finds no card: CUDA 11.2 or cuDNN 8.1 is missing.');
  return 'TensorFlow computes on the card: ENGINE=auto takes it from the next start on. npm run doctor says so too.';
}

/** @returns what to do next @throws UserError where it cannot be installed, or does not compute */
async function forOnnx(say: Say, signal: AbortSignal): Promise<string> {
  say('Loading onnxruntime’s libraries for CUDA …');
  const args = ['rebuild', '--ignore-scripts=false', 'onnxruntime-node', '--loglevel=error'];
  const environment = { ONNXRUNTIME_NODE_INSTALL: 'cuda12' };
  await run({ program: 'npm', args, environment, signal }, 'Loading onnxruntime’s libraries');
  const trouble = await providerTrouble('cuda');
  if (trouble !== undefined)
    throw new UserError('not-found', `The libraries are there, but do not compute on the card: ${trouble}.`);
  return 'onnxruntime computes on the card: set ONNX_PROVIDER=cuda in .env. npm run doctor says so too.';
}

await runAsProcess(import.meta.url, main);
