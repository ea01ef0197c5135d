import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openPage, pageHeaders } from './local-page.ts';
import { RUNS_SOURCE } from './run-script.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What `npm start` runs, as a process of its own. */
export interface MainProcess {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** The origin of its page, once it says where that is and the page has been opened. */
  address(): Promise<string>;
  /** Its exit status, once it has ended; null where a signal ended it. */
  exitCode(): Promise<number | null>;
}

/**
 * Starts the program in a working directory of its own, where no developer's .env takes part, and in a process group of its
 * own, so that a test can press Ctrl+C; what is left of the group ends with the test.
 */
export function startMain(directory: string, environment: Readonly<Record<string, string>>): MainProcess {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [RUNS_SOURCE, join(ROOT, 'src', 'main.ts')], {
    cwd: directory,
    // No cascades: every start loads OpenCV for them.
    env: { PATH, LOCAL_PORT: '0', MODEL_DIR: join(directory, 'model'), DETECTOR: 'network', ...environment },
    detached: true,
  });
  onTestFinished(() => {
    // Its training is a process of its own.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return {
    child,
    output,
    async address() {
      const line = await until(() => {
        const [found] = /Open http:\S+ /.exec(output.stdout) ?? [];
        if (found === undefined && child.exitCode !== null) throw new Error(`it ended: ${output.stderr}`);
        return found;
      }, 'the address');
      return await openPage(line);
    },
    async exitCode() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
  };
}

/** Writes a message on the page as its user does. */
export async function say(
  origin: string,
  message: { readonly text?: string; readonly files?: unknown },
): Promise<void> {
  const answer = await fetch(`${origin}/api/messages`, {
    method: 'POST',
    headers: { ...pageHeaders(origin), 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
  if (!answer.ok) throw new Error(await answer.text());
}
