import type { OutgoingPicture, Posted, Reply } from '../../../commands/request.ts';
import { unlessGone } from './api.ts';
import type { SlackMessage, Source } from './attachment.ts';
import type { SlackContext } from './context.ts';

/** What the app is called by in Slack; slack-manifest.yaml says the same to Slack. */

/** Callback id of the message shortcut. */
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
export function withSlashNames(text: string): string {
  return text.replaceAll(/(?<![\w/])\/help\b/g, slashName('help'));
}

/** All that removing an answer takes. It stands in the button itself, so that a restart of the bot forgets nothing. */
export interface RemoveState {
  /** Who posted the picture. */
  readonly by: string;
  /** The message that the picture was posted in, and the one that its thread hangs from. */
  readonly source: string;
  readonly thread: string;
  /** The files of the answer. */
  readonly files: readonly string[];
}

/** The button under an answer. */
export function removeButton(source: Source, files: readonly string[]) {
  const state: RemoveState = { by: source.poster ?? '', source: source.ts, thread: source.thread, files };
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

/** @returns undefined for anything that is not the value of such a button */
export function parseRemoveState(value: unknown): RemoveState | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const { by, source, thread, files } = JSON.parse(value);
    const isState = [by, source, thread, ...files].every((part) => typeof part === 'string');
    return isState ? { by, source, thread, files } : undefined;
  } catch {
    return undefined;
  }
}

/** The state of the button that a message has, if it has one. */
export function removeStateOf(message: SlackMessage): RemoveState | undefined {
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

/** Where a message goes. */
export interface Destination {
  readonly channel: string;
  readonly thread?: string;
}

/** The bot's words for Slack: three characters are markup there, mentions and links included, and nothing else can ping. */
export function slackText(text: string): string {
  return withSlashNames(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Sends a reply: pictures and text as an upload, a Remove button as a message of its own below, since Slack shows no
 * buttons in uploads.
 * @param removableFrom the posted picture that this answers, where its poster may remove it
 */
export async function send(
  context: SlackContext,
  to: Destination,
  reply: Reply,
  removableFrom?: Source,
): Promise<Posted> {
  const pictures = reply.pictures ?? [];
  if (pictures.length === 0) return await sendText(context, to, reply.text, removableFrom, []);
  const files = await upload(context, to, reply.text, pictures);
  if (removableFrom === undefined) return uploaded(context, to, files);
  const button = await sendText(context, to, undefined, removableFrom, files);
  return { ...uploaded(context, to, files, button.id), id: button.id };
}

async function sendText(
  context: SlackContext,
  to: Destination,
  text: string | undefined,
  removableFrom: Source | undefined,
  files: readonly string[],
): Promise<Posted> {
  const { ts } = await context.api.chat.postMessage({
    channel: to.channel,
    ...(to.thread !== undefined && { thread_ts: to.thread }),
    ...content(text, removableFrom, files),
    unfurl_links: false,
    unfurl_media: false,
  });
  const id = ts ?? '';
  return {
    id,
    update: async (next) => {
      const kept = await unlessGone(() =>
        context.api.chat.update({ channel: to.channel, ts: id, ...content(next.text, removableFrom, files) }),
      );
      if (kept && next.pictures?.length) await upload(context, to, undefined, next.pictures);
      return kept;
    },
    remove: async () => {
      await unlessGone(() => context.api.chat.delete({ channel: to.channel, ts: id }));
    },
  };
}

function content(text: string | undefined, removableFrom: Source | undefined, files: readonly string[]) {
  const words = slackText(text ?? 'Remove this answer');
  if (removableFrom === undefined) return { text: words, mrkdwn: false };
  const sections = (text === undefined ? [] : inPieces(withSlashNames(text))).map((piece) => ({
    type: 'section' as const,
    text: { type: 'plain_text' as const, text: piece, emoji: false },
  }));
  return { text: words, blocks: [...sections, removeButton(removableFrom, files)] };
}

function inPieces(text: string): string[] {
  return Array.from({ length: Math.ceil(text.length / MAX_BLOCK) }, (_, k) =>
    text.slice(k * MAX_BLOCK, (k + 1) * MAX_BLOCK),
  );
}

/** @returns the ids of the files */
async function upload(
  context: SlackContext,
  to: Destination,
  text: string | undefined,
  pictures: readonly OutgoingPicture[],
): Promise<string[]> {
  const uploads = pictures.map(({ bytes, name, altText }) => ({
    file: Buffer.from(bytes),
    filename: name,
    title: name,
    alt_text: altText,
  }));
  const place = to.thread === undefined ? { channel_id: to.channel } : { channel_id: to.channel, thread_ts: to.thread };
  const result = await context.api.filesUploadV2({
    ...place,
    ...(text !== undefined && { initial_comment: slackText(text) }),
    file_uploads: uploads,
  });
  return result.files.flatMap(({ files = [] }) => files.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

function uploaded(context: SlackContext, to: Destination, files: readonly string[], button?: string): Posted {
  return {
    id: files[0] ?? '',
    update: async (next) => {
      const [message] = await messagesWith(context, to, files);
      if (message?.ts === undefined) return false;
      const { ts } = message;
      return await unlessGone(() => context.api.chat.update({ channel: to.channel, ts, text: slackText(next.text) }));
    },
    remove: () => takeBack(context, to, files, button),
  };
}

/** Deletes an answer: the message that carries its files, the files themselves, the message with the button. */
export async function takeBack(
  context: SlackContext,
  to: Destination,
  files: readonly string[],
  button: string | undefined,
): Promise<void> {
  const carriers = files.length > 0 ? await messagesWith(context, to, files) : [];
  // The files first: they are what matters most, and they are gone for everybody then.
  for (const file of files) await unlessGone(() => context.api.files.delete({ file }));
  const messages = [...carriers.map(({ ts }) => ts), button];
  for (const ts of messages) {
    if (ts !== undefined) await unlessGone(() => context.api.chat.delete({ channel: to.channel, ts }));
  }
}

/** Removes every answer to a message that has been removed, those of an earlier run of the bot as well. */
export async function takeBackAnswersTo(context: SlackContext, source: Source): Promise<void> {
  const to = { channel: source.channel, thread: source.thread };
  const answers: { readonly button: string; readonly state: RemoveState }[] = [];
  for await (const message of messagesAt(context, to)) {
    const state = message.user === context.me.userId ? removeStateOf(message) : undefined;
    if (state?.source === source.ts && message.ts !== undefined) answers.push({ button: message.ts, state });
  }
  for (const { button, state } of answers) await takeBack(context, to, state.files, button);
}

async function messagesWith(context: SlackContext, to: Destination, files: readonly string[]): Promise<SlackMessage[]> {
  const found: SlackMessage[] = [];
  for await (const message of messagesAt(context, to)) {
    const carries = message.files?.some(({ id }) => id !== undefined && files.includes(id));
    if (carries && message.user === context.me.userId) found.push(message);
  }
  return found;
}

/** The messages of a thread, oldest first, or of a channel, newest first; none where there is no such place. */
export async function* messagesAt(
  context: SlackContext,
  { channel, thread }: Destination,
): AsyncGenerator<SlackMessage> {
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const more = { channel, limit: PAGE, ...(cursor !== undefined && { cursor }) };
    let answer: { readonly messages?: unknown[]; readonly response_metadata?: { readonly next_cursor?: string } };
    try {
      answer =
        thread === undefined
          ? await context.api.conversations.history(more)
          : await context.api.conversations.replies({ ...more, ts: thread });
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
