import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endsWithThis } from '../../scripts/children.ts';
import { UserError } from '../../src/base/errors.ts';
import type { Internal } from '../../src/config.ts';
import { memoryOfTree } from '../../src/metrics/memory.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Milliseconds before a process that ended by itself is started again, as a service manager does. */
const AGAIN_MS = 1000;
/** Milliseconds for a process to start, and to stop once it is told. */
const START_MS = 120_000;
const STOP_MS = 30_000;

export type ProgramKind = 'bot' | 'worker';

/** How bots and workers run. */
export interface FleetOptions {
  readonly bots: number;
  readonly workers: number;
  /** The folder in which each process has a folder of its own, which it keeps over restarts, with its log beside it. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly internal: Internal;
  /** Milliseconds that a stand-in takes to read a photo; absent where photos are really read. */
  readonly standInMs?: number;
}

/** A bot or a worker that is started again whenever it ends. */
export class Program {
  readonly kind: ProgramKind;
  readonly name: string;
  /** Times that it was killed, and that it ended though nobody had killed it. */
  kills = 0;
  ends = 0;
  readonly #options: FleetOptions;
  #child: ChildProcess | undefined;
  #isReady = false;
  #isStopping = false;
  #isKilled = false;
  /** What it said on standard error before it ended by itself. */
  #trouble: string | undefined;

  constructor(kind: ProgramKind, number: number, options: FleetOptions) {
    this.kind = kind;
    this.name = `${kind}-${number}`;
    this.#options = options;
    mkdirSync(this.folder, { recursive: true });
  }

  /** Its own folder: what it remembers is in `state` there. */
  get folder(): string {
    return join(this.#options.folder, this.name);
  }

  /** What kept it from starting, where it has ended by itself. */
  get trouble(): string | undefined {
    return this.#isReady ? undefined : this.#trouble;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  start(): void {
    const child = endsWithThis(this.#spawn());
    this.#child = child;
    this.#isReady = false;
    this.#isKilled = false;
    const log = createWriteStream(`${this.folder}.log`, { flags: 'a' });
    log.write(`--- started at ${new Date().toISOString()}\n`);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        log.write(chunk);
        if (/^(connected|On |I answer )/m.test(String(chunk))) this.#isReady = true;
      });
    }
    let complaints = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaints += chunk;
    });
    child.once('exit', () => void this.#onExit());
    // What it said last may come after its end.
    child.once('close', (code, signal) => {
      log.end(`--- ended at ${new Date().toISOString()} (${signal ?? code})\n`);
      if (code !== 0 && signal === null) this.#trouble = complaints.trim() || `it ended with ${code}`;
    });
  }

  /** Kills it with -9. @returns false if it is not running */
  kill(): boolean {
    if (this.#child === undefined || this.#isKilled || this.#isStopping) return false;
    this.#isKilled = true;
    this.kills += 1;
    return this.#child.kill('SIGKILL');
  }

  /** Its process id; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Megabytes (of 1,000,000 bytes) that it and what it has started hold; 0 while it does not run. */
  async megabytes(): Promise<number> {
    const pid = this.#child?.pid;
    if (pid === undefined) return 0;
    const { pss, rss } = await memoryOfTree(pid);
    return (pss ?? rss) / 1e6;
  }

  /** Ends it as a service manager does. @returns whether it ended in time */
  async stop(): Promise<boolean> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return true;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
    return child.signalCode !== 'SIGKILL';
  }

  #spawn(): ChildProcess {
    const { environment, internal, standInMs } = this.#options;
    const own = { ...environment, STATE_DIR: join(this.folder, 'state') };
    const helper = (name: string) => join(ROOT, 'test', 'helpers', name);
    const compiled = join(ROOT, 'src', 'base', 'compiled.mjs');
    const { variables, flags } = howItStarts(this.kind);
    const words =
      standInMs === undefined
        ? [helper('start-on-fakes.ts'), JSON.stringify(internal), this.kind]
        : [
            helper('program-on-fakes.ts'),
            this.kind,
            JSON.stringify({ directory: this.folder, environment: own, internal, milliseconds: standInMs }),
          ];
    return spawn(process.execPath, [...flags, compiled, ...words], {
      // There is no .env here, and nothing of this environment is passed on, since it may contain tokens.
      cwd: this.folder,
      env: { ...variables, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async #onExit(): Promise<void> {
    this.#child = undefined;
    this.#isReady = false;
    if (this.#isStopping) return;
    if (!this.#isKilled) {
      this.ends += 1;
      await delay(AGAIN_MS);
    }
    if (!this.#isStopping) this.start();
  }
}

/** All bots and workers. */
export class Fleet {
  readonly programs: readonly Program[];

  constructor(options: FleetOptions) {
    const some = (kind: ProgramKind, count: number) =>
      Array.from({ length: count }, (_, k) => new Program(kind, k + 1, options));
    this.programs = [...some('bot', options.bots), ...some('worker', options.workers)];
  }

  of(kind: ProgramKind): Program[] {
    return this.programs.filter((program) => program.kind === kind);
  }

  /** Starts all of them. @throws UserError where one does not start, with what it says; Error where one is not there in time */
  async start(signal: AbortSignal): Promise<void> {
    for (const program of this.programs) program.start();
    const deadline = performance.now() + START_MS;
    while (!this.programs.every(({ isReady }) => isReady)) {
      const missing = this.programs.find(({ isReady }) => !isReady);
      const refused = this.programs.find(({ trouble }) => trouble !== undefined);
      if (refused) throw new UserError('bad-config', `${refused.name} does not start: ${refused.trouble}`);
      if (performance.now() > deadline) throw new Error(`${missing?.name} did not start`);
      await delay(50, undefined, { signal });
    }
  }

  /** @returns those that did not stop when told */
  async stop(): Promise<Program[]> {
    const stopped = await Promise.all(
      this.programs.map(async (program) => ({ program, inTime: await program.stop() })),
    );
    return stopped.filter(({ inTime }) => !inTime).map(({ program }) => program);
  }
}

/** What `npm start` and `npm run worker` set for the C library, and say to Node. */
function howItStarts(kind: ProgramKind) {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const words = scripts[kind === 'bot' ? 'start' : 'worker']!.split(' ');
  const node = words.indexOf('node');
  return {
    variables: Object.fromEntries(
      words.slice(0, node).flatMap((word) => (word.includes('=') ? [word.split('=')] : [])),
    ) as Record<string, string>,
    flags: words.slice(node + 1).filter((word) => word.startsWith('--')),
  };
}
