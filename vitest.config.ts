import { defineConfig } from 'vitest/config';

const ALL = ['test/**/*.test.ts'];
/** Short files that put nothing else in place of a module, and load much the same ones: half of what each takes is that. */
const TOGETHER = ['test/{base,chat,commands,settings,work}/**/*.test.ts', 'test/wire/{discord,slack}-*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each test file may start worker threads and ONNX sessions of its own: two files at a time fill two cores.
    maxWorkers: 2,
    projects: [
      // A file finds loaded what the files before it have loaded.
      { extends: true, test: { name: 'together', include: TOGETHER, isolate: false, restoreMocks: true } },
      { extends: true, test: { name: 'alone', include: ALL, exclude: TOGETHER } },
    ],
  },
});
