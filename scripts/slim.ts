import { lstat, readdir, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { entriesOf, explainFile } from '../src/base/files.ts';
import { inRepository, runAsProcess, tool } from './command-line.ts';
import { text } from './options.ts';

export const main = tool(
  {
    usage: ['npm run slim'],
    about: `Removes from node_modules what the bot does not load on this machine: development packages, binaries for other systems,
everything of face-api but the weights of its face detector, all but one build of libheif, packages' own tests and documentation, and
files that only debuggers and compilers read. "npm ci" brings all of it back.`,
    options: {
      modules: text('DIR', 'the folder of the packages', inRepository('node_modules')),
    },
  },
  async ({ values: { modules }, words, print }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'Name no files.');
    const found = await needless(modules);
    let all = 0;
    for (const { what, paths } of found) {
      const sizes = await Promise.all(paths.map((path) => sizeOf(join(modules, path))));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      await Promise.all(paths.map((path) => rm(join(modules, path), { recursive: true })));
      all += bytes;
      print(`${megabytes(bytes)}  ${what}`);
    }
    print(`${megabytes(all)}  gone; ${megabytes(await sizeOf(modules)).trimStart()} are left`);
    return 0;
  },
);

interface Needless {
  readonly what: string;
  /** Relative to the folder of the packages. */
  readonly paths: readonly string[];
}

/** The end of the name of a package that was built for another C library than this system's. */
const OTHER_LIBC = isMusl() ? /-gnu$/ : /-musl$/;
/** Folders of a package that only its own developers need. */
const FOR_AUTHORS = new Set(['test', 'tests', '__tests__', 'docs', 'examples']);

async function needless(modules: string): Promise<Needless[]> {
  const onnxruntime = join('onnxruntime-node', 'bin');
  const faceApi = join('@vladmandic', 'face-api');
  const foreign = (await inside(modules, onnxruntime, 3)).filter(
    (path) => !path.endsWith(join(process.platform, process.arch)),
  );
  const faceApiFiles = [...(await inside(modules, faceApi, 1)), ...(await inside(modules, join(faceApi, 'model'), 1))];
  const kept = /^(package\.json|LICENSE|model|model\/tiny_face_detector_model.*)$/;
  const ofFaceApi = faceApiFiles.filter((path) => !kept.test(relative(faceApi, path).replaceAll(sep, '/')));
  const packages = await packagesIn(modules);
  const binaries = packages.filter((path) => OTHER_LIBC.test(path));
  const libheif = 'libheif-js';
  const builds = await inside(modules, join(libheif, 'libheif-wasm'), 1);
  const ofLibheif = [
    ...(await inside(modules, libheif, 1)).filter((path) => path === join(libheif, 'libheif')),
    ...builds.filter((path) => path.includes('bundle')),
  ];
  const held = await Promise.all(packages.map((path) => inside(modules, path, 1)));
  const forAuthors = held
    .flat()
    .filter((path) => FOR_AUTHORS.has(basename(path)) && !binaries.includes(dirname(path)))
    // zod ships its sources beside the built files.
    .concat(
      packages.includes('zod') ? (await inside(modules, 'zod', 1)).filter((path) => path === join('zod', 'src')) : [],
    );
  const gone = [...foreign, ...ofFaceApi, ...binaries, ...ofLibheif, ...forAuthors];
  const readByTools = (await allFiles(modules)).filter(
    (path) => /\.map$|\.d\.[cm]?ts$/.test(path) && !gone.some((folder) => path.startsWith(folder + sep)),
  );
  return [
    { what: 'onnxruntime for other systems', paths: foreign },
    { what: 'binaries for another C library', paths: binaries },
    { what: 'face-api without its face detector’s weights', paths: ofFaceApi },
    { what: 'builds of libheif beside the one in use', paths: ofLibheif },
    { what: 'tests, documentation and sources of packages', paths: forAuthors },
    { what: 'source maps and type declarations', paths: readByTools },
  ];
}

/** The folders of the packages, including scoped ones. */
async function packagesIn(modules: string): Promise<string[]> {
  const names = (await entriesOf(modules)).filter((name) => !name.startsWith('.'));
  const scoped = names.filter((name) => name.startsWith('@')).map((name) => inside(modules, name, 1));
  return [...names.filter((name) => !name.startsWith('@')), ...(await Promise.all(scoped)).flat()];
}

/** Whether this system's C library is musl, as Alpine's is, rather than glibc. */
function isMusl(): boolean {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return process.platform === 'linux' && report.header?.glibcVersionRuntime === undefined;
}

/**
 * The files and folders `depth` levels below a folder of the packages; none where that folder is missing, a file, or elsewhere: npm makes
 * a link where somebody works on a package.
 */
async function inside(modules: string, folder: string, depth: number): Promise<string[]> {
  const [root, path] = await Promise.all([modules, join(modules, folder)].map((one) => realpath(one).catch(() => '')));
  if (!root || path !== join(root, folder) || !(await lstat(path)).isDirectory()) return [];
  const names = await entriesOf(path);
  const paths = names.map((name) => join(folder, name));
  if (depth === 1) return paths;
  return (await Promise.all(paths.map((path) => inside(modules, path, depth - 1)))).flat();
}

async function allFiles(modules: string): Promise<string[]> {
  const entries = await readdir(modules, { recursive: true, withFileTypes: true }).catch((error) => {
    throw explainFile(error, { missing: ['not-found', 'There are no packages. Run npm ci first.'] });
  });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(modules, join(parentPath, name)));
}

async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0).padStart(4)} MB`;
}

await runAsProcess(import.meta.url, main);
