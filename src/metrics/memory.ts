import { readdir, readFile } from 'node:fs/promises';

/** Memory of a process and all its descendants, in bytes. */
interface TreeMemory {
  /**
   * Pages that several processes share count once, so this much would become free on the machine. Absent where the system does not tell.
   */
  readonly pss?: number;
  /** Pages that several processes share count once for each of them. */
  readonly rss: number;
  readonly processes: number;
}

/**
 * Measures the memory of a process and its descendants, from Linux' /proc (see proc(5): smaps_rollup). On other systems it measures
 * this process alone. A process that ends during the measurement is not counted.
 */
export async function memoryOfTree(pid = process.pid): Promise<TreeMemory> {
  const pids = await treeOf(pid);
  const found = (await Promise.all(pids.map(memoryOf))).filter((memory) => memory !== undefined);
  if (found.length === 0) return { rss: process.memoryUsage.rss(), processes: 1 };
  const sum = (kind: 'pss' | 'rss') => found.reduce((total, memory) => total + memory[kind], 0);
  return { pss: sum('pss'), rss: sum('rss'), processes: found.length };
}

async function memoryOf(pid: number): Promise<{ readonly pss: number; readonly rss: number } | undefined> {
  const rollup = await textOf(`/proc/${pid}/smaps_rollup`);
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? Number.NaN) * 1024;
  const [pss, rss] = [bytes('Pss'), bytes('Rss')];
  return Number.isNaN(pss) || Number.isNaN(rss) ? undefined : { pss, rss };
}

/** Ids of a process and its descendants; none where the system does not tell. */
export async function treeOf(pid: number): Promise<number[]> {
  const names = await readdir('/proc').catch((): string[] => []);
  const parents = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => [Number(name), parentIn(await textOf(`/proc/${name}/stat`))] as const),
  );
  const tree = [pid];
  // The list grows during the loop.
  for (const above of tree) tree.push(...parents.flatMap(([child, parent]) => (parent === above ? [child] : [])));
  return parents.length === 0 ? [] : tree;
}

/** The parent's id: the fourth field of /proc/PID/stat. The second is the program's name in brackets, which may contain anything. */
function parentIn(stat: string): number | undefined {
  const [, parent] = /^\d+ \(.*\) \S (\d+) /s.exec(stat) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

/** A file's text; '' where it cannot be read, e.g. because the process has ended. */
async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}
