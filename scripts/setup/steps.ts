import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { codeOf, UserError } from '../../src/base/errors.ts';
import { inRepository } from '../command-line.ts';

/** A program that a setup tool runs, in the project's folder. */
interface Step {
  readonly program: string;
  readonly args: readonly string[];
  /** Variables that are added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** How a program ended, and what it wrote on both streams, in the order of arrival. */
interface Ended {
  /** Exit status; undefined where there is no such program. */
  readonly status: number | undefined;
  readonly output: string;
}

/** How many of the last lines of a failed program's output are shown. */
const LAST_LINES = 15;

/** Runs a program to its end. @throws the signal's reason; the error of a program that exists but cannot be started */
export async function outcomeOf({ program, args, environment = {}, signal }: Step): Promise<Ended> {
  // An interruption may have come between two programs.
  signal?.throwIfAborted();
  // Only src/config.ts may read process.env, so the program `env` adds the variables.
  const added = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const [command, words] = added.length === 0 ? [program, args] : ['env', [...added, program, ...args]];
  const child = spawn(command, words, {
    cwd: inRepository(''),
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm starts processes of its own. They share a process group, so that an interruption ends all of them.
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

/** Runs a program that must succeed. @param what the work as a noun, for the error @throws UserError with its last lines where it fails */
export async function run(step: Step, what: string): Promise<string> {
  const { status, output } = await outcomeOf(step);
  if (status === 0) return output;
  const away = outOfReach(output);
  if (away !== undefined) throw new UserError('broke-down', `${what} failed: ${away}`);
  const typed = [step.program, ...step.args].join(' ');
  const why = status === undefined ? `There is no ${step.program} on this machine.` : lastLines(output);
  throw new UserError('broke-down', `${what} failed: ${typed}\n${why}`);
}

/** The error codes of Node.js and npm for a host that cannot be reached. */
const NETWORK = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b/;

/** A sentence that names the host that a program could not reach; undefined where the program failed for another reason. */
function outOfReach(output: string): string | undefined {
  const [code] = NETWORK.exec(output) ?? [];
  if (code === undefined) return undefined;
  const [, host] = /hostname: '([\w.-]+)'|https?:\/\/([\w.-]+)/.exec(output)?.filter(Boolean) ?? [];
  const where = host === undefined ? 'a server that it loads from' : host;
  return `this machine does not reach ${where} (${code}). Allow the connection, or name a proxy with https_proxy, and run this again.`;
}

/** Runs npm. It prints its errors even where this tool was started by npm with --silent. */
export async function npm(args: readonly string[], what: string, signal: AbortSignal): Promise<void> {
  await run({ program: 'npm', args: [...args, '--loglevel=error'], signal }, what);
}

/** Installs an optional package without adding it to package.json or running its scripts. */
export async function addPackage(name: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { peerDependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    peerDependencies: Readonly<Record<string, string>>;
  };
  const others = Object.keys(peerDependencies).filter((one) => one !== name && isThere(one));
  // npm does not install a project's own optional peer dependencies. --save-optional makes it treat the package as something else.
  const how = ['--no-save', '--save-optional', '--no-audit', '--no-fund'];
  await npm(['install', ...how, `${name}@${peerDependencies[name]}`], 'Loading the package', signal);
  for (const other of others)
    say(`npm has removed ${other}, which package.json does not list: set it up again after this.`);
}

/** Whether an optional package is installed. */
export function isThere(name: string): boolean {
  return existsSync(inRepository(`node_modules/${name}`));
}

/** Removes a package that is only partly installed. Otherwise every start would try to load it and fail. */
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
