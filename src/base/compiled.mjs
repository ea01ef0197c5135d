/**
 * Makes a copy of the sources without their types, once, and keeps it until the sources change. So no process or thread needs a compiler.
 * Types are replaced by blanks, so lines and columns of errors are those of the source. This file is plain JavaScript, since it runs
 * before any TypeScript can. As a program it runs a source: `node src/base/compiled.mjs FILE.ts ARGUMENTS`.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = resolve(import.meta.dirname, '..', '..');
/** The folder of the sources. In a copy, its package.json says where they are. */
const { sources: SOURCES = HERE } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));
const FOLDERS = ['commands', 'scripts', 'src'];
/** How many copies are kept, those used last. A running bot may load one of its files long after the sources have changed. */
const KEPT = 30;
/** Copies that were used within this time, in milliseconds, are kept in any number. */
const KEPT_MS = 3 * 60 * 60 * 1000;
/** Modes of folders and files of a copy: nobody else may write there, since the bot runs what it finds. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
const COMPILER = '@swc/wasm-typescript';

/** @type {Map<string, string>} */
const copies = new Map();

/**
 * Where the compiled copy of a source is.
 * @param {URL} file a TypeScript file of this project
 * @returns {URL}
 */
export function compiled(file) {
  const path = relative(SOURCES, fileURLToPath(file));
  return pathToFileURL(join(copyWith(path), path.replace(/\.ts$/, '.js')));
}

/** The folder of a copy that has this file. Files of tests are in a separate copy, since an installed bot may have no tests. */
function copyWith(path) {
  if (SOURCES !== HERE) return HERE;
  const folders = path.startsWith(`test${sep}`) ? [...FOLDERS, 'test'] : FOLDERS;
  const id = folders.join();
  const copy = copies.get(id) ?? findCopy(folders);
  copies.set(id, copy);
  return copy;
}

function findCopy(folders) {
  const files = readSources(folders);
  const version = createRequire(import.meta.url)(`${COMPILER}/package.json`).version;
  const hash = createHash('sha256').update(`${version}\0${SOURCES}`);
  for (const [path, text] of files) hash.update(`\0${path}\0${text}`);
  const key = hash.digest('hex').slice(0, 16);
  const modules = realpathSync(join(SOURCES, 'node_modules'));
  const cache = join(modules, '.cache', 'emotion-bot');
  const copy = join(cache, key);
  if (existsSync(copy)) {
    tryToWrite(() => utimesSync(copy, new Date(), new Date()));
    return copy;
  }
  const unfinished = tryToWrite(() => {
    mkdirSync(cache, { recursive: true, mode: FOLDER_MODE });
    return mkdtempSync(`${copy}-`);
  });
  if (unfinished === undefined) return temporaryCopy(files, modules);
  writeCopy(unfinished, files);
  // mkdtemp makes a folder for this user alone. Everybody who may read the sources should be able to run the copy.
  chmodSync(unfinished, FOLDER_MODE & ~process.umask());
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    // Another process has made the same copy meanwhile.
    rmSync(unfinished, { recursive: true });
    if (!existsSync(copy)) throw error;
  }
  prune(cache);
  return copy;
}

/** Runs `work`; returns undefined where this user may not write. */
function tryToWrite(work) {
  try {
    return work();
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return undefined;
    throw error;
  }
}

/** Makes a copy for this process only, deleted when it ends. Used where the installation is not writable. */
function temporaryCopy(files, modules) {
  const copy = mkdtempSync(join(tmpdir(), 'emotion-bot-'));
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  symlinkSync(modules, join(copy, 'node_modules'), 'junction');
  writeCopy(copy, files);
  return copy;
}

function readSources(folders) {
  const isSource = (name) => name.endsWith('.mjs') || (name.endsWith('.ts') && !/\.(d|test)\.ts$/.test(name));
  const paths = folders.flatMap((folder) =>
    readdirSync(join(SOURCES, folder), { recursive: true }).map((name) => join(folder, name)),
  );
  return paths
    .filter(isSource)
    .sort()
    .map((path) => [path, readFileSync(join(SOURCES, path), 'utf8')]);
}

function writeCopy(copy, files) {
  const { transformSync } = createRequire(import.meta.url)(COMPILER);
  for (const [path, text] of files) {
    const target = join(copy, path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true, mode: FOLDER_MODE });
    writeFileSync(target, path.endsWith('.ts') ? toJavaScript(path, text, transformSync) : text, { mode: FILE_MODE });
  }
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ type: 'module', sources: SOURCES }), { mode: FILE_MODE });
}

/**
 * A source without its types. Its imports lead to files of the copy, but `import.meta` still names the source, where its other files
 * are.
 */
function toJavaScript(path, text, transform) {
  const filename = join(SOURCES, path);
  let code;
  try {
    ({ code } = transform(text, { mode: 'strip-only', module: true, filename }));
  } catch (error) {
    throw new Error(`${filename} cannot be compiled: ${error.message ?? error}`, { cause: error });
  }
  const imports = code.replace(/\b(from\s*|import\s*\(?\s*)(['"])(\.{1,2}\/[^'"\n]+)\.ts\2/g, '$1$2$3.js$2');
  // `$sourceFile` is as long as `import.meta`, so columns stay the same.
  const itself = imports.replaceAll(/\bimport\.meta\b/g, '$$sourceFile');
  if (itself === imports) return imports;
  const meta = { url: pathToFileURL(filename).href, filename, dirname: dirname(filename) };
  return `const $sourceFile = ${JSON.stringify(meta)}; ${itself}`;
}

function prune(cache) {
  const usedAt = (name) => statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const names = readdirSync(cache).sort((one, other) => usedAt(other) - usedAt(one));
  const old = names.slice(KEPT).filter((name) => usedAt(name) < Date.now() - KEPT_MS);
  for (const name of old) {
    // Renamed first: if this process ends in the middle, half a copy is never taken for a whole one.
    // A name of its own: what another process that ended in the middle has left would be in the way.
    const aside = `${join(cache, name)}-old-${Date.now()}`;
    try {
      renameSync(join(cache, name), aside);
    } catch (error) {
      // Another process is removing it.
      if (error.code === 'ENOENT') continue;
      throw error;
    }
    rmSync(aside, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  const [program, , file, ...rest] = process.argv;
  const source = resolve(file);
  process.argv = [program, source, ...rest];
  await import(compiled(pathToFileURL(source)).href);
}
