import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../src/base/random.ts';
import type { Chats } from './chats.ts';
import type { Fleet, ProgramKind } from './fleet.ts';
import { DRAWS, PLATFORMS, type PlatformName } from './plan.ts';

/** What happens to bots and workers, and how often. */
export interface UnrestOptions {
  readonly seed: number;
  /** Seconds between two kills, on average; 0 for none. */
  readonly killEvery: number;
  /** How many are killed at most. */
  readonly kills: number;
  /** Seconds between two broken connections, and between two outages of a chat, on average; 0 for none. */
  readonly breakEvery: number;
  readonly outageEvery: number;
  /** The share, of 1, of calls to the chats that fail: by 503, by 429, or by a 503 after what was asked for has been done. */
  readonly failing: number;
  /** Milliseconds that a call takes, on average. */
  readonly latency: number;
}

/** What has happened so far. */
export interface UnrestCounts {
  killedBots: number;
  killedWorkers: number;
  brokenConnections: number;
  outages: number;
  serverErrors: number;
  /** Of calls that had been done. */
  lostAnswers: number;
  rateLimits: number;
  redisRestarts: number;
}

/** Milliseconds that an outage of a chat lasts, at least and at most. */
const OUTAGE_MS = [1000, 5000] as const;
/** The share of kills that do not wait until a process is there. */
const STARTING = 0.2;
/** Of calls that fail, the share that has been done all the same. */
const LOST_SHARE = 0.2;
/** Seconds that a 429 asks for. */
const RETRY_AFTER_S = 1;

interface Failure {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const UNAVAILABLE: Failure = { status: 503 };
const RATE_LIMITED: Failure = {
  status: 429,
  headers: { 'retry-after': String(RETRY_AFTER_S) },
  body: { message: 'You are being rate limited.', retry_after: RETRY_AFTER_S, global: false },
};

/** Kills, broken connections, outages and failing calls, by a seed. */
export class Unrest {
  readonly counts: UnrestCounts = {
    killedBots: 0,
    killedWorkers: 0,
    brokenConnections: 0,
    outages: 0,
    serverErrors: 0,
    lostAnswers: 0,
    rateLimits: 0,
    redisRestarts: 0,
  };
  readonly #options: UnrestOptions;
  readonly #fleet: Fleet;
  readonly #chats: Chats;
  readonly #out = new Set<PlatformName>();

  constructor(options: UnrestOptions, fleet: Fleet, chats: Chats) {
    this.#options = options;
    this.#fleet = fleet;
    this.#chats = chats;
  }

  /** Goes on until the signal fires; then everything works again. */
  async run(signal: AbortSignal): Promise<void> {
    const { seed, killEvery, breakEvery, outageEvery } = this.#options;
    const { discord, slack } = this.#chats;
    const calls = new Random(DRAWS.calls, seed);
    discord.between = (_, done) => this.#between('discord', calls, done);
    slack.between = (_, done) => this.#between('slack', calls, done);
    const kills = new Random(DRAWS.kills, seed);
    const connections = new Random(DRAWS.connections, seed);
    const loops = [
      every(killEvery, kills, signal, (turn) => this.#kill(kills, turn)),
      every(breakEvery, connections, signal, () => this.#breakOne(connections)),
      every(outageEvery, connections, signal, () => this.#outage(connections, signal)),
    ];
    await Promise.all(loops);
    discord.between = undefined;
    slack.between = undefined;
  }

  /** A bot first, then a worker, then whichever; now and then one that is only just starting. */
  #kill(random: Random, turn: number): void {
    const { killedBots, killedWorkers } = this.counts;
    if (killedBots + killedWorkers >= this.#options.kills) return;
    const kinds: (ProgramKind | undefined)[] = ['bot', 'worker'];
    const kind = kinds[turn];
    const all = kind === undefined ? this.#fleet.programs : this.#fleet.of(kind);
    const candidates = random.chance(STARTING) ? all : all.filter(({ isReady }) => isReady);
    const program = candidates[random.below(candidates.length)];
    if (program === undefined || !program.kill()) return;
    if (program.kind === 'bot') this.counts.killedBots += 1;
    else this.counts.killedWorkers += 1;
  }

  #breakOne(random: Random): void {
    const { discord, slack } = this.#chats;
    const ways = [
      () => discord.gateway.askToReconnect(),
      () => discord.gateway.drop(4000),
      () => discord.gateway.forget(),
      () => slack.refresh(),
      () => {
        for (const socket of slack.sockets) socket.terminate();
      },
    ];
    ways[random.below(ways.length)]!();
    this.counts.brokenConnections += 1;
  }

  async #outage(random: Random, signal: AbortSignal): Promise<void> {
    const platform = PLATFORMS[random.below(PLATFORMS.length)]!;
    this.counts.outages += 1;
    this.#out.add(platform);
    await delay(random.between(...OUTAGE_MS), undefined, { signal }).catch(() => {});
    this.#out.delete(platform);
  }

  async #between<Answer>(platform: PlatformName, random: Random, done: () => Answer): Promise<Answer | Failure> {
    const [way, back] = [this.#wait(random), this.#wait(random)];
    const fails = random.chance(this.#options.failing);
    const how = random.next();
    await delay(way);
    const failure = this.#out.has(platform) ? UNAVAILABLE : fails ? this.#failureBy(how) : undefined;
    if (failure === UNAVAILABLE) this.counts.serverErrors += 1;
    const answer = failure ?? done();
    if (failure === undefined) await delay(back);
    if (fails && failure === undefined) {
      this.counts.lostAnswers += 1;
      return UNAVAILABLE;
    }
    return answer;
  }

  #wait(random: Random): number {
    return (-Math.log(1 - random.next()) * this.#options.latency) / 2;
  }

  /** @returns undefined where the call is to fail once it has been done */
  #failureBy(how: number): Failure | undefined {
    if (how < LOST_SHARE) return undefined;
    if (how < LOST_SHARE + (1 - LOST_SHARE) / 2) return UNAVAILABLE;
    this.counts.rateLimits += 1;
    return RATE_LIMITED;
  }
}

/** Does something at random intervals, from half to one and a half times the given seconds, until the signal fires. */
async function every(
  seconds: number,
  random: Random,
  signal: AbortSignal,
  something: (turn: number) => Promise<void> | void,
): Promise<void> {
  if (seconds === 0) return;
  for (let turn = 0; !signal.aborted; turn++) {
    await delay(1000 * seconds * random.between(0.5, 1.5), undefined, { signal }).catch(() => {});
    if (!signal.aborted) await something(turn);
  }
}
