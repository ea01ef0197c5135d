/**
 * The interface between a chat platform and the rest of the bot. To add a platform, write an adapter that turns its events into
 * Requests, hands them to `context.dispatch` and turns each Reply into a message. List its factory in platforms.ts.
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
  /** Records unfinished work, for platforms whose messages outlive the bot. */
  readonly journal?: Journal;
  /** Hands photos to workers; absent where this process answers them. */
  readonly queue?: JobQueue;
  /** Settings of people and channels. */
  readonly settings: Settings;
  /** Reads photos, for platforms that programs can use too. */
  readonly photos: Pick<PhotoServices, 'readPhoto' | 'queue' | 'maxBytes'>;
  /** Counts what people think of the readings; absent where nobody is asked. */
  readonly opinions?: Opinions;
  /** Answers a request through its own `reply`. Never rejects. Resolves when all replies have been sent. */
  dispatch(request: Request): Promise<void>;
}

/** A place where people talk to the bot. */
export interface Platform {
  /** Lower-case, e.g. 'local'; also `Request.platform`. */
  readonly name: string;
  /** Whether the bot receives what people post at the moment. */
  readonly isConnected: boolean;
  /**
   * Connects, and accepts requests from then on.
   * @returns a line for the operator that says where people can talk to the bot
   * @throws Error where it cannot connect, saying why
   */
  start(): Promise<string>;
  /**
   * Accepts no new requests, lets running ones end, disconnects. May be called at any time and more than once.
   * @param deadline once aborted, running requests are given up
   */
  stop(deadline: AbortSignal): Promise<void>;
  /**
   * Finds a channel by the id that a Request gave, for work that outlives its request, such as a training that goes on after a restart.
   * @returns undefined where there is no such channel any more, or the bot may not write there
   */
  channel(id: string): Promise<Channel | undefined>;
}

/** Loads and creates a platform. @returns undefined where the configuration holds no credentials for it */
export type PlatformFactory = (context: PlatformContext) => Promise<Platform | undefined>;
