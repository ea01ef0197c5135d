import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { z } from 'zod';
import type { Posted, Reply } from '../../../commands/request.ts';
import type { PictureSource, SlackMessage, Source } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { inWords, rateLimitOf, slackCode, unlessGone } from './errors.ts';
import type { Destination } from './uploads.ts';

/** Callback id of the message shortcut; slack-manifest.yaml says the same to Slack. */
export const READ_EMOTIONS = 'read_emotions';
/** Action id of the Remove button. */
export const REMOVE = 'remove_reply';

/**
 * The slash command of a command. Slack does not tell apps' commands apart: of two with one name only the last installed
 * is called, so that a name as common as 'help' would take another app's place.
 */
export function slashName(command: string): string {
  return command === 'help' ? '/emotions-help' : `/${command}`;
}

/** The bot's own words with its commands as they are called in Slack. */
function withSlashNames(text: string): string {
  return text.replaceAll(/(?<![\w/])\/help\b/g, slashName('help'));
}

/** All that removing an answer takes. It stands in the button itself, so that a restart of the bot forgets nothing. */
export interface RemoveState {
  /** Who posted the picture, and who put it on Slack first. */
  readonly by: string;
  readonly owner?: string;
  /** The message that the picture was posted in, and the one that its thread hangs from. */
  readonly source: string;
  readonly thread: string;
  /** The picture's file. Absent in answers of an early version, whose buttons all stand apart. */
  readonly picture?: string;
  /** The files of the answer. */
  readonly files: readonly string[];
  /** True where they stand in a message of their own above the button's. */
  readonly apart?: boolean;
}

/** The button under an answer. */
function removeButton(source: PictureSource, files: readonly string[], apart: boolean) {
  const state: RemoveState = {
    by: source.poster ?? '',
    ...(source.owner !== undefined && source.owner !== source.poster && { owner: source.owner }),
    source: source.ts,
    thread: source.thread,
    picture: source.picture,
    files,
    ...(apart && { apart }),
  };
  return {
    type: 'actions' as const,
    elements: [
      {
        type: 'button' as const,
        action_id: REMOVE,
        text: { type: 'plain_text' as const, text: 'Remove' },
        value: JSON.stringify(state),
      },
    ],
  };
}

const removeState: z.ZodType<RemoveState> = z.object({
  by: z.string(),
  owner: z.string().exactOptional(),
  source: z.string(),
  thread: z.string(),
  picture: z.string().exactOptional(),
  files: z.array(z.string()),
  apart: z.boolean().exactOptional(),
});

/** @returns undefined for anything that is not the value of such a button */
export function parseRemoveState(value: unknown): RemoveState | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const state = removeState.safeParse(JSON.parse(value)).data;
    return state && { ...state, apart: state.apart ?? state.picture === undefined };
  } catch {
    return undefined;
  }
}

/** The state of the button that a message has, if it has one. */
function removeStateOf(message: SlackMessage): RemoveState | undefined {
  for (const block of message.blocks ?? []) {
    const { elements } = block as { readonly elements?: readonly { action_id?: string; value?: string }[] };
    const button = Array.isArray(elements) && elements.find((element) => element?.action_id === REMOVE);
    if (button) return parseRemoveState(button.value);
  }
  return undefined;
}

/** Characters that one block of text may have. */
const MAX_BLOCK = 3000;
/** Pages of a thread or channel that are looked through, and messages a page. */
const MAX_PAGES = 5;
const PAGE = 200;
/** Tries to find the answers to a removed message, where Slack says to wait. */
const MAX_LOOKS = 4;

/** The bot's words for Slack: three characters are markup there, mentions and links included, and nothing else can ping. */
export function slackText(text: string): string {
  return withSlashNames(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Sends a reply as one message. Where Slack refuses an upload with blocks, the Remove button is a message of its own below.
 * @param removableFrom the posted picture that this answers, where its poster may remove it
 */
export async function send(
  context: SlackContext,
  to: Destination,
  reply: Reply,
  removableFrom?: PictureSource,
): Promise<Posted> {
  const { uploads } = context;
  const pictures = reply.pictures ?? [];
  if (pictures.length === 0) return await sendText(context, to, reply.text, removableFrom);
  const files = await uploads.upload(pictures);
  if (removableFrom !== undefined) {
    try {
      const { blocks } = content(reply.text, removableFrom, files);
      await uploads.share(to, files, { blocks });
      return uploaded(context, to, files, removableFrom);
    } catch (error) {
      // What can be put right would stand in the way of words as well.
      if (slackCode(error) === undefined || inWords(error, context.me.name) !== error) throw error;
      context.log.info({ platform: 'slack', code: slackCode(error) }, 'Slack takes no blocks in an upload');
    }
  }
  await uploads.share(to, files, { initial_comment: slackText(reply.text) });
  if (removableFrom === undefined) return uploaded(context, to, files);
  const { id } = await sendText(context, to, undefined, removableFrom, files);
  return { ...uploaded(context, to, files), remove: () => takeBack(context, to.channel, { files, apart: true }, id) };
}

/** @param apart the files above a message that holds nothing but their Remove button */
async function sendText(
  context: SlackContext,
  to: Destination,
  text: string | undefined,
  removableFrom: PictureSource | undefined,
  apart: readonly string[] = [],
): Promise<Posted> {
  const { ts } = await context.api.chat.postMessage({
    channel: to.channel,
    ...(to.thread !== undefined && { thread_ts: to.thread }),
    ...(removableFrom ? content(text, removableFrom, apart) : plain(text)),
    unfurl_links: false,
    unfurl_media: false,
  });
  const id = ts ?? '';
  return {
    id,
    update: async (next) => {
      const words = removableFrom ? content(next.text, removableFrom, []) : plain(next.text);
      const kept = await unlessGone(() => context.api.chat.update({ channel: to.channel, ts: id, ...words }));
      if (kept && next.pictures?.length) {
        await context.uploads.share(to, await context.uploads.upload(next.pictures), {});
      }
      return kept;
    },
    remove: () => takeBack(context, to.channel, { files: [] }, id),
  };
}

function plain(text = '') {
  return { text: slackText(text), mrkdwn: false };
}

/** Words and the Remove button; without words, the button of files in a message apart. */
function content(text: string | undefined, removableFrom: PictureSource, files: readonly string[]) {
  const sections = (text === undefined ? [] : inPieces(withSlashNames(text))).map((piece) => ({
    type: 'section' as const,
    text: { type: 'plain_text' as const, text: piece, emoji: false },
  }));
  return {
    text: slackText(text ?? 'Remove this answer'),
    blocks: [...sections, removeButton(removableFrom, files, text === undefined)],
  };
}

function inPieces(text: string): string[] {
  return Array.from({ length: Math.ceil(text.length / MAX_BLOCK) }, (_, k) =>
    text.slice(k * MAX_BLOCK, (k + 1) * MAX_BLOCK),
  );
}

function uploaded(
  context: SlackContext,
  { channel }: Destination,
  files: readonly string[],
  removableFrom?: PictureSource,
): Posted {
  return {
    id: files[0] ?? '',
    update: async ({ text }) => {
      const ts = await context.uploads.messageOf(channel, files);
      if (ts === undefined) return false;
      const words = removableFrom ? content(text, removableFrom, files) : plain(text);
      return await unlessGone(() => context.api.chat.update({ channel, ts, ...words }));
    },
    remove: () => takeBack(context, channel, { files }),
  };
}

/**
 * Deletes an answer: its files, the message that they stand in, and where that is another one, the message with the button.
 * @param ts the message with the button, where it is known
 */
export async function takeBack(
  context: SlackContext,
  channel: string,
  { files, apart = false }: Pick<RemoveState, 'files' | 'apart'>,
  ts?: string,
): Promise<void> {
  const carrier = ts === undefined || apart ? await context.uploads.messageOf(channel, files) : undefined;
  // The files first: they are what matters most, and they are gone for everybody then.
  for (const file of files) await unlessGone(() => context.api.files.delete({ file }));
  for (const message of [carrier, ts]) {
    if (message !== undefined) await unlessGone(() => context.api.chat.delete({ channel, ts: message }));
  }
}

/**
 * Removes the answers to a message that has been removed, or to some of its pictures, where an earlier run of the bot gave
 * them: their buttons name what they are about.
 * @param isLost by the picture's file, undefined where the button does not name one
 */
export async function takeBackAnswersTo(
  context: SlackContext,
  source: Source,
  isLost: (picture: string | undefined) => boolean,
): Promise<void> {
  const { channel, thread } = source;
  const answers: { readonly ts: string; readonly state: RemoveState }[] = [];
  await waitingForTurns(async () => {
    answers.length = 0;
    // They come right after what they answer.
    for await (const message of messagesAt(context, { channel, thread }, { oldest: source.ts, pages: 1 })) {
      const state = message.user === context.me.userId ? removeStateOf(message) : undefined;
      if (state?.source !== source.ts || message.ts === undefined || !isLost(state.picture)) continue;
      answers.push({ ts: message.ts, state });
    }
  });
  for (const { ts, state } of answers) await takeBack(context, channel, state, ts);
}

/** Nothing that a person waits for: whenever Slack says to wait, it is tried again after that. */
async function waitingForTurns(look: () => Promise<void>): Promise<void> {
  await pRetry(look, {
    retries: MAX_LOOKS - 1,
    minTimeout: 0,
    shouldRetry: ({ error }) => rateLimitOf(error) !== undefined,
    onFailedAttempt: async ({ error }) => {
      const seconds = rateLimitOf(error);
      if (seconds !== undefined) await delay(seconds * 1000);
    },
  });
}

/**
 * The messages of a thread, oldest first, or of a channel, newest first; none where there is no such place.
 * @param from.oldest none before this one
 */
export async function* messagesAt(
  context: SlackContext,
  { channel, thread }: Destination,
  { oldest, pages = MAX_PAGES }: { readonly oldest?: string; readonly pages?: number } = {},
): AsyncGenerator<SlackMessage> {
  let cursor: string | undefined;
  for (let page = 0; page < pages; page++) {
    const more = {
      channel,
      limit: PAGE,
      ...(oldest !== undefined && { oldest }),
      ...(cursor !== undefined && { cursor }),
    };
    let answer: { readonly messages?: unknown[]; readonly response_metadata?: { readonly next_cursor?: string } };
    try {
      answer =
        thread === undefined
          ? await context.lookBack.conversations.history(more)
          : await context.lookBack.conversations.replies({ ...more, ts: thread });
    } catch (error) {
      // A thread without replies is gone with its first message.
      if (thread !== undefined && error instanceof Error && /thread_not_found|message_not_found/.test(error.message))
        return;
      throw error;
    }
    yield* (answer.messages ?? []) as SlackMessage[];
    cursor = answer.response_metadata?.next_cursor || undefined;
    if (cursor === undefined) return;
  }
}
