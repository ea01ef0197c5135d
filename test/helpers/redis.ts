import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { endsWithThis } from '../../scripts/children.ts';
import { freePort } from './free-port.ts';

/** Whether this machine has a redis-server; tests that need one say that they skip. */
export const HAS_REDIS = spawnSync('redis-server', ['--version']).status === 0;

if (!HAS_REDIS) console.warn('Redis is not tested: there is no redis-server (apt-get install redis-server).');

/** A Redis of a test's own. */
export interface TestRedis {
  readonly url: string;
  /** Ends it and starts it again on the same port, without what it held. */
  restart(): Promise<void>;
  /**
   * Kills it.
   * @returns what starts it again on the same port: without what it held, unless '--appendonly', 'yes' were among its settings
   */
  takeDown(): Promise<() => Promise<void>>;
  /** Forgets everything, as FLUSHALL does. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Redis on loopback that keeps nothing on the disk unless told. @param args further settings, e.g. '--maxmemory' */
export async function startRedis(...args: string[]): Promise<TestRedis> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'redis-'));
  const start = async () => {
    const fixed = [
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    const started = endsWithThis(spawn('redis-server', [...fixed, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }));
    let output = '';
    started.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (!output.includes('Ready to accept connections')) {
      if (started.exitCode !== null) throw new Error(`redis-server ended: ${output}`);
      await delay(20);
    }
    return started;
  };
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  let child = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart() {
      await end(child);
      child = await start();
    },
    async takeDown() {
      await end(child);
      return async () => {
        child = await start();
      };
    },
    async empty() {
      const client = new Redis(port, '127.0.0.1');
      await client.flushall();
      client.disconnect();
    },
    async stop() {
      await end(child);
      rmSync(directory, { recursive: true });
    },
  };
}
