import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');

test('every file that ARCHITECTURE.md names, and docs/inside.md, is there, and has what they say', () => {
  const text = TEXT + readFileSync(join(ROOT, 'docs', 'inside.md'), 'utf8');
  const paths = [...text.matchAll(/`((?:src|commands|scripts|test)\/[\w./-]*|\.dependency-cruiser\.mjs)`/g)].map(
    ([, path]) => path!,
  );
  expect(paths.length).toBeGreaterThan(40);
  for (const path of paths) expect.soft(existsSync(join(ROOT, path)), path).toBe(true);
  const names = [...text.matchAll(/`((?:src|commands)\/[\w./-]+\.ts)`, `(\w+)`/g)];
  expect(names.length).toBeGreaterThan(20);
  for (const [, path, name] of names) {
    expect
      .soft(readFileSync(join(ROOT, path!), 'utf8'), `${name} in ${path}`)
      .toMatch(new RegExp(`export [^\\n]*\\b${name}\\b`));
  }
});

test('what the walks of ARCHITECTURE.md name by its last name only is there, too', () => {
  const [, walks = ''] = TEXT.split('## The walk of a photo');
  const rows = walks
    .split('## The rooms')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '));
  let checked = 0;
  for (const row of rows) {
    let file: string | undefined;
    for (const [, name] of row.matchAll(/`([^`]+)`/g)) {
      if (name!.endsWith('.ts')) {
        // A file without its folder lies beside the one before.
        file = name!.includes('/') ? name! : join(dirname(file ?? ''), name!);
        expect.soft(existsSync(join(ROOT, file)), `${name} in: ${row}`).toBe(true);
      } else if (file !== undefined && /^\w+$/.test(name!)) {
        expect.soft(read(file), `${name} in ${file}`).toMatch(new RegExp(`export [^\\n]*\\b${name}\\b`));
        checked++;
      }
    }
  }
  expect(checked).toBeGreaterThan(50);
});

test('every room and every file beside the rooms is among the rooms of ARCHITECTURE.md, and nothing else', () => {
  const [, rooms = ''] = TEXT.split('## The rooms');
  const block = rooms.split('Arrows point one way')[0]!;
  for (const [path] of block.matchAll(/\b(?:src|scripts)\/[\w./-]+/g))
    expect.soft(existsSync(join(ROOT, path.replace(/\.$/, ''))), path).toBe(true);
  for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true }))
    expect.soft(block, entry.name).toContain(`src/${entry.name}${entry.isDirectory() ? '/' : ''}`);
});

test('docs/inside.md names functions of the journal that it has', () => {
  const [, table = ''] = readFileSync(join(ROOT, 'docs', 'inside.md'), 'utf8').split('| `Journal` |');
  const [rows = ''] = table.split('\n\n');
  const names = [...rows.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell]) => cell!.match(/\w+(?=[(`])(?!\))/g) ?? []);
  expect(names.length).toBeGreaterThan(6);
  const journal = readFileSync(join(ROOT, 'src', 'work', 'journal.ts'), 'utf8');
  for (const name of names) expect.soft(journal, name).toMatch(new RegExp(`^  ${name}\\(`, 'm'));
});

const DOCUMENTS = ['', 'docs', 'data', 'model', 'model/fer2013', 'assets/fonts'].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).flatMap((name) => (name.endsWith('.md') ? [join(folder, name)] : [])),
);
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

test('every file that another document names is there', () => {
  const named = DOCUMENTS.filter((document) => document !== 'ARCHITECTURE.md').flatMap((document) =>
    [...read(document).matchAll(/`((?:src|commands|scripts|test|docs)\/[\w./-]+)`/g)].map(([, path]) => ({
      document,
      path: path!,
    })),
  );
  // What CONTRIBUTING.md shows how to add.
  const real = named.filter(({ path }) => !/\/(ping(\.test)?|skin-\w+|folder)\.ts$/.test(path));
  expect(real.length).toBeGreaterThan(30);
  for (const { document, path } of real) expect.soft(existsSync(join(ROOT, path)), `${path} in ${document}`).toBe(true);
});

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

test('every link in a document leads to a file and a heading that are there, and every document is led to', () => {
  const links = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)/g)].map(([, path, anchor]) => ({
      document,
      target: path === '' ? document : join(dirname(document), path!),
      anchor: anchor!,
    })),
  );
  expect(links.length).toBeGreaterThan(40);
  for (const { document, target, anchor } of links) {
    expect.soft(existsSync(join(ROOT, target)), `${target} in ${document}`).toBe(true);
    if (anchor === '') continue;
    const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
    expect.soft(headings, `#${anchor} in ${document}`).toContain(anchor);
  }
  const led = new Set(links.flatMap(({ document, target }) => (target === document ? [] : [target])));
  for (const document of DOCUMENTS.filter((one) => one.startsWith('docs/')))
    expect.soft(led.has(document) || read('README.md').includes(`\`${document}\``), document).toBe(true);
});

test('it says of every dependency why it is there, and of no other', () => {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  );
  const [, table = ''] = TEXT.split('## Why each dependency');
  const told = [...table.matchAll(/^\| (.+?) \|/gm)]
    .flatMap(([, cell]) => cell!.split(', '))
    .filter((name) => /^[@a-z]/.test(name));
  const all = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  expect([...told].sort()).toEqual([...all].sort());
});
