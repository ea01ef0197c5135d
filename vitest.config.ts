import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { globSync } from 'tinyglobby';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ALL = ['test/**/*.test.ts'];
/** Files that put another module in place of one before anything has loaded it, or count what a whole process has under way. */
const ALONE = [
  ...globSync('test/**/*.test.ts').filter((file) => readFileSync(file, 'utf8').includes('vi.mock(')),
  'test/photo/shared-pixels.test.ts',
];

/** Those that take longest, which would otherwise be what a core waits for at the end. */
const LONGEST = [
  'test/e2e/',
  'test/soak/',
  'test/wire/',
  'test/retraining/',
  'test/soak/',
  'test/scripts/benchmark.test.ts',
  'test/evaluation/report/report.test.ts',
  'test/photo/faces/create-detector.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (LONGEST.some((path) => moduleId.includes(path)) ? 0 : 1);
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Some tests load onnxruntime before src/base/no-telemetry.ts; what looks for its traces starts processes with an environment of their own.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // Much of what most files take is waiting for time to pass: two at a time for each core keep all of them busy.
    maxWorkers: 2 * availableParallelism(),
    sequence: { sequencer: LongestFirst },
    globalSetup: 'test/helpers/compile-first.ts',
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
          setupFiles: ['test/helpers/discord-first.ts', 'test/helpers/equal-bytes.ts'],
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE } },
    ],
  },
});
