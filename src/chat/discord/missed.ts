import { setTimeout as delay } from 'node:timers/promises';
import { type Message, type SendableChannels, SnowflakeUtil } from 'discord.js';
import { hasOnlySomeShards, shardsInWords } from '../../config-discord.ts';
import type { Job, Journal } from '../../work/journal.ts';
import type { DiscordContext } from './context.ts';
import { unlessClosed } from './errors.ts';
import { larger, pagesAfter } from './messages-after.ts';
import { accountOf, isForTheBot, picturesAskedFor } from './request.ts';

/** How far back the bot reads missed messages, in milliseconds. Nobody still waits for an answer to older ones. */
const BACK_MS = 10 * 60_000;
/** Messages of different channels may arrive out of order by so many milliseconds. */
const DISORDER_MS = 3000;
/** How many pages of a channel are read. */
const MAX_PAGES = 5;
/**
 * How many channels are fetched that the gateway does not announce, such as direct messages: those with the latest messages. Discord allows
 * 50 calls a second.
 */
const MAX_ASKED = 200;
/** How many of them are fetched at a time. */
const ASKED_AT_A_TIME = 10;

/** Milliseconds before channels that could not be read are tried again, doubled each time up to `LONGEST_PAUSE_MS`. */
const AGAIN_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;

/** Answers photos that were posted while the bot was not connected, starting after the last message that it handled. */
export class MissedMessages {
  readonly #journal: Journal;
  readonly #stopping = new AbortController();
  /**
   * The last message of each channel that was handled while missed ones are still being read. It is recorded only once the missed ones
   * are in the journal; otherwise a crash in between would lose them.
   */
  #held: Map<string, string> | undefined = new Map();
  /** Shards with a new session that Discord has yet to tell of its servers. Missed messages are read after that. */
  readonly #beginning = new Set<number>();
  /** How many calls of `catchUp` have not ended. */
  #unfinished = 0;
  #bot: string | undefined;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Records that a message has been handled. */
  markSeen(channel: string, message: string): void {
    if (this.#held || this.#bot === undefined) this.#held = (this.#held ?? new Map()).set(channel, message);
    else this.#journal.markSeen(this.#bot, channel, message);
  }

  /** Call it as soon as a shard has a new session. Messages may come before Discord has told the session of its servers. */
  hold(shard: number): void {
    this.#beginning.add(shard);
    this.#held ??= new Map();
  }

  /** Tries nothing again from now on. What could not be read yet is left to the next start. */
  stop(): void {
    this.#stopping.abort();
  }

  /**
   * Answers what was missed. Call it whenever a new session with the gateway has been told of its servers. Channels that Discord does not
   * give now are tried again for ten minutes. Never rejects.
   * @param shard all shards where absent
   */
  catchUp(context: DiscordContext, shard?: number): Promise<void> {
    this.#bot = seenBy(context);
    this.#held ??= new Map();
    if (shard === undefined) this.#beginning.clear();
    else this.#beginning.delete(shard);
    this.#unfinished += 1;
    // Each shard has a session of its own, so calls may overlap: they run one after the other.
    this.#catchingUp = this.#catchingUp.then(async () => {
      try {
        await this.#readBack(context);
      } catch (error) {
        context.log.warn(
          { platform: 'discord', err: error },
          'messages that were posted while I was away could not be read',
        );
      }
    });
    return this.#catchingUp;
  }

  async #readBack(context: DiscordContext): Promise<void> {
    const answering: Promise<void>[] = [];
    try {
      let seen: ReadonlyMap<string, string> | undefined;
      const until = Date.now() + BACK_MS;
      for (let pause = AGAIN_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
        seen ??= await this.#lastSeen(context);
        const { jobs, unread } = seen ? await this.#missed(context, seen) : { jobs: [], unread: 1 };
        for (const job of jobs) await context.session.note(job);
        answering.push(this.#answer(jobs, context));
        if (unread === 0 || Date.now() >= until) break;
        await delay(pause, undefined, { signal: this.#stopping.signal });
      }
    } catch (error) {
      // The next start reads them: what has been handled since is not recorded, so that it begins before them.
      if (this.#stopping.signal.aborted) return;
      throw error;
    } finally {
      this.#unfinished -= 1;
      if (!this.#stopping.signal.aborted) this.#recordHeld();
      await Promise.all(answering);
    }
  }

  #recordHeld(): void {
    // Another session may have missed messages that came before those that were handled since.
    if (this.#unfinished > 0 || this.#beginning.size > 0) return;
    const held = this.#held ?? new Map<string, string>();
    this.#held = undefined;
    for (const [channel, message] of held) this.markSeen(channel, message);
  }

  async #answer(jobs: readonly Job[], { session, log }: DiscordContext): Promise<void> {
    if (jobs.length === 0) return;
    const answered = await session.answerJobs(jobs);
    log.info({ platform: 'discord', found: jobs.length, answered }, 'photos were posted while I was away');
  }

  /**
   * The last messages handled by these shards, or by a single connection before the bot had several.
   * @returns undefined where the journal cannot be read
   */
  async #lastSeen(context: DiscordContext): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      const seen = await this.#journal.lastSeen(seenBy(context));
      return seen.size > 0 ? seen : await this.#journal.lastSeen(accountOf(context));
    } catch (err) {
      context.log.warn(
        { platform: 'discord', err },
        'what I handled last could not be read from the journal; trying again',
      );
      return undefined;
    }
  }

  /** @returns the jobs that were found, and how many channels Discord did not give */
  async #missed(
    context: DiscordContext,
    seen: ReadonlyMap<string, string>,
  ): Promise<{ readonly jobs: Job[]; readonly unread: number }> {
    // A bot that has handled nothing yet has missed nothing.
    if (seen.size === 0) return { jobs: [], unread: 0 };
    const troubles: unknown[] = [];
    const unlessTrouble = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await unlessClosed(look);
      } catch (error) {
        troubles.push(error);
        return undefined;
      }
    };
    const channels = await channelsWith(context, [...seen.keys()], unlessTrouble);
    const earliest = SnowflakeUtil.generate({ timestamp: Date.now() - BACK_MS, increment: 0n });
    const latest = latestOfShards(channels, seen);
    const jobs: Job[] = [];
    for (const channel of channels) {
      const note = seen.get(channel.id);
      const newest = latest.get(shardOf(channel));
      if (newest === undefined) continue;
      // A shard's messages all come over one connection, so a channel without a record has had nothing later than this handled.
      const elsewhere = newest - (BigInt(DISORDER_MS) << 22n);
      const after = larger(earliest, note === undefined ? elsewhere : BigInt(note));
      if (BigInt(channel.lastMessageId ?? 0) <= after) continue;
      const messages = await unlessTrouble(() => messagesAfter(channel, after));
      jobs.push(...(messages ?? []).flatMap((message) => jobOf(message, context)));
    }
    if (troubles.length > 0) {
      const where = { platform: 'discord', channels: troubles.length, err: troubles[0] };
      context.log.warn(where, 'messages that were posted while I was away could not be read; trying again');
    }
    return { jobs, unread: troubles.length };
  }
}

/** The journal's key for handled messages. It names the shards, since several processes with some shards each may share a journal. */
function seenBy(context: DiscordContext): string {
  const { discord } = context.config;
  const shards = hasOnlySomeShards(discord) ? ` ${shardsInWords(discord!.shards!)}` : '';
  return `${accountOf(context)}${shards}`;
}

function shardOf(channel: SendableChannels): number {
  return channel.isDMBased() ? 0 : channel.guild.shardId;
}

/** The latest message that was handled by each shard. */
function latestOfShards(
  channels: readonly SendableChannels[],
  seen: ReadonlyMap<string, string>,
): ReadonlyMap<number, bigint> {
  const latest = new Map<number, bigint>();
  for (const channel of channels) {
    const shard = shardOf(channel);
    const note = seen.get(channel.id);
    if (note !== undefined) latest.set(shard, larger(latest.get(shard) ?? 0n, BigInt(note)));
  }
  return latest;
}

/**
 * The channels that the bot may write in: those of its servers, and others where it has handled a message.
 * @param get does a call; undefined where a channel is closed or Discord does not give it
 */
async function channelsWith(
  { client }: DiscordContext,
  seen: readonly string[],
  get: <T>(call: () => Promise<T>) => Promise<T | undefined>,
): Promise<SendableChannels[]> {
  const known = [...client.channels.cache.values()];
  const others = seen.filter((id) => !client.channels.cache.has(id)).slice(0, MAX_ASKED);
  while (others.length > 0) {
    const next = others.splice(0, ASKED_AT_A_TIME);
    const found = await Promise.all(next.map((id) => get(() => client.channels.fetch(id))));
    known.push(...found.filter((channel) => channel != null));
  }
  return known.filter((channel): channel is SendableChannels & typeof channel => channel.isSendable());
}

async function messagesAfter(channel: SendableChannels, id: bigint): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const page of pagesAfter(channel, id, MAX_PAGES)) messages.push(...page);
  return messages.sort((a, b) => a.createdTimestamp - b.createdTimestamp);
}

/** A message with pictures as a job; none if its event has arrived by now. */
function jobOf(message: Message, context: DiscordContext): Job[] {
  if (!isForTheBot(message)) return [];
  const pictures = picturesAskedFor(message, context);
  if (pictures.length === 0 || !context.session.claim(`message:${message.id}`)) return [];
  return [
    {
      bot: accountOf(context),
      place: message.channelId,
      message: message.id,
      kind: 'posted',
      files: pictures.map(({ id }) => id),
      begun: Date.now(),
    },
  ];
}
