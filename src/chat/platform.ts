/**
 * What a chat platform is to the rest of the bot. To add one: write an adapter that turns its events into Requests and
 * hands them to `context.dispatch`, turns each Reply into a message, and list its factory in platforms.ts.
 */
import type { PhotoServices } from '../../commands/emotions.ts';
import type { CommandRegistry } from '../../commands/registry.ts';
import type { Channel, Request } from '../../commands/request.ts';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config.ts';
import type { Opinions } from '../settings/opinions.ts';
import type { Settings } from '../settings/settings.ts';
import type { JobQueue } from '../work/job-queue.ts';
import type { Journal } from '../work/journal.ts';

/** What an adapter gets from the bot. */
export interface PlatformContext {
  readonly config: Config;
  readonly log: Logger;
  /** For platforms that show commands in menus of their own. */
  readonly commands: CommandRegistry;
  /** Where what is under way is written down, for platforms whose messages outlive the bot. */
  readonly journal?: Journal;
  /** Where photos are handed to workers; absent where this process answers them. */
  readonly queue?: JobQueue;
  /** What is remembered of people and channels. */
  readonly settings: Settings;
  /** What reads photos, for platforms that programs ask too. */
  readonly photos: Pick<PhotoServices, 'readPhoto' | 'queue' | 'maxBytes'>;
  /** What people think of the readings; absent where nobody is asked. */
  readonly opinions?: Opinions;
  /** Answers a request through its own `reply`. Never rejects; resolves when everything has been said. */
  dispatch(request: Request): Promise<void>;
}

/** A place where people talk to the bot. */
export interface Platform {
  /** Lower-case, e.g. 'local'; also `Request.platform`. */
  readonly name: string;
  /** Whether what people post reaches the bot just now. */
  readonly isConnected: boolean;
  /**
   * Connects, and takes requests from then on.
   * @returns a line for whoever runs the bot: where it can be talked to
   * @throws Error where it cannot connect, saying why
   */
  start(): Promise<string>;
  /**
   * Takes no new requests, lets those under way end, disconnects. May be called at any time and more than once.
   * @param deadline once aborted, requests under way are given up
   */
  stop(deadline: AbortSignal): Promise<void>;
  /**
   * A channel by the id that a Request gave, for what outlives its request (a training that goes on after a restart).
   * @returns undefined where there is no such channel any more, or the bot may not write there
   */
  channel(id: string): Promise<Channel | undefined>;
}

/** Makes a platform, and loads what that takes; undefined where the configuration holds no credentials for it. */
export type PlatformFactory = (context: PlatformContext) => Promise<Platform | undefined>;
