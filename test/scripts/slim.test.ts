import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';

const HERE = `${process.platform}/${process.arch}`;

/** Packages as npm lays them out, a megabyte a file. */
async function packages(...files: string[]): Promise<string> {
  const modules = await temporaryFolder();
  for (const file of files) {
    mkdirSync(dirname(join(modules, file)), { recursive: true });
    writeFileSync(join(modules, file), new Uint8Array(1e6));
  }
  return modules;
}

test('removes the files that the bot does not load, and nothing else', async () => {
  const modules = await packages(
    `onnxruntime-node/bin/napi-v6/${HERE}/onnxruntime.node`,
    'onnxruntime-node/bin/napi-v6/plan9/mips/onnxruntime.node',
    'onnxruntime-node/dist/index.js',
    'onnxruntime-node/dist/index.js.map',
    '@vladmandic/face-api/package.json',
    '@vladmandic/face-api/dist/face-api.js',
    '@vladmandic/face-api/dist/face-api.js.map',
    '@vladmandic/face-api/model/tiny_face_detector_model-weights_manifest.json',
    '@vladmandic/face-api/model/age_gender_model.bin',
    '@libsql/linux-x64-gnu/index.node',
    '@libsql/linux-x64-musl/index.node',
    'libheif-js/libheif/libheif.js',
    'libheif-js/libheif-wasm/libheif-bundle.js',
    'libheif-js/libheif-wasm/libheif.wasm',
    'zod/src/zod.ts',
    'other/index.d.ts',
    'other/map.js',
    'other/lib/test/needed.js',
    'other/test/all.js',
    '@scope/other/docs/guide.md',
  );
  const { code, stdout } = await runScript('slim.ts', '--modules', modules);
  expect(code).toBe(0);
  const left = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(left.map(({ name }) => name).sort()).toEqual([
    'index.js',
    'index.node',
    'libheif.wasm',
    'map.js',
    'needed.js',
    'onnxruntime.node',
    'package.json',
    'tiny_face_detector_model-weights_manifest.json',
  ]);
  expect(existsSync(join(modules, 'onnxruntime-node/bin/napi-v6', HERE, 'onnxruntime.node'))).toBe(true);
  expect(stdout.split('\n').map((line) => line.trim())).toEqual([
    '1 MB  onnxruntime for other systems',
    '1 MB  binaries for another C library',
    '3 MB  face-api without its face detector’s weights',
    '2 MB  builds of libheif beside the one in use',
    '3 MB  tests, documentation and sources of packages',
    '2 MB  source maps and type declarations',
    '12 MB  gone; 8 MB are left',
    '',
  ]);
});

test('leaves the folder alone that a link among the packages leads to', async () => {
  const modules = await packages('other/index.js', '@scope/other/index.js', 'a-file');
  const elsewhere = await packages('docs/guide.md', 'test/all.js', 'other/test/all.js', 'types.d.ts');
  symlinkSync(elsewhere, join(modules, 'linked'));
  symlinkSync(elsewhere, join(modules, '@scope', 'linked'));
  symlinkSync(elsewhere, join(modules, '@own'));
  expect((await runScript('slim.ts', '--modules', modules)).code).toBe(0);
  expect(readdirSync(elsewhere).sort()).toEqual(['docs', 'other', 'test', 'types.d.ts']);
  expect(existsSync(join(elsewhere, 'other', 'test', 'all.js'))).toBe(true);
});

test('without packages it says what to do first', async () => {
  const { code, stderr } = await runScript('slim.ts', '--modules', join(await temporaryFolder(), 'none'));
  expect(code).toBe(1);
  expect(stderr).toContain('Run npm ci first.');
});
