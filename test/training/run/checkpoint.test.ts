import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { ARCHITECTURES } from '../../../src/emotion/architectures.ts';
import { unroll } from '../../../src/emotion/network.ts';
import { freshProgress, loadCheckpoint, saveCheckpoint } from '../../../src/training/run/checkpoint.ts';
import { initialWeights } from '../../../src/training/run/initial-weights.ts';
import { temporaryFolder } from '../../helpers/tiny-fer2013.ts';

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  return { ...actual, readFile: vi.fn(actual.readFile) };
});
const read = vi.mocked(readFile).getMockImplementation()!;
afterEach(() => void vi.mocked(readFile).mockImplementation(read));

const network = unroll(ARCHITECTURES.get('tiny')!);

async function save(directory: string, step: number): Promise<void> {
  const state = { step, slots: new Map([['m', Float32Array.of(step)]]) };
  const progress = freshProgress('{}', '', undefined);
  await saveCheckpoint(directory, network, { weights: initialWeights(network, 1), state, progress });
}

test.each(['model.json', 'weights.bin', 'state.json', 'slots.bin'])(
  'a checkpoint whose %s cannot be read for want of open files is not taken for a damaged one',
  async (name) => {
    const directory = await temporaryFolder();
    await save(directory, 4);
    const cannotRead = async (...call: Parameters<typeof readFile>) => {
      if (String(call[0]).endsWith(name)) throw Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' });
      return await read(...call);
    };
    vi.mocked(readFile).mockImplementation(cannotRead as typeof readFile);
    const damaged = vi.fn();
    await expect(loadCheckpoint(directory, damaged)).rejects.toThrow('EMFILE');
    expect(damaged).not.toHaveBeenCalled();
    vi.mocked(readFile).mockImplementation(read);
    expect((await loadCheckpoint(directory))!.state.step).toBe(4);
  },
);

test('what a run that was killed had half written is removed with the next checkpoint, whichever it is', async () => {
  const directory = await temporaryFolder();
  await mkdir(join(directory, 'checkpoint-000000003.tmp'));
  await writeFile(join(directory, 'checkpoint-000000003.tmp', 'weights.bin'), 'half');
  await save(directory, 4);
  expect(await readdir(directory)).toEqual(['checkpoint-000000004']);
});
