import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each test file may start worker threads and ONNX sessions of its own: two files at a time fill two cores.
    maxWorkers: 2,
  },
});
