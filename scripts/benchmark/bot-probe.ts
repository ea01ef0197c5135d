/** Loaded into the bot's process before the bot itself: tells its parent, whenever that asks, what the process has taken so far. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What the bot's process has taken. */
export interface BotUse {
  /** Of all its threads, but of no other process. */
  readonly cpuMilliseconds: number;
  /** Longest time since the last question that the thread which talks could do nothing else. */
  readonly blockedMilliseconds: number;
}

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const use: BotUse = {
    cpuMilliseconds: (user + system) / 1000,
    blockedMilliseconds: delays.max / 1e6,
  };
  delays.reset();
  process.send!(use);
});
