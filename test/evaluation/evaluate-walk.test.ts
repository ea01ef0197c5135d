import { describe, expect, it, test } from 'vitest';
import { walkTable } from '../../src/evaluation/walk.ts';
import { REAL_FER2013 } from '../helpers/real-fer2013.ts';
import { runScript } from '../helpers/run-script.ts';

describe('evaluate --walk', () => {
  it('prints the defaults in its help', async () => {
    const { stdout } = await runScript('evaluate.ts', '--help');
    expect(stdout).toMatch(/--images N .*\(default: 600\)/);
    expect(stdout).toMatch(/--seed N .*\(default: 1\)/);
    expect(stdout).toMatch(/--detector .*\n?.*with --walk: network\)/);
  });

  it.each([
    ['--images=0', /--images must be a whole number from 1 to/],
    ['--images=1.5', /--images/],
    ['--images=4294967296', /--images/],
    ['--seed=-1', /--seed must be a whole number from 0 to/],
    ['--seed=x', /--seed/],
    ['--detector=eyes', /--detector takes network, .*, not eyes\./],
  ])('refuses %j in words', async (option, sentence) => {
    const result = await runScript('evaluate.ts', '--walk', option);
    expect(result.stderr).toMatch(sentence);
    expect([result.code, result.stdout]).toEqual([2, '']);
  });
});

test('walkTable gives shares, accuracies and their difference', () => {
  const share = { images: 8, found: 4, direct: 0.75, walked: 0.5 };
  const better = { images: 4, found: 1, direct: 0, walked: 1 };
  const table = walkTable({
    ...share,
    detector: 'network',
    seed: 7,
    scenes: 2,
    false: 3,
    error: 0.123,
    bySize: [{ size: 64, ...share }],
    byTilt: [{ tilt: -10, ...better }],
  });
  const lines = table.split('\n').map((line) => line.trim().split(/ {2,}/));
  expect(lines[0]!.join()).toContain(
    '8 faces pasted into 2 pictures (seed 7), found by network, 3 boxes without a face',
  );
  expect(lines).toContainEqual(['all', '8', '4', '50.0 %', '75.0 %', '50.0 %', '−25.0']);
  expect(lines).toContainEqual(['64', '8', '4', '50.0 %', '75.0 %', '50.0 %', '−25.0']);
  expect(lines).toContainEqual(['-10', '4', '1', '25.0 %', '0.0 %', '100.0 %', '+100.0']);
  expect(table).toContain('12.3 points');
});

test('--walk and --faces exclude each other', async () => {
  const result = await runScript('evaluate.ts', '--walk', '--faces', 'x');
  expect(result.stderr).toMatch(/--walk or --faces/);
  expect([result.code, result.stdout]).toEqual([2, '']);
});

test.skipIf(REAL_FER2013 === undefined)(
  'real faces are found in larger pictures and read there (skipped without LONG_TESTS=1 and ../shared/fer2013)',
  { timeout: 300_000 },
  async () => {
    const args = ['--walk', '--images', '36', '--detector', 'network', '--data', REAL_FER2013!, '--json'];
    const result = await runScript('evaluate.ts', ...args);
    expect(result.stderr).toBe('');
    const answer = JSON.parse(result.stdout);
    expect(answer).toMatchObject({ detector: 'network', seed: 1, images: 36 });
    expect(answer.scenes).toBeGreaterThanOrEqual(3);
    expect(answer.found).toBeGreaterThan(12);
    // Chance is 0.14; the network in use learned from votes and these are judged by label, 36 faces on any machine.
    expect(answer.walked).toBeGreaterThan(0.28);
    for (const shares of [answer.bySize, answer.byTilt]) {
      const total = (of: 'images' | 'found') =>
        shares.reduce((sum: number, share: Record<string, number>) => sum + share[of]!, 0);
      expect([total('images'), total('found')]).toEqual([36, answer.found]);
    }
    expect(result.code).toBe(0);
  },
);
