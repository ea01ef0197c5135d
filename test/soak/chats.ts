import { setTimeout as delay } from 'node:timers/promises';
import { onlyOnce } from '../../src/chat/discord/outgoing.ts';
import { type FakeUser, user } from '../fakes/discord/payloads.ts';
import {
  type FakeChannel,
  FakeDiscord,
  type FakeInteraction,
  type FakeMessage as OnDiscord,
} from '../fakes/discord.ts';
import { FakeSlack, type FakeMessage as OnSlack } from '../fakes/slack.ts';
import type { PhotoKind, SoakPhoto } from './photos.ts';
import { CHANNELS, type PlannedMessage, type PlatformName } from './plan.ts';

/**
 * When Slack sends an event again that nobody has acknowledged: sooner than the real one, which does after a moment, a minute and five,
 * and for less long.
 */
const SLACK_AGAIN_MS = [300, 10_000, 30_000, 60_000, 120_000];
const PEOPLE = 5;
/** Milliseconds after which a bot has written down which messages it has handled. */
const RECORDED_MS = 1500;

/** A message that was posted. */
export interface PostedMessage {
  readonly platform: PlatformName;
  readonly channel: string;
  readonly id: string;
  readonly kinds: readonly PhotoKind[];
  /** Ids of its files, in their order. */
  readonly files: readonly string[];
  /** In milliseconds since 1970. */
  readonly at: number;
  isRemoved: boolean;
  /** Of a command: how far the chat says that it is. */
  readonly state?: () => FakeInteraction['state'];
}

/** A message of the bot's. */
export interface Said {
  /** The message that it answers. */
  readonly to: string;
  /** The file that it is about, where it names one. */
  readonly picture: string | undefined;
  readonly hasPicture: boolean;
  readonly text: string;
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** Both chats, the people in them, and what the bot has said there. */
export class Chats {
  readonly discord: FakeDiscord;
  readonly slack: FakeSlack;
  readonly posted: PostedMessage[] = [];
  readonly #people: readonly FakeUser[] = Array.from({ length: PEOPLE }, (_, k) => user(`person-${k}`));
  readonly #onDiscord: readonly FakeChannel[];
  readonly #onSlack: readonly string[];
  readonly #removals = new Set<NodeJS.Timeout>();

  private constructor(discord: FakeDiscord, slack: FakeSlack) {
    this.discord = discord;
    this.slack = slack;
    const open = Array.from({ length: CHANNELS - 3 }, (_, k) => discord.addChannel(`channel-${k}`));
    this.#onDiscord = [discord.general, ...open, discord.openThread(discord.general)];
    this.#onSlack = Array.from({ length: CHANNELS - 1 }, (_, k) => `C${k + 1}`);
    for (const channel of this.#onSlack) slack.joined.add(channel);
    slack.deliverOnce(SLACK_AGAIN_MS);
  }

  static async start(): Promise<Chats> {
    const [discord, slack] = await Promise.all([FakeDiscord.start(), FakeSlack.start()]);
    return new Chats(discord, slack);
  }

  async close(): Promise<void> {
    for (const timer of this.#removals) clearTimeout(timer);
    await Promise.all([this.discord.close(), this.slack.close()]);
  }

  /**
   * Everybody says hello to the bot directly, and the bots record that. Discord names no conversation to a bot in which it has had no
   * message, so a first message there that comes while no bot is connected can be found by nobody.
   */
  async greet(signal: AbortSignal): Promise<void> {
    const channels = this.#people.map((author) => {
      const channel = this.discord.directChannel(author);
      this.discord.post({ channel, author, content: 'hello' });
      return channel;
    });
    while (!channels.every((channel) => this.discord.said(channel).length > 0)) await delay(50, undefined, { signal });
    await delay(RECORDED_MS, undefined, { signal });
  }

  /** Somebody posts a message; where the plan says so, it is removed after a while. */
  post(plan: PlannedMessage, photos: ReadonlyMap<PhotoKind, SoakPhoto>): PostedMessage {
    const files = plan.photos.map((kind) => photos.get(kind)!);
    const { message, remove } =
      plan.platform === 'discord' ? this.#postOnDiscord(plan, files) : this.#postOnSlack(plan, files);
    const posted: PostedMessage = {
      ...message,
      platform: plan.platform,
      kinds: plan.photos,
      at: Date.now(),
      isRemoved: false,
    };
    this.posted.push(posted);
    if (plan.removedAfterMs !== undefined) {
      const timer = setTimeout(() => {
        this.#removals.delete(timer);
        posted.isRemoved = true;
        remove();
      }, plan.removedAfterMs);
      this.#removals.add(timer);
    }
    return posted;
  }

  /** Waits until everything that is to be removed has been. */
  async removed(): Promise<void> {
    while (this.#removals.size > 0) await delay(50);
  }

  /** What the bot has said in answer to messages and commands, of both chats. */
  said(): Said[] {
    const commands = [...this.discord.interactions.values()].map(({ id }) => [onlyOnce(`${id} 0`).nonce, id] as const);
    const byNonce = new Map(commands);
    return [...this.discord.said().flatMap((message) => onDiscord(message, byNonce)), ...onSlack(this.slack)];
  }

  #postOnDiscord(plan: PlannedMessage, photos: readonly SoakPhoto[]) {
    const { discord } = this;
    const author = this.#people[plan.photos.length + (plan.channel % (PEOPLE - 2))]!;
    const files = photos.map(({ bytes, name, type }) => discord.file(bytes, name, { contentType: type }));
    const channel = this.#onDiscord[plan.channel] ?? discord.directChannel(author);
    if (plan.isCommand) {
      const { id, token } = discord.command('emotions', { channel, by: author, files: { image: files[0]! } });
      const state = () => discord.interactions.get(token)!.state;
      return { message: { id, channel: channel.id, files: files.map((file) => file.id), state }, remove: () => {} };
    }
    const message: OnDiscord = discord.post({ channel, author, files });
    return {
      message: { id: message.id, channel: channel.id, files: files.map(({ id }) => id) },
      remove: () => discord.remove(message),
    };
  }

  #postOnSlack(plan: PlannedMessage, photos: readonly SoakPhoto[]) {
    const { slack } = this;
    const channel = this.#onSlack[plan.channel] ?? 'D1';
    const person = `U${plan.channel + plan.photos.length}`;
    const files = photos.map(({ bytes, name, type }) => slack.file(bytes, name, type ?? 'image/jpeg', person));
    const message: OnSlack = slack.post({ channel, user: person, files });
    return {
      message: { id: message.ts, channel, files: files.map(({ id }) => id) },
      remove: () => slack.remove(message),
    };
  }
}

/** @param byNonce commands by what stands for them in an ordinary message that answers one: after a restart */
function onDiscord(message: OnDiscord, byNonce: ReadonlyMap<string, string>): Said[] {
  const { id, reference, interaction, nonce = '', content, files, components } = message;
  const to = reference?.message_id ?? interaction?.id ?? byNonce.get(nonce);
  if (to === undefined) return [];
  const [, picture] = /"custom_id":"remove:[^:"]*:\d*:(\d+)"/.exec(JSON.stringify(components)) ?? [];
  const at = Number((BigInt(id) >> 22n) + 1_420_070_400_000n);
  return [{ to, picture, hasPicture: files.length > 0, text: content, at }];
}

function onSlack(slack: FakeSlack): Said[] {
  const messages = slack.messages.filter(({ user: from, thread_ts: to }) => from === slack.me && to !== undefined);
  const open = messages.map(({ ts, thread_ts: to, files, blocks = [], text }): Said => {
    const buttons = blocks.flatMap(({ elements = [] }) => elements);
    const value = buttons.find(({ action_id: action }) => action === 'remove_reply')?.value ?? '{}';
    const { picture } = JSON.parse(value) as { readonly picture?: string };
    return { to: to!, picture, hasPicture: files.length > 0, text, at: Number.parseFloat(ts) * 1000 };
  });
  const alone = slack.ephemeral.flatMap(({ thread_ts: to, text, at }): Said[] =>
    to === undefined ? [] : [{ to, picture: undefined, hasPicture: false, text, at }],
  );
  return [...open, ...alone];
}
