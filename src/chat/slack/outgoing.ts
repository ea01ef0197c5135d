import type { OutgoingPicture, Posted, Reply } from '../../../commands/request.ts';
import type { Desk } from './desk.ts';
import { unlessGone } from './errors.ts';
import { withSlashNames } from './names.ts';
import type { SlackMessage, Source } from './payloads.ts';
import { type RemoveState, removeButton, removeStateOf } from './remove-button.ts';

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
export async function send(desk: Desk, to: Destination, reply: Reply, removableFrom?: Source): Promise<Posted> {
  const pictures = reply.pictures ?? [];
  if (pictures.length === 0) return await sendText(desk, to, reply.text, removableFrom, []);
  const files = await upload(desk, to, reply.text, pictures);
  if (removableFrom === undefined) return uploaded(desk, to, files);
  const button = await sendText(desk, to, undefined, removableFrom, files);
  return { ...uploaded(desk, to, files, button.id), id: button.id };
}

async function sendText(
  desk: Desk,
  to: Destination,
  text: string | undefined,
  removableFrom: Source | undefined,
  files: readonly string[],
): Promise<Posted> {
  const { ts } = await desk.api.chat.postMessage({
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
        desk.api.chat.update({ channel: to.channel, ts: id, ...content(next.text, removableFrom, files) }),
      );
      if (kept && next.pictures?.length) await upload(desk, to, undefined, next.pictures);
      return kept;
    },
    remove: async () => {
      await unlessGone(() => desk.api.chat.delete({ channel: to.channel, ts: id }));
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
  desk: Desk,
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
  const result = await desk.api.filesUploadV2({
    ...place,
    ...(text !== undefined && { initial_comment: slackText(text) }),
    file_uploads: uploads,
  });
  return result.files.flatMap(({ files = [] }) => files.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

function uploaded(desk: Desk, to: Destination, files: readonly string[], button?: string): Posted {
  return {
    id: files[0] ?? '',
    update: async (next) => {
      const [message] = await messagesWith(desk, to, files);
      if (message?.ts === undefined) return false;
      const { ts } = message;
      return await unlessGone(() => desk.api.chat.update({ channel: to.channel, ts, text: slackText(next.text) }));
    },
    remove: () => takeBack(desk, to, files, button),
  };
}

/** Deletes an answer: the message that carries its files, the files themselves, the message with the button. */
export async function takeBack(
  desk: Desk,
  to: Destination,
  files: readonly string[],
  button: string | undefined,
): Promise<void> {
  const carriers = files.length > 0 ? await messagesWith(desk, to, files) : [];
  // The files first: they are what matters most, and they are gone for everybody then.
  for (const file of files) await unlessGone(() => desk.api.files.delete({ file }));
  const messages = [...carriers.map(({ ts }) => ts), button];
  for (const ts of messages) {
    if (ts !== undefined) await unlessGone(() => desk.api.chat.delete({ channel: to.channel, ts }));
  }
}

/** Removes every answer to a message that has been removed, those of an earlier run of the bot as well. */
export async function takeBackAnswersTo(desk: Desk, source: Source): Promise<void> {
  const to = { channel: source.channel, thread: source.thread };
  const answers: { readonly button: string; readonly state: RemoveState }[] = [];
  for await (const message of messagesAt(desk, to)) {
    const state = message.user === desk.me.userId ? removeStateOf(message) : undefined;
    if (state?.source === source.ts && message.ts !== undefined) answers.push({ button: message.ts, state });
  }
  for (const { button, state } of answers) await takeBack(desk, to, state.files, button);
}

async function messagesWith(desk: Desk, to: Destination, files: readonly string[]): Promise<SlackMessage[]> {
  const found: SlackMessage[] = [];
  for await (const message of messagesAt(desk, to)) {
    const carries = message.files?.some(({ id }) => id !== undefined && files.includes(id));
    if (carries && message.user === desk.me.userId) found.push(message);
  }
  return found;
}

/** The messages of a thread, oldest first, or of a channel, newest first; none where there is no such place. */
export async function* messagesAt(desk: Desk, { channel, thread }: Destination): AsyncGenerator<SlackMessage> {
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const more = { channel, limit: PAGE, ...(cursor !== undefined && { cursor }) };
    let answer: { readonly messages?: unknown[]; readonly response_metadata?: { readonly next_cursor?: string } };
    try {
      answer =
        thread === undefined
          ? await desk.api.conversations.history(more)
          : await desk.api.conversations.replies({ ...more, ts: thread });
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
