import { type Message, type SendableChannels, SnowflakeUtil } from 'discord.js';
import { hasPart, shardsInWords } from '../../config-discord.ts';
import type { Job, Journal } from '../../work/journal.ts';
import type { DiscordContext } from './context.ts';
import { unlessClosed } from './errors.ts';
import { larger, pagesAfter } from './messages-after.ts';
import { accountOf, isForTheBot, picturesAskedFor } from './request.ts';

/** How far back the bot reads what it has missed, in milliseconds: later, nobody waits for an answer any more. */
const BACK_MS = 10 * 60_000;
/** Messages of different channels may come in another order than they were written in, by so many milliseconds. */
const DISORDER_MS = 3000;
/** Pages of a channel that are read. */
const MAX_PAGES = 5;
/** Channels that the gateway does not tell of, such as direct messages, that are asked for; those of the latest messages. */
const MAX_ASKED = 25;

/** Reads photos that were posted while the bot was not connected, from the last message on that it has seen. */
export class Missed {
  readonly #journal: Journal;
  /** What is seen while what was missed is still being read: it must not pass for seen before that is written down. */
  #held: Map<string, string> | undefined = new Map();
  #bot: string | undefined;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Takes note of a message that has been looked at. */
  see(channel: string, message: string): void {
    if (this.#held || this.#bot === undefined) this.#held = (this.#held ?? new Map()).set(channel, message);
    else this.#journal.see(this.#bot, channel, message);
  }

  /** Has what was missed answered. To be called whenever a new session with the gateway has begun. Never rejects. */
  catchUp(context: DiscordContext): Promise<void> {
    this.#bot = seenBy(context);
    this.#held ??= new Map();
    // Each of several connections has a session of its own.
    this.#catchingUp = this.#catchingUp.then(async () => {
      try {
        await this.#readBack(context);
      } catch (error) {
        context.log.warn({ platform: 'discord', err: error }, 'what was posted meanwhile could not be read');
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
      for (const [channel, message] of held) this.see(channel, message);
    }
    if (jobs.length === 0) return;
    const answered = await context.session.takeUp(jobs);
    context.log.info({ platform: 'discord', found: jobs.length, answered }, 'photos were posted while I was away');
  }

  /** What was seen over these shards, or over one connection before there were several. */
  async #lastSeen(context: DiscordContext): Promise<ReadonlyMap<string, string>> {
    const seen = await this.#journal.lastSeen(seenBy(context));
    return seen.size > 0 ? seen : await this.#journal.lastSeen(accountOf(context));
  }

  async #missed(context: DiscordContext, seen: ReadonlyMap<string, string>): Promise<Job[]> {
    // A bot that has never been here has missed nothing.
    if (seen.size === 0) return [];
    const channels = await channelsWith(context, [...seen.keys()]);
    const earliest = SnowflakeUtil.generate({ timestamp: Date.now() - BACK_MS, increment: 0n });
    const latest = latestOfShards(channels, seen);
    const jobs: Job[] = [];
    for (const channel of channels) {
      const note = seen.get(channel.id);
      const newest = latest.get(shardOf(channel));
      if (newest === undefined) continue;
      // All of a shard's messages come over one connection: of a channel without a note, nothing later than this was seen.
      const elsewhere = newest - (BigInt(DISORDER_MS) << 22n);
      const after = larger(earliest, note === undefined ? elsewhere : BigInt(note));
      if (BigInt(channel.lastMessageId ?? 0) <= after) continue;
      const messages = await unlessClosed(() => messagesAfter(channel, after));
      jobs.push(...(messages ?? []).flatMap((message) => jobOf(message, context)));
    }
    return jobs;
  }
}

/** By what the journal knows what was seen: several processes with a part of the shards each may share it. */
function seenBy(context: DiscordContext): string {
  const { discord } = context.config;
  const shards = hasPart(discord) ? ` ${shardsInWords(discord!.shards!)}` : '';
  return `${accountOf(context)}${shards}`;
}

function shardOf(channel: SendableChannels): number {
  return channel.isDMBased() ? 0 : channel.guild.shardId;
}

/** The latest message that was seen over each shard. */
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

/** The channels that the bot may write in: those of its servers, and others where it has seen something. */
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

/** A message with pictures as a job, unless it has come by itself meanwhile. */
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
