import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');

test('every file that ARCHITECTURE.md names is there, and has what it says', () => {
  const paths = [...TEXT.matchAll(/`((?:src|commands|scripts|test)\/[\w./-]*|\.dependency-cruiser\.mjs)`/g)].map(
    ([, path]) => path!,
  );
  expect(paths.length).toBeGreaterThan(40);
  for (const path of paths) expect.soft(existsSync(join(ROOT, path)), path).toBe(true);
  const names = [...TEXT.matchAll(/`((?:src|commands)\/[\w./-]+\.ts)`, `(\w+)`/g)];
  expect(names.length).toBeGreaterThan(20);
  for (const [, path, name] of names) {
    expect
      .soft(readFileSync(join(ROOT, path!), 'utf8'), `${name} in ${path}`)
      .toMatch(new RegExp(`export [^\\n]*\\b${name}\\b`));
  }
});

test('every file that another document names is there', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'data/README.md', 'assets/fonts/README.md'];
  documents.push(...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`));
  const named = documents.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    return [...text.matchAll(/`((?:src|commands|scripts|test|docs)\/[\w./-]+)`/g)].map(([, path]) => ({
      document,
      path: path!,
    }));
  });
  // The command that CONTRIBUTING.md shows how to add.
  const real = named.filter(({ path }) => !/\/ping(\.test)?\.ts$/.test(path));
  expect(real.length).toBeGreaterThan(30);
  for (const { document, path } of real) expect.soft(existsSync(join(ROOT, path)), `${path} in ${document}`).toBe(true);
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
