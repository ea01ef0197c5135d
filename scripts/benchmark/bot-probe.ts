/** Runs in the bot's process, loaded before the bot itself. Sends the parent process what the bot has used so far, whenever it asks. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What the bot's process has used. */
export interface BotUse {
  /** Processor time of all threads of the process, without its child processes. */
  readonly cpuMilliseconds: number;
  /** Longest time that the main thread was blocked since the last question. */
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
