import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterwards } from '../wire/running-bot.ts';
import type { BotOnFakes } from './on-both-fakes.ts';
import { RUNS_SOURCE } from './run-script.ts';
import { until } from './until.ts';

/** A bot or a worker on both chats, connected, as a process that a test may end. */
export async function startOnFakes(program: 'bot' | 'worker', settings: BotOnFakes): Promise<ChildProcess> {
  const file = join(import.meta.dirname, 'program-on-fakes.ts');
  const child = spawn(process.execPath, [RUNS_SOURCE, file, program, JSON.stringify(settings)]);
  afterwards(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await until(() => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('connected\n');
  }, `the ${program} being connected`);
  return child;
}

/** Ends a process by a signal, and waits until it has ended. */
export async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}
