// Before everything else: see slack-bot.ts.
import 'discord.js';
import { afterEach, describe, expect, test } from 'vitest';
import type { MessageView } from '../../src/chat/local/message.ts';
import { loadConfig } from '../../src/config.ts';
import { snowflake } from '../fakes/discord/payloads.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { load, openPage, pageHeaders } from '../helpers/local-page.ts';
import { say } from '../helpers/main-process.ts';
import { until } from '../helpers/until.ts';
import { startOnDiscord } from './discord-bot.ts';
import { aWhile, cleanUp, type RunningBotOptions, runBot, stateFolder } from './running-bot.ts';
import { startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

/** A platform as this file uses it. */
interface Chat {
  /** Somebody posts a photo with these words, said to the bot. */
  post(words: string): Promise<void>;
  /** What the bot says, to all or to one. */
  said(): Promise<readonly string[]>;
}

async function onDiscord(options: RunningBotOptions): Promise<Chat> {
  const { discord } = await startOnDiscord(options);
  const { me } = discord;
  return {
    async post(words) {
      const files = [discord.file(await plainPicture(64, 48))];
      discord.post({ content: `<@${me.id}> ${words}`, mentions: [me], files });
    },
    said: async () => discord.said().map(({ content }) => content),
  };
}

async function onSlack(options: RunningBotOptions): Promise<Chat> {
  const { slack } = await startOnSlack(options);
  return {
    async post(words) {
      slack.post({ text: `<@${slack.me}> ${words}`, files: [slack.file(await plainPicture(64, 48))] });
    },
    // The commands are asked for first.
    said: async () => [...slack.ephemeral, ...slack.answers()].map(({ text = '' }) => text),
  };
}

async function onPage(options: RunningBotOptions): Promise<Chat> {
  const config = loadConfig({ environment: { LOCAL_PORT: '0' }, directory: stateFolder() });
  const { bot } = await runBot(config, options);
  const origin = await openPage(bot.addresses.join());
  return {
    async post(words) {
      const headers = { ...pageHeaders(origin), 'content-type': 'application/octet-stream' };
      const body = await plainPicture(64, 48);
      const answer = await fetch(`${origin}/api/files?name=photo.png`, { method: 'POST', headers, body });
      const { id } = (await answer.json()) as { readonly id: string };
      await say(origin, { text: words, files: [{ upload: id }] });
    },
    async said() {
      const { body } = await load(`${origin}/api/events`);
      let text = '';
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const [first, rest] = text.split('\n\n');
        if (rest === undefined) continue;
        const { messages } = JSON.parse(first!.slice(first!.indexOf('{'))) as { readonly messages: MessageView[] };
        return messages.filter(({ from }) => from === 'bot').map((message) => message.text);
      }
      return [];
    },
  };
}

describe.each([
  ['Discord', onDiscord],
  ['Slack', onSlack],
  ['the page', onPage],
])('a photo that comes with words, on %s', (_, connect) => {
  test('is left alone where they are a command; it is read where they are /emotions, or speak of it', async () => {
    let read = 0;
    const reader = fakePhotoReader();
    const chat = await connect({
      readPhoto: async (bytes, signal) => {
        read += 1;
        return await reader(bytes, signal);
      },
      environment: { PERSON_PHOTOS_PER_MINUTE: '0' },
    });
    /** What is said to these words. */
    const ask = async (words: string, answer: string) => {
      const before = (await chat.said()).length;
      await chat.post(words);
      const said = await until(async () => {
        const now = await chat.said();
        return now.length > before && now;
      }, `an answer to ‘${words}’`);
      expect(said.slice(before)).toEqual([expect.stringContaining(answer)]);
    };
    await ask('/privacy', 'What I keep');
    await ask('/help emotions', 'The picture to read');
    await ask('/privcy', 'Did you mean /privacy?');
    await ask('/emotions now', '‘now’');
    expect(read).toBe(0);
    await ask('/emotions', '2 people');
    await ask('privacy, please', '2 people');
    await ask('help', '2 people');
    expect(read).toBe(3);
  });
});

describe('a photo that an edit adds to a command runs nothing again, and is read once somebody asks for it', () => {
  test('on Discord', async () => {
    const { discord } = await startOnDiscord();
    const { me } = discord;
    const post = discord.post({ content: `<@${me.id}> /help`, mentions: [me] });
    await until(() => discord.said().length === 1, 'the help');
    const added = { ...discord.file(await plainPicture(64, 48)), id: snowflake(Date.now() + 10_000) };
    const changed = discord.edit(post, { files: [added] });
    await aWhile();
    expect(discord.said()).toHaveLength(1);
    discord.menu(changed);
    await until(() => discord.said()[1]?.files.length === 1, 'the reading');
  });

  test('on Slack', async () => {
    const { slack } = await startOnSlack();
    const post = slack.post({ text: `<@${slack.me}> /emotions-help` });
    await until(() => slack.ephemeral.length === 1, 'the help');
    const before = { ...post };
    post.files = [slack.file(await plainPicture(64, 48))];
    const { channel } = post;
    slack.event({ type: 'message', subtype: 'message_changed', channel, message: post, previous_message: before });
    await aWhile();
    expect([slack.ephemeral.length, slack.answers()]).toEqual([1, []]);
    slack.shortcut('read_emotions', post);
    await until(() => slack.answers().length === 1, 'the reading');
  });
});
