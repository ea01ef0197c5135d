/** Loaded into the bot's process before the bot itself: tells its parent, whenever that asks, what the process has taken so far. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { entriesOf, readIfThere } from '../../src/base/files.ts';

/** What the bot's process has taken. */
export interface BotUse {
  /** Resident memory in MiB; of the processes that it has started too, where the system tells of them (Linux). */
  readonly megabytes: number;
  /** Of all its threads, but of no other process. */
  readonly cpuMilliseconds: number;
  /** Longest time since the last question that the thread which talks could do nothing else. */
  readonly blockedMilliseconds: number;
}

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();

async function megabytesOfChildren(): Promise<number> {
  const threads = await entriesOf('/proc/self/task');
  const children = await Promise.all(threads.map((thread) => readIfThere(`/proc/self/task/${thread}/children`)));
  const processes = children.flatMap((numbers) => numbers?.match(/\d+/g) ?? []);
  const states = await Promise.all(processes.map((number) => readIfThere(`/proc/${number}/status`)));
  const kilobytes = states.map((state) => Number(/VmRSS:\s+(\d+)/.exec(state ?? '')?.[1] ?? 0));
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1024;
}

process.on('message', async () => {
  const { user, system } = process.cpuUsage();
  const use: BotUse = {
    megabytes: process.memoryUsage.rss() / 2 ** 20 + (await megabytesOfChildren()),
    cpuMilliseconds: (user + system) / 1000,
    blockedMilliseconds: delays.max / 1e6,
  };
  delays.reset();
  process.send!(use);
});
