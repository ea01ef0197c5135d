import { isDeepStrictEqual } from 'node:util';
import type { Posted, Reply } from '../../../commands/request.ts';
import { inPieces } from '../split-text.ts';
import { untilDone } from '../until-done.ts';
import { lettersOf } from '../was-it-right.ts';
import type { PictureSource, SlackMessage } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { explainSlackError, isOutOfReach, slackCode, unlessGone } from './errors.ts';
import { findPosted } from './messages-at.ts';
import type { Holders } from './people.ts';
import { postOnce } from './post-once.ts';
import { holdersOf, type RemoveState, removeButton, removeStateOf } from './remove-button.ts';
import type { Destination } from './uploads.ts';
import { rightButtons } from './was-it-right-buttons.ts';

/** Callback id of the message shortcut; slack-manifest.yaml has the same. */
export const READ_EMOTIONS = 'read_emotions';
/**
 * The slash command for a command. If two apps have a slash command of the same name, Slack calls only the app that was
 * installed last. So a name as common as 'help' would replace another app's command.
 */
export function slashName(command: string): string {
  return command === 'help' ? '/emotions-help' : `/${command}`;
}

/** A text of the bot's with its commands named as they are in Slack. */
function withSlashNames(text: string): string {
  return text.replaceAll(/(?<![\w/])\/help\b/g, slashName('help'));
}

/** How many characters one block of text may have. Slack folds long ones behind 'See more'. */
const MAX_BLOCK = 3000;
/** A text of the bot's, escaped for Slack. Mentions, links and other markup need one of these three characters, so nobody can be pinged. */
export function slackText(text: string): string {
  return withSlashNames(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Sends a reply as one message. If Slack refuses an upload with blocks, the Remove button follows in a message of its own.
 * @param removable for a reply with a Remove button: the posted picture that it answers, and the id of the person who asked
 */
export async function send(
  context: SlackContext,
  to: Destination,
  reply: Reply,
  removable?: { readonly source: PictureSource; readonly asker: string },
): Promise<Posted> {
  const { uploads } = context;
  const pictures = reply.pictures ?? [];
  const buttons = removable && {
    source: removable.source,
    whose: holdersOf(removable.source, removable.asker),
    letters: lettersOf(reply),
  };
  if (pictures.length === 0) return await sendText(context, to, reply.text, buttons);
  const files = await uploads.upload(pictures);
  if (buttons !== undefined) {
    try {
      const { blocks } = content(reply.text, buttons, files);
      await uploads.share(to, files, { blocks });
      return uploaded(context, to, files, buttons);
    } catch (error) {
      // An error that a person must put right would stop a message without blocks too.
      if (slackCode(error) === undefined || isOutOfReach(error) || explainSlackError(error, context.me.name) !== error)
        throw error;
      context.log.info({ platform: 'slack', code: slackCode(error) }, 'Slack takes no blocks in an upload');
    }
  }
  await uploads.share(to, files, { initial_comment: slackText(reply.text) });
  if (buttons === undefined) return uploaded(context, to, files);
  const { id } = await sendText(context, to, undefined, buttons, files);
  return {
    ...uploaded(context, to, files),
    remove: () => takeBackSurely(context, to.channel, { files, apart: true }, id),
  };
}

/** @param apart ids of the files in the message above, where this one holds only their Remove button */
async function sendText(
  context: SlackContext,
  to: Destination,
  text: string | undefined,
  buttons: Buttons | undefined,
  apart: readonly string[] = [],
): Promise<Posted> {
  const words = buttons ? content(text, buttons, apart) : plain(text);
  const since = Date.now();
  let posted: { readonly ts?: string | undefined } | undefined;
  await postOnce(
    async () => {
      posted = await context.posting.chat.postMessage({
        channel: to.channel,
        ...(to.thread !== undefined && { thread_ts: to.thread }),
        ...words,
        unfurl_links: false,
        unfurl_media: false,
      });
    },
    async () => {
      posted = await findPosted(context, to, since, (message) => isSame(message, words));
      return posted !== undefined;
    },
  );
  const id = posted?.ts ?? '';
  return {
    id,
    update: async (next) => {
      const words = buttons ? content(next.text, withLetters(buttons, next), []) : plain(next.text);
      const kept = await unlessGone(() => context.api.chat.update({ channel: to.channel, ts: id, ...words }));
      if (kept && next.pictures?.length) {
        await context.uploads.share(to, await context.uploads.upload(next.pictures), {});
      }
      return kept;
    },
    remove: () => takeBackSurely(context, to.channel, { files: [] }, id),
  };
}

/**
 * Whether a message equals the one that the bot wants to post. If it has a Remove button, the data of the button decides, else the text.
 */
function isSame(message: SlackMessage, words: ReturnType<typeof content> | ReturnType<typeof plain>): boolean {
  const state = removeStateOf(message);
  if (!('blocks' in words)) return state === undefined && message.text === words.text;
  return state !== undefined && isDeepStrictEqual(state, removeStateOf(words));
}

function plain(text = '') {
  return { text: slackText(text), mrkdwn: false };
}

/** The data of the buttons under an answer: the posted picture, whose answer it is, and the faces that can be judged. */
interface Buttons {
  readonly source: PictureSource;
  readonly whose: Holders;
  readonly letters: string | undefined;
}

function withLetters(buttons: Buttons, next: Reply): Buttons {
  return { ...buttons, letters: lettersOf(next) };
}

/** The content of a message with text and buttons. Without text, it is the message that holds only the buttons of files above. */
function content(text: string | undefined, { source, whose, letters }: Buttons, files: readonly string[]) {
  const sections = (text === undefined ? [] : inPieces(withSlashNames(text), MAX_BLOCK)).map((piece) => ({
    type: 'section' as const,
    text: { type: 'plain_text' as const, text: piece, emoji: false },
  }));
  return {
    text: slackText(text ?? 'Remove this answer'),
    blocks: [
      ...sections,
      {
        type: 'actions' as const,
        elements: [
          removeButton(source, whose, files, text === undefined),
          ...(letters ? rightButtons(whose, letters) : []),
        ],
      },
    ],
  };
}

function uploaded(
  context: SlackContext,
  { channel }: Destination,
  files: readonly string[],
  buttons?: Buttons,
): Posted {
  return {
    id: files[0] ?? '',
    update: async (next) => {
      const ts = await context.uploads.messageOf(channel, files);
      if (ts === undefined) return false;
      const words = buttons ? content(next.text, withLetters(buttons, next), files) : plain(next.text);
      return await unlessGone(() => context.api.chat.update({ channel, ts, ...words }));
    },
    remove: () => takeBackSurely(context, channel, { files }),
  };
}

/**
 * Deletes an answer: its files, the message that they are in, and the message with the button if that is another one.
 * @param ts the message with the button, where it is known
 */
export async function takeBack(
  context: SlackContext,
  channel: string,
  { files, apart = false }: Pick<RemoveState, 'files' | 'apart'>,
  ts?: string,
): Promise<void> {
  const carrier = ts === undefined || apart ? await context.uploads.messageOf(channel, files) : undefined;
  // The files are deleted first: they matter most, and are gone for everybody then.
  for (const file of files) await unlessGone(() => context.api.files.delete({ file }));
  for (const message of [carrier, ts]) {
    if (message !== undefined) await unlessGone(() => context.api.chat.delete({ channel, ts: message }));
  }
}

/** Like `takeBack`; while Slack cannot be reached it is tried again. Not for a person who waits for it. */
export async function takeBackSurely(...answer: Parameters<typeof takeBack>): Promise<void> {
  await untilDone(() => takeBack(...answer), isOutOfReach);
}
