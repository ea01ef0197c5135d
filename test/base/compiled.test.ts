import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { compiled } from '../../src/base/compiled.mjs';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

const MAIN = `import type { Shape } from './shape.ts';
import { area } from './shape.ts';
const shape: Shape = { width: 6, height: 7 };
console.log(area(shape), new URL('./beside.txt', import.meta.url).pathname, process.argv.slice(1).join());
console.log((await import('./shape.ts')).area === area);
if (process.argv[2] === 'fail') { const late: number = 1; throw new Error(String(late)); }
`;

/** A small project with the same way to run TypeScript. */
async function project() {
  const folder = await temporaryFolder();
  for (const room of ['commands', 'scripts', 'src/base']) mkdirSync(join(folder, room), { recursive: true });
  cpSync(join(ROOT, 'src', 'base', 'compiled.mjs'), join(folder, 'src', 'base', 'compiled.mjs'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', '@swc'), join(folder, 'node_modules', '@swc'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'src', 'main.ts'), MAIN);
  const shape = (expression: string) =>
    writeFileSync(
      join(folder, 'src', 'shape.ts'),
      'export interface Shape { width: number; height: number }\n' +
        `export const area = ({ width, height }: Shape): number => ${expression};\n`,
    );
  shape('width * height');
  const start = (args: readonly string[] = [], environment = {}) =>
    run(process.execPath, ['src/base/compiled.mjs', 'src/main.ts', ...args], { cwd: folder, env: environment });
  const cache = join(folder, 'node_modules', '.cache', 'emotion-bot');
  return { folder, start, shape, cache };
}

test('runs TypeScript, and a source finds what lies beside it', async () => {
  const { folder, start } = await project();
  const { stdout, stderr } = await start(['one', '--two']);
  expect(stderr).toBe('');
  expect(stdout).toBe(`42 ${folder}/src/beside.txt ${folder}/src/main.ts,one,--two\ntrue\n`);
});

test('compiles once, and again when a source has changed', async () => {
  const { start, shape, cache } = await project();
  await start();
  await start();
  expect(readdirSync(cache)).toHaveLength(1);
  shape('width + height');
  expect((await start()).stdout).toMatch(/^13 /);
  expect(readdirSync(cache)).toHaveLength(2);
});

test('a copy that one user made is there for all who may read the sources', async () => {
  const { folder, start, cache } = await project();
  await start();
  const readable = (path: string) => statSync(path).mode & 0o555;
  expect(readable(join(cache, readdirSync(cache)[0]!))).toBe(readable(join(folder, 'src')));
});

test('nobody else may write in a copy, whatever the process would let others do', async () => {
  const { start, cache } = await project();
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  await start();
  const below = readdirSync(cache, { recursive: true, withFileTypes: true });
  const paths = below.map(({ parentPath, name }) => join(parentPath, name));
  expect(paths.filter((path) => path.endsWith('main.js'))).toHaveLength(1);
  expect([join(cache, '..'), cache, ...paths].filter((path) => (statSync(path).mode & 0o022) !== 0)).toEqual([]);
});

test('several that start at once make one copy, and none of them sees half of it', async () => {
  const { start, cache } = await project();
  const started = await Promise.all(Array.from({ length: 4 }, () => start()));
  for (const { stdout } of started) expect(stdout).toMatch(/^42 /);
  expect(readdirSync(cache)).toHaveLength(1);
});

test('of many copies those go that nobody has used for long', async () => {
  const { start, shape, cache } = await project();
  const old = Array.from({ length: 40 }, (_, k) => join(cache, `copy-${k}`));
  for (const folder of old) {
    mkdirSync(folder, { recursive: true });
    utimesSync(folder, new Date(2020, 0, 1), new Date(2020, 0, 1));
  }
  await start();
  const [first] = readdirSync(cache).filter((name) => !name.startsWith('copy-'));
  utimesSync(join(cache, first!), new Date(2019, 0, 1), new Date(2019, 0, 1));
  // Used again: it stays, though it was the oldest.
  await start();
  shape('width + height');
  await start();
  const left = readdirSync(cache);
  expect(left).toHaveLength(30);
  expect(left).toContain(first);
});

test('a copy that was half removed when its process was killed is made again', async () => {
  const { folder, start, shape, cache } = await project();
  await start();
  const [first] = readdirSync(cache);
  utimesSync(join(cache, first!), new Date(2019, 0, 1), new Date(2019, 0, 1));
  for (let k = 0; k < 29; k++) mkdirSync(join(cache, `copy-${k}`));
  const dying = join(folder, 'dying.cjs');
  writeFileSync(
    dying,
    `const fs = require('node:fs');
     fs.rmSync = (path) => { fs.unlinkSync(path + '/src/main.js'); process.exit(9); };`,
  );
  shape('width + height');
  await expect(start([], { NODE_OPTIONS: `--require ${dying}` })).rejects.toMatchObject({ code: 9 });
  shape('width * height');
  expect((await start()).stdout).toMatch(/^42 /);
});

test('a half that is left of a copy keeps no start from removing the same copy again', async () => {
  const { start, cache } = await project();
  for (let k = 0; k < 30; k++) mkdirSync(join(cache, `copy-${k}`), { recursive: true });
  for (const [name, year] of [
    ['again', 2020],
    ['again-old', 2019],
  ] as const) {
    mkdirSync(join(cache, name, 'src'), { recursive: true });
    utimesSync(join(cache, name), new Date(year, 0, 1), new Date(year, 0, 1));
  }
  expect((await start()).stdout).toMatch(/^42 /);
  expect(readdirSync(cache).filter((name) => name.startsWith('again'))).toEqual([]);
});

test('an error stands at the line and column of the source', async () => {
  const { start } = await project();
  const { stderr } = await start(['fail']).catch((error) => error);
  const column = MAIN.split('\n')[5]!.indexOf('new Error') + 1;
  expect(stderr).toContain(`src/main.js:6:${column}`);
});

test('types that are more than types are refused by name', async () => {
  const { folder, start } = await project();
  writeFileSync(join(folder, 'src', 'shape.ts'), 'export enum Shape { Round }\n');
  const { stderr } = await start().catch((error) => error);
  expect(stderr).toContain(`${join(folder, 'src', 'shape.ts')} cannot be compiled`);
});

// Nobody makes folders in /sys, root included.
test.skipIf(process.platform !== 'linux')('an installation that cannot be written to works all the same', async () => {
  const { folder, start } = await project();
  symlinkSync('/sys', join(folder, 'node_modules', '.cache'));
  const temporary = await temporaryFolder();
  expect((await start([], { TMPDIR: temporary })).stdout).toMatch(/^42 /);
  expect(readdirSync(temporary)).toEqual([]);
});

test('what tests start is in a copy of its own', () => {
  const source = (path: string) => pathToFileURL(join(ROOT, path));
  const folderOf = (path: string) => compiled(source(path)).href.slice(0, -path.length);
  expect(folderOf('src/base/workers.ts')).toBe(folderOf('scripts/train.ts'));
  expect(folderOf('test/fixtures/thread-worker.ts')).not.toBe(folderOf('src/base/workers.ts'));
  const lines = (path: string | URL) => readFileSync(path, 'utf8').split('\n').length;
  expect(lines(compiled(source('src/config.ts')))).toBe(lines(join(ROOT, 'src', 'config.ts')));
});
