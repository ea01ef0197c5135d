import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('where there are the tokens of both chats, an answer with a picture can be sent to Discord', async () => {
  const program = ['src/base/compiled.mjs', 'test/helpers/both-clients.ts'];
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: root });
  expect(JSON.parse(stdout)).toEqual({
    platforms: ['discord', 'slack'],
    type: 'multipart/form-data',
    holdsPicture: true,
  });
});
