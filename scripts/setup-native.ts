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
/** OpenCV with its headers, and the tools that compile against it. */
const DEBIAN_PACKAGES = ['libopencv-dev', 'pkg-config', 'g++', 'make', 'python3'];

export const main = tool(
  {
    usage: ['npm run setup:native'],
    about: `Builds ${PACKAGE}, which runs OpenCV's cascades natively, against the system's OpenCV. With DETECTOR=haar the bot uses it
from its next start on. Without it the cascades run as WebAssembly and find the same faces. "npm ci" removes it.`,
    options: {
      system: choice(['install', 'keep'], 'install missing Debian packages, or only name them', 'install'),
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
  // Debian's pkg-config names the folder that contains opencv2/; others name the folder above it.
  const inner = `${include}/opencv4`;
  return { include: existsSync(inner) ? inner : include, lib };
}

/** The package's sources that the cascades need. */
const SOURCES = /^cc\/(core\/|imgproc\/|objdetect\/)?\w+\.cc$/;
/** The parts of OpenCV that the package would also bind where they are installed. */
const NOT_NEEDED =
  'CALIB3D DNN FACE FEATURES2D HIGHGUI IMG_HASH ML PHOTO TEXT TRACKING VIDEO XFEATURES2D XIMGPROC'.split(' ');
/**
 * Replaces the package's header that lists OpenCV's parts: OpenCV's own headers define every installed part, so the others are undefined.
 */
const PARTS = `#include "macros.h"\n${NOT_NEEDED.map((part) => `#undef HAVE_OPENCV_${part}\n`).join('')}`;

/**
 * Compiles the part of the package that runs cascades, a fifth of its sources, against the installed OpenCV. By default
 * the package downloads OpenCV's sources and builds them too. The package's own build script is not used: it starts node-gyp even where
 * there is nothing to build.
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
    // The binding is compiled without optimisation: the time is spent in OpenCV's library, and optimising would take most of the build.
    CXXFLAGS: '-O0 -w',
  };
  // Uses Node's headers where they are installed with it, so that they need not be downloaded.
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include/node/node.h'))) environment.npm_config_nodedir = prefix;
  const args = ['rebuild', '--directory', folder, '--jobs', String(availableParallelism())];
  await run({ program: 'node-gyp', args, environment, signal }, 'Building');
}

await runAsProcess(import.meta.url, main);
