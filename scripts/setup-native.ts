import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { startNativeOpenCv } from '../src/photo/faces/haar/native.ts';
import { inRepository, runAsProcess, tool } from './command-line.ts';
import { choice } from './options.ts';
import { addPackage, outcomeOf, run } from './setup/steps.ts';

const PACKAGE = '@u4/opencv4nodejs';
/** OpenCV with its headers, and what compiles against it. */
const DEBIAN_PACKAGES = ['libopencv-dev', 'pkg-config', 'g++', 'make', 'python3'];

export const main = tool(
  {
    usage: ['npm run setup:native'],
    about: `Builds ${PACKAGE}, which runs OpenCV's cascades natively, against the system's OpenCV; with DETECTOR=haar the bot uses it
from its next start on. Without it the cascades run as WebAssembly and find the same faces. "npm ci" takes it away.`,
    options: {
      system: choice(['install', 'keep'], 'install what is missing of Debian’s packages, or only say so', 'install'),
    },
  },
  async ({ values, words, print, say, signal }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'Name no files.');
    const place = await findOpenCv(values.system === 'install', say, signal);
    say(`Loading ${PACKAGE} …`);
    await addPackage(PACKAGE, say, signal);
    say('Building it, a minute or two …');
    await build(place, signal);
    const native = await startNativeOpenCv();
    if ('missing' in native) throw new UserError('not-found', `${native.missing}. It was built against ${place.lib}.`);
    native.end();
    print(
      `OpenCV ${native.version} runs the cascades natively from the bot’s next start on, where DETECTOR=haar is set: npm run doctor says so then.`,
    );
    return 0;
  },
);

/** Where OpenCV's headers and libraries are. */
interface OpenCvPlace {
  readonly include: string;
  readonly lib: string;
}

async function findOpenCv(mayInstall: boolean, say: (line: string) => void, signal: AbortSignal): Promise<OpenCvPlace> {
  const found = await askPkgConfig(signal);
  if (found !== undefined) return found;
  const typed = `apt-get install ${DEBIAN_PACKAGES.join(' ')}`;
  const hasApt = (await outcomeOf({ program: 'apt-get', args: ['--version'], signal })).status === 0;
  if (!hasApt)
    throw new UserError(
      'not-found',
      'There is no OpenCV 4 that pkg-config knows. Install it with its headers, and a C++ compiler.',
    );
  if (!mayInstall || process.getuid?.() !== 0)
    throw new UserError(
      'not-found',
      `OpenCV’s headers are missing. Type this, then npm run setup:native again:\nsudo ${typed}`,
    );
  say(`${typed} …`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  await run(
    { program: 'apt-get', args: ['update', '-q'], environment, signal },
    'Asking for Debian’s list of packages',
  );
  const args = ['install', '-y', '-q', '--no-install-recommends', ...DEBIAN_PACKAGES];
  await run({ program: 'apt-get', args, environment, signal }, 'Installing OpenCV');
  const installed = await askPkgConfig(signal);
  if (installed === undefined)
    throw new UserError('not-found', 'apt-get installed an OpenCV that pkg-config does not know: version 4 is needed.');
  return installed;
}

async function askPkgConfig(signal: AbortSignal): Promise<OpenCvPlace | undefined> {
  const ask = async (variable: string) => {
    const { status, output } = await outcomeOf({
      program: 'pkg-config',
      args: [`--variable=${variable}`, 'opencv4'],
      signal,
    });
    return status === 0 ? output.trim() : '';
  };
  const [include, lib] = [await ask('includedir'), await ask('libdir')];
  if (include === '' || lib === '') return undefined;
  // Debian names the folder that opencv2/ lies in, others the one above it.
  const inner = `${include}/opencv4`;
  return { include: existsSync(inner) ? inner : include, lib };
}

/** Of the package's sources, those that the cascades take. */
const SOURCES = /^cc\/(core\/|imgproc\/|objdetect\/)?\w+\.cc$/;
/** The other parts of OpenCV that the package would offer where they are there. */
const NOT_NEEDED =
  'CALIB3D DNN FACE FEATURES2D HIGHGUI IMG_HASH ML PHOTO TEXT TRACKING VIDEO XFEATURES2D XIMGPROC'.split(' ');
/** Says which parts there are, in place of the package's own header: OpenCV's headers name all that are installed. */
const PARTS = `#include "macros.h"\n${NOT_NEEDED.map((part) => `#undef HAVE_OPENCV_${part}\n`).join('')}`;

/**
 * Compiles the part of the package that runs cascades, a fifth of its sources, against the OpenCV that is there. Left
 * to itself the package loads OpenCV's sources and builds them too. Its own driver starts node-gyp even where there is
 * nothing to build.
 */
async function build({ include, lib }: OpenCvPlace, signal: AbortSignal): Promise<void> {
  const folder = inRepository(`node_modules/${PACKAGE}`);
  const list = join(folder, 'binding.gyp');
  await writeFile(join(folder, 'cc/opencv_modules.h'), PARTS);
  const sources = (await readFile(list, 'utf8')).replaceAll(/"(cc\/[\w/]+\.cc)",/g, (whole, path) =>
    SOURCES.test(path) ? whole : '',
  );
  await writeFile(list, sources);
  const environment: Record<string, string> = {
    OPENCV4NODEJS_DISABLE_AUTOBUILD: '1',
    OPENCV_INCLUDE_DIR: include,
    OPENCV_LIB_DIR: lib,
    // What takes time is OpenCV's own library: what calls it need not be optimised, which takes longer than all the rest.
    CXXFLAGS: '-O0 -w',
  };
  // Node's own headers, where they came with it, need not be loaded.
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include/node/node.h'))) environment.npm_config_nodedir = prefix;
  const args = ['rebuild', '--directory', folder, '--jobs', String(availableParallelism())];
  await run({ program: 'node-gyp', args, environment, signal }, 'Building');
}

await runAsProcess(import.meta.url, main);
