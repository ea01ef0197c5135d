/** Loaded into the bot's process before the bot itself: tells its parent, whenever that asks, what the process has taken so far. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What the bot's process has taken. */
export interface BotUse {
  /** Of its memory that is resident, in MiB. */
  readonly megabytes: number;
  /** Of all its threads. */
  readonly cpuMilliseconds: number;
  /** Longest time since the last question that the thread which talks could do nothing else. */
  readonly blockedMilliseconds: number;
}

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const use: BotUse = {
    megabytes: process.memoryUsage.rss() / 2 ** 20,
    cpuMilliseconds: (user + system) / 1000,
    blockedMilliseconds: delays.max / 1e6,
  };
  delays.reset();
  process.send!(use);
});
