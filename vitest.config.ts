import { defineConfig } from 'vitest/config';

const ALL = ['test/**/*.test.ts'];
/** Files that put another module in place of one, which has to be before anything has loaded that. */
const ALONE = [
  'test/base/lock.test.ts',
  'test/emotion/layers-format/crash.test.ts',
  'test/retraining/data-folder.test.ts',
  'test/versions/classifier-worker.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each test file may start worker threads and ONNX sessions of its own: two files at a time fill two cores.
    maxWorkers: 2,
    projects: [
      // A file finds loaded what the files before it have loaded: half of what most take is that.
      {
        extends: true,
        test: {
          name: 'together',
          include: ALL,
          exclude: ALONE,
          isolate: false,
          restoreMocks: true,
          setupFiles: ['test/helpers/discord-first.ts'],
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE } },
    ],
  },
});
