import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { codeOf, UserError } from '../../src/base/errors.ts';
import { inRepository } from '../command-line.ts';

/** A program that an installation runs, in the project's folder. */
interface Step {
  readonly program: string;
  readonly args: readonly string[];
  /** Beside the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** How a program ended, and what it wrote: both streams, in the order in which it came. */
interface Ended {
  /** Exit status; undefined where there is no such program. */
  readonly status: number | undefined;
  readonly output: string;
}

/** Lines of a failed program's output that are shown. */
const LAST_LINES = 15;

/** Runs a program to its end. @throws the signal's reason; UserError where it cannot be started for another reason than that it is missing */
export async function outcomeOf({ program, args, environment = {}, signal }: Step): Promise<Ended> {
  // Only the settings read this process's environment; `env` adds to it unseen.
  const added = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const [command, words] = added.length === 0 ? [program, args] : ['env', [...added, program, ...args]];
  const child = spawn(command, words, {
    cwd: inRepository(''),
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm passes an interruption on to what it started; a group of its own lets all of them end.
    detached: process.platform !== 'win32',
  });
  const stop = () => endGroup(child.pid);
  signal?.addEventListener('abort', stop, { once: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      child.once('error', (error) => (codeOf(error) === 'ENOENT' ? resolve(undefined) : reject(error)));
      child.once('close', (code) => resolve(code ?? 1));
    });
    signal?.throwIfAborted();
    return { status, output };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Runs a program that must succeed. @param what it does, as a noun, for the error @throws UserError with its last lines where it fails */
export async function run(step: Step, what: string): Promise<string> {
  const { status, output } = await outcomeOf(step);
  if (status === 0) return output;
  const away = outOfReach(output);
  if (away !== undefined) throw new UserError('broke-down', `${what} failed: ${away}`);
  const typed = [step.program, ...step.args].join(' ');
  const why = status === undefined ? `There is no ${step.program} on this machine.` : lastLines(output);
  throw new UserError('broke-down', `${what} failed: ${typed}\n${why}`);
}

/** What Node.js and npm call a host that they do not reach. */
const NETWORK = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b/;

/** A sentence that names the host which a program did not reach; undefined where that is not why it failed. */
function outOfReach(output: string): string | undefined {
  const [code] = NETWORK.exec(output) ?? [];
  if (code === undefined) return undefined;
  const [, host] = /hostname: '([\w.-]+)'|https?:\/\/([\w.-]+)/.exec(output)?.filter(Boolean) ?? [];
  const where = host === undefined ? 'a server that it loads from' : host;
  return `this machine does not reach ${where} (${code}). Let it, or name a proxy with https_proxy, and run this again.`;
}

/** Has npm do something, and say what went wrong even where it was itself started to be silent. */
export async function npm(args: readonly string[], what: string, signal: AbortSignal): Promise<void> {
  await run({ program: 'npm', args: [...args, '--loglevel=error'], signal }, what);
}

/** Puts an optional package beside the others without noting it in package.json or running any script of its. */
export async function addPackage(name: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { peerDependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    peerDependencies: Readonly<Record<string, string>>;
  };
  const others = Object.keys(peerDependencies).filter((one) => one !== name && isThere(one));
  // It installs none of a project's own optional peers unless it is told to take them for something else.
  const how = ['--no-save', '--save-optional', '--no-audit', '--no-fund'];
  await npm(['install', ...how, `${name}@${peerDependencies[name]}`], 'Loading the package', signal);
  for (const other of others)
    say(`npm has taken ${other} away, which it keeps no note of: set it up again after this.`);
}

/** Whether an optional package lies beside the others. */
export function isThere(name: string): boolean {
  return existsSync(inRepository(`node_modules/${name}`));
}

/** Takes away a package of which only a part could be installed: it would be looked into at every start, and in vain. */
export async function removePackage(name: string): Promise<void> {
  await rm(inRepository(`node_modules/${name}`), { recursive: true, force: true });
}

function lastLines(output: string): string {
  return output.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid);
  } catch {
    // It has ended by itself.
  }
}
