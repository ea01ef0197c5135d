import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { memoryOfTree } from '../../src/metrics/memory.ts';

test.skipIf(!existsSync('/proc/self/smaps_rollup'))(
  'counts a process and those below it, until they have ended',
  async () => {
    const program =
      'const held = Buffer.alloc(100e6, 1); console.log(held.length); setInterval(() => held.fill(2), 1e6);';
    // The shell becomes the program, and what it has started is below that.
    const child = spawn('sh', ['-c', `sleep 1000 & exec "${process.execPath}" -e "${program}"`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const end = () => process.kill(-child.pid!, 'SIGKILL');
    onTestFinished(() => {
      if (child.signalCode === null) end();
    });
    await once(child.stdout, 'data');
    const held = await memoryOfTree(child.pid);
    expect(held.processes).toBe(2);
    expect(held.pss).toBeGreaterThan(100e6);
    expect(held.rss).toBeGreaterThanOrEqual(held.pss!);
    const whole = await memoryOfTree();
    expect(whole.processes).toBeGreaterThanOrEqual(3);
    expect(whole.rss).toBeGreaterThan(held.rss);
    end();
    await once(child, 'exit');
    // The child has ended, so only this process counts.
    expect(await memoryOfTree(child.pid)).toEqual({ rss: expect.any(Number), processes: 1 });
  },
);
