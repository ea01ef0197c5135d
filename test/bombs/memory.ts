import { entriesOf, readIfThere } from '../../src/base/files.ts';

const KILOBYTES_A_MEGABYTE = 1e6 / 1024;

/** A process and all that it has started, by their numbers. Linux only. */
async function treeOf(pid: string): Promise<string[]> {
  const threads = await entriesOf(`/proc/${pid}/task`);
  const started = await Promise.all(threads.map((thread) => gone(readIfThere(`/proc/${pid}/task/${thread}/children`))));
  const children = started.flatMap((numbers) => numbers?.match(/\d+/g) ?? []);
  return [pid, ...(await Promise.all(children.map(treeOf))).flat()];
}

/** What is read of a process that ends meanwhile is an error of another kind. */
async function gone(text: Promise<string | undefined>): Promise<string | undefined> {
  return await text.catch(() => undefined);
}

/**
 * Megabytes (of 1,000,000 bytes) that a process and all that it has started hold: PSS, in which a page that several processes share counts
 * once. Linux only.
 */
export async function megabytesOf(pid: number): Promise<number> {
  const pids = await treeOf(String(pid));
  const maps = await Promise.all(pids.map((one) => gone(readIfThere(`/proc/${one}/smaps_rollup`))));
  const kilobytes = maps.map((text) => Number(/^Pss:\s+(\d+)/m.exec(text ?? '')?.[1] ?? 0));
  return kilobytes.reduce((sum, each) => sum + each, 0) / KILOBYTES_A_MEGABYTE;
}
