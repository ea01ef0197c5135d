import { UserError } from '../src/base/errors.ts';
import { findRuntime, inWords, NATIVE_PACKAGES } from '../src/emotion/engines/tensorflow/runtime.ts';
import { runAsProcess, tool } from './command-line.ts';
import { addPackage, npm, outcomeOf } from './setup/steps.ts';

const PACKAGE = NATIVE_PACKAGES[0];

export const main = tool(
  {
    usage: ['npm run setup:gpu'],
    about: `Installs ${PACKAGE}, with TensorFlow 2.9.1 for an NVIDIA card (some 400 MB from Google's servers), and says whether it
computes on the card; ENGINE=auto then takes it. It needs Linux on x64, NVIDIA's driver, CUDA 11.2 and cuDNN 8.1. The project has not
been run on a card: what this says is what you have. "npm ci" takes it away.`,
    options: {},
  },
  async ({ words, print, say, signal }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'Name no files.');
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new UserError('not-found', `TensorFlow for NVIDIA cards is built for Linux on x64 alone. ${INSTEAD}`);
    const cards = await outcomeOf({ program: 'nvidia-smi', args: ['--list-gpus'], signal });
    if (cards.status !== 0 || cards.output.trim() === '')
      throw new UserError('not-found', `nvidia-smi finds no NVIDIA card, or its driver is missing. ${INSTEAD}`);
    say(cards.output.trim().replaceAll(/ \(UUID: [^)]*\)/g, ''));
    say(`Loading ${PACKAGE} and TensorFlow …`);
    await addPackage(PACKAGE, say, signal);
    // Its own script, and no other package's, loads TensorFlow.
    await npm(['rebuild', '--ignore-scripts=false', PACKAGE], 'Loading TensorFlow', signal);
    const { runtime, failures } = await findRuntime([PACKAGE]);
    if (runtime === undefined) throw new UserError('not-found', `${inWords(failures)}. ${INSTEAD}`);
    if (!runtime.gpu)
      throw new UserError(
        'not-found',
        `TensorFlow loads, but finds no card: CUDA 11.2 or cuDNN 8.1 is missing. ${INSTEAD}`,
      );
    print('TensorFlow computes on the card: ENGINE=auto takes it from the next start on. npm run doctor says so too.');
    return 0;
  },
);

const INSTEAD = 'The onnx engine needs no card.';

await runAsProcess(import.meta.url, main);
