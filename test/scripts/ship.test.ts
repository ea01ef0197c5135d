import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runScript } from '../helpers/run-script.ts';
import { temporaryFolder, tinyRows, writeTinyFer2013 } from '../helpers/tiny-fer2013.ts';

test('ship leaves a folder alone that it cannot write or read, and says why', { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder();
  const [data, model] = [join(folder, 'data'), join(folder, 'model')];
  await writeTinyFer2013(data, tinyRows(2, ['Training', 'PublicTest', 'PrivateTest']), { chunks: 1 });
  const train = (name: string) =>
    runScript(
      'train.ts',
      ...['--architecture', name, '--epochs', '1', '--batch', '7', '--learning-rate', '0.01', '--data', data],
      ...['--output', join(folder, name)],
    );
  const ship = (name: string, to: string, ...more: string[]) =>
    runScript('ship.ts', join(folder, name), '--data', data, '--to', to, ...more);
  expect((await train('tiny')).code).toBe(0);

  const file = join(folder, 'file');
  await writeFile(file, '');
  expect(await ship('tiny', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written') });

  await mkdir(join(model, 'reports'), { recursive: true });
  const foreign = join(model, 'reports', 'foreign.json');
  await writeFile(foreign, '{}');
  expect(await ship('tiny', model)).toMatchObject({ code: 1, stderr: expect.stringContaining(foreign) });
  expect(await readdir(model)).toEqual(['reports']);

  await rm(foreign);
  expect((await ship('tiny', model)).code).toBe(0);
  expect((await train('baseline')).code).toBe(0);
  await rm(join(model, 'README.md'));
  const reported = await ship('baseline', model, '--report-only');
  expect(reported).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no model card') });
  expect(await readdir(join(model, 'reports'))).not.toContain('baseline.json');
});
