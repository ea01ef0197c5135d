import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a tool whose output nobody reads any more ends without a stack', async () => {
  const tool = spawn(process.execPath, ['--import', 'tsx', 'scripts/emotions.ts', '--help'], { cwd: root });
  tool.stdout.destroy();
  const [stderr, [code]] = await Promise.all([text(tool.stderr), once(tool, 'exit')]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});
