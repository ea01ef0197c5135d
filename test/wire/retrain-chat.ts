// Before everything else: see slack-bot.ts.
import 'discord.js';
import type { ChannelEvent, MessageView } from '../../src/chat/local/message.ts';
import { loadConfig } from '../../src/config.ts';
import { user } from '../fakes/discord/payloads.ts';
import { load, openPage, pageHeaders } from '../helpers/local-page.ts';
import { say } from '../helpers/main-process.ts';
import { openSite, type Site } from '../helpers/retraining.ts';
import { startOnDiscord } from './discord-bot.ts';
import { afterwards, type RunningBotOptions, runBot, stateFolder } from './running-bot.ts';
import { startOnSlack } from './slack-bot.ts';

export type Who = 'admin' | 'another admin' | 'member';
export type Input = Readonly<Record<string, string | number | boolean>>;
/** An ordinary channel, one that the bot may not write in, one where it may post no files. */
export type Where = 'general' | 'closed' | 'without files';

export interface ChatOptions extends Pick<RunningBotOptions, 'readPhoto'> {
  readonly training: NonNullable<RunningBotOptions['training']>;
  readonly where?: Where;
}

/** A picture that the bot posted. */
export interface ChatPicture {
  readonly name: string;
  readonly altText: string | undefined;
  readonly bytes: Buffer;
}

/** A platform as the tests of /retrain use it. */
export interface Chat {
  retrain(who: Who, input: Input): void;
  /** Somebody posts a photo. */
  post(photo: Buffer): Promise<void>;
  /** What the bot says, to all or to one. */
  said(): string[] | Promise<string[]>;
  /** The pictures of what it says. */
  pictures(): ChatPicture[] | Promise<ChatPicture[]>;
  /**
   * Somebody deletes the bot's message that has these words.
   * @returns how often it has tried to change that message since
   */
  remove(words: string): () => number;
}

/** So that a test can post as many photos as it likes. */
const UNBOUNDED = { PERSON_PHOTOS_PER_MINUTE: '0', CHANNEL_PHOTOS_PER_MINUTE: '0' };

export async function onDiscord({ where, ...options }: ChatOptions): Promise<Chat> {
  let channel: ReturnType<Awaited<ReturnType<typeof startOnDiscord>>['discord']['addChannel']> | undefined;
  const { discord } = await startOnDiscord({
    ...options,
    environment: UNBOUNDED,
    before: (fake) => {
      if (where === 'closed') channel = fake.addChannel('closed', { denied: ['SendMessages'] });
      if (where === 'without files') channel = fake.addChannel('words', { denied: ['AttachFiles'] });
    },
  });
  const people = { admin: user('ann'), 'another admin': user('bob'), member: user('cid') };
  return {
    retrain(who, input) {
      const permissions = who === 'member' ? (['ManageMessages'] as const) : (['ManageGuild'] as const);
      discord.command('retrain', { by: people[who], permissions, input, ...(channel && { channel }) });
    },
    post: async (photo) => void discord.post({ author: people.member, files: [discord.file(photo)] }),
    // Discord takes an underscore for the start of italics: the bot writes a backslash before it.
    said: () => discord.said().map(({ content }) => content.replaceAll('\\', '')),
    pictures: () =>
      discord
        .said()
        .flatMap(({ files }) =>
          files.map(({ filename, description, bytes }) => ({ name: filename, altText: description, bytes: bytes! })),
        ),
    remove(words) {
      const message = discord.said().find(({ content }) => content.includes(words))!;
      discord.remove(message);
      const tries = () => discord.callsTo('PATCH', new RegExp(`/messages/${message.id}$`)).length;
      const before = tries();
      return () => tries() - before;
    },
  };
}

export async function onSlack({ where, ...options }: ChatOptions): Promise<Chat> {
  const { slack } = await startOnSlack({
    ...options,
    environment: UNBOUNDED,
    before: (fake) => {
      if (where === 'without files') fake.lacking.add('files:write');
    },
  });
  slack.users.set('UADMIN', { is_admin: true, profile: { display_name: 'Ann' } });
  slack.users.set('UADMIN2', { is_admin: true });
  const people = { admin: 'UADMIN', 'another admin': 'UADMIN2', member: 'U5' };
  return {
    retrain(who, { action, ...settings }) {
      const named = Object.entries(settings).map(([name, value]) => `${name}:${value}`);
      slack.command('/retrain', [action, ...named].join(' '), people[who], where === 'closed' ? 'C9' : 'C1');
    },
    post: async (photo) => void slack.post({ user: people.member, files: [slack.file(photo)] }),
    said: () => [...slack.said().map(({ text = '' }) => text), ...slack.responses.map(({ text }) => text)],
    pictures: () =>
      [...slack.uploads.values()].flatMap(({ filename, altText, bytes }) =>
        bytes ? [{ name: filename, altText, bytes }] : [],
      ),
    remove(words) {
      const message = slack.said().find(({ text }) => text.includes(words))!;
      slack.remove(message);
      const tries = () => slack.callsTo('chat.update').filter(({ body }) => body.ts === message.ts).length;
      const before = tries();
      return () => tries() - before;
    },
  };
}

/** The page on this machine, where everybody is its operator. */
export async function onPage(options: ChatOptions): Promise<Omit<Chat, 'remove'>> {
  const config = loadConfig({
    environment: { LOCAL_PORT: '0', LOCAL_MAX_PHOTOS: '100', SHUTDOWN_SECONDS: '5' },
    directory: stateFolder(),
  });
  const { bot } = await runBot(config, options);
  const origin = await openPage(bot.addresses.join());
  const shown = openTab(origin);
  const messages = () => [...shown.values()].filter(({ from }) => from === 'bot');
  return {
    retrain(_, { action, ...settings }) {
      const named = Object.entries(settings).map(([name, value]) => `${name}:${value}`);
      void say(origin, { text: ['/retrain', action, ...named].join(' ') });
    },
    async post(photo) {
      const headers = { ...pageHeaders(origin), 'content-type': 'application/octet-stream' };
      const answer = await fetch(`${origin}/api/files?name=photo.png`, { method: 'POST', headers, body: photo });
      const { id } = (await answer.json()) as { readonly id: string };
      await say(origin, { files: [{ upload: id }] });
    },
    said: () => messages().map(({ text }) => text),
    async pictures() {
      const files = messages().flatMap((message) => message.files);
      return await Promise.all(
        files.map(async ({ id, name, altText }) => {
          const bytes = Buffer.from(await (await load(`${origin}/api/files/${id}`)).arrayBuffer());
          return { name, altText, bytes };
        }),
      );
    },
  };
}

type TabEvent = ChannelEvent | { readonly type: 'all'; readonly messages: readonly MessageView[] };

/** The messages that a tab shows, by their ids, kept up to date until the test is over. */
function openTab(origin: string): ReadonlyMap<string, MessageView> {
  const shown = new Map<string, MessageView>();
  const tab = new AbortController();
  afterwards(() => tab.abort());
  const follow = async () => {
    const answer = await load(`${origin}/api/events`, { signal: tab.signal });
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks.filter((one) => one.startsWith('data: '))) {
        const event = JSON.parse(block.slice('data: '.length)) as TabEvent;
        if (event.type === 'removed') shown.delete(event.id);
        if (event.type === 'message') shown.set(event.message.id, event.message);
        if (event.type === 'all') for (const message of event.messages) shown.set(message.id, message);
      }
    }
  };
  follow().catch((error: unknown) => {
    if (!tab.signal.aborted) throw error;
  });
  return shown;
}

/** What /retrain works with on a small data set. */
export function trainingAt(site: Site) {
  const { retraining, registry } = openSite(site);
  return { retraining, registry, refresh: async () => {} };
}
