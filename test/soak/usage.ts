import { readFile } from 'node:fs/promises';
import { treeOf } from '../../src/metrics/memory.ts';
import type { Fleet, Program, ProgramKind } from './fleet.ts';

/** Milliseconds between two looks. What a process does after the last look before it is killed is not counted. */
const LOOK_MS = 1000;
/** Linux counts processor time in hundredths of a second, on every machine: see proc(5). */
const TICKS_A_SECOND = 100;

/** Looks again and again at the memory and processor time that bots and workers take. */
export class Usage {
  /** The most megabytes at any look: of everything together, and of the largest of each kind. */
  readonly megabytes: Record<ProgramKind | 'all', number> = { bot: 0, worker: 0, all: 0 };
  readonly #fleet: Fleet;
  /** Seconds of processor time of each process, and of its children that have ended, by its id and kind. */
  readonly #seconds = new Map<string, { readonly kind: ProgramKind; readonly seconds: number }>();
  readonly #timer: NodeJS.Timeout;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Seconds of processor time so far, of all processes of each kind. */
  get processorSeconds(): Record<ProgramKind, number> {
    const sum = (kind: ProgramKind) =>
      [...this.#seconds.values()].reduce((total, one) => total + (one.kind === kind ? one.seconds : 0), 0);
    return { bot: sum('bot'), worker: sum('worker') };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const { programs } = this.#fleet;
    const each = await Promise.all(
      programs.map(async (program) => ({ kind: program.kind, megabytes: await program.megabytes() })),
    );
    for (const { kind, megabytes } of each) this.megabytes[kind] = Math.max(this.megabytes[kind], megabytes);
    const sum = each.reduce((total, { megabytes }) => total + megabytes, 0);
    this.megabytes.all = Math.max(this.megabytes.all, sum);
    await Promise.all(programs.map((program) => this.#count(program)));
  }

  async #count({ pid, kind }: Program): Promise<void> {
    if (pid === undefined) return;
    for (const one of await treeOf(pid)) {
      const seconds = await secondsOf(one);
      if (seconds !== undefined) this.#seconds.set(`${kind} ${one}`, { kind, seconds });
    }
  }
}

/** Seconds of processor time of a process and of its children that have ended; undefined where it has ended. See proc(5), stat. */
async function secondsOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in brackets, which may contain anything. Fields 14 to 17 are the times.
  const times = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15);
  return times.length < 4 ? undefined : times.reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_A_SECOND;
}
