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
/** How many channels are fetched that the gateway does not announce, such as direct messages: those with the latest messages. */
const MAX_ASKED = 25;

/** Answers photos that were posted while the bot was not connected, starting after the last message that it handled. */
export class MissedMessages {
  readonly #journal: Journal;
  /**
   * The last message of each channel that was handled while missed ones are still being read. It is recorded only once the missed ones
   * are in the journal; otherwise a crash in between would lose them.
   */
  #held: Map<string, string> | undefined = new Map();
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

  /** Answers what was missed. Call it whenever a new session with the gateway has begun. Never rejects. */
  catchUp(context: DiscordContext): Promise<void> {
    this.#bot = seenBy(context);
    this.#held ??= new Map();
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
    let jobs: Job[] = [];
    try {
      jobs = await this.#missed(context, await this.#lastSeen(context));
      for (const job of jobs) await context.session.note(job);
    } finally {
      const held = this.#held ?? new Map<string, string>();
      this.#held = undefined;
      for (const [channel, message] of held) this.markSeen(channel, message);
    }
    if (jobs.length === 0) return;
    const answered = await context.session.answerJobs(jobs);
    context.log.info({ platform: 'discord', found: jobs.length, answered }, 'photos were posted while I was away');
  }

  /** The last messages handled by these shards, or by a single connection before the bot had several. */
  async #lastSeen(context: DiscordContext): Promise<ReadonlyMap<string, string>> {
    const seen = await this.#journal.lastSeen(seenBy(context));
    return seen.size > 0 ? seen : await this.#journal.lastSeen(accountOf(context));
  }

  async #missed(context: DiscordContext, seen: ReadonlyMap<string, string>): Promise<Job[]> {
    // A bot that has handled nothing yet has missed nothing.
    if (seen.size === 0) return [];
    const channels = await channelsWith(context, [...seen.keys()]);
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
      const messages = await unlessClosed(() => messagesAfter(channel, after));
      jobs.push(...(messages ?? []).flatMap((message) => jobOf(message, context)));
    }
    return jobs;
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

/** The channels that the bot may write in: those of its servers, and others where it has handled a message. */
async function channelsWith({ client }: DiscordContext, seen: readonly string[]): Promise<SendableChannels[]> {
  const known = [...client.channels.cache.values()];
  const others = seen.filter((id) => !client.channels.cache.has(id)).slice(0, MAX_ASKED);
  for (const id of others) {
    const channel = await unlessClosed(() => client.channels.fetch(id));
    if (channel) known.push(channel);
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
