import type { Attachment } from '../../../commands/request.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import { downloadAttachment, HostRefused } from '../download.ts';
import { fileKind } from '../file-kind.ts';
import type { SlackContext } from './context.ts';
import { inSlackWords } from './errors.ts';

/** The parts of Slack's payloads that the bot looks at. All of it comes from outside: every field may be missing. */

export interface SlackFile {
  readonly id?: string;
  readonly name?: string | null;
  readonly mimetype?: string;
  readonly size?: number;
  readonly mode?: string;
  readonly url_private?: string;
  /** 'check_file_info' where a file of another workspace must be asked for: nothing else is known of it then. */
  readonly file_access?: string;
  /** Who put it on Slack, whoever shares it later. */
  readonly user?: string;
  /** True for a file of a message that another one forwards; not Slack's own word. */
  readonly isForwarded?: boolean;
  /** Who posted that message, where Slack says so; not Slack's own word. */
  readonly forwardedFrom?: string;
  /** Why Slack does not say what it is and whose; not Slack's own word. */
  readonly untold?: UserError;
}

/** A message that is shown inside of another one: forwarded, or only linked to. */
interface SharedMessage {
  readonly is_share?: boolean;
  readonly author_id?: string;
  readonly files?: readonly SlackFile[];
}

export interface SlackMessage {
  readonly subtype?: string;
  readonly user?: string;
  readonly bot_id?: string;
  readonly text?: string;
  readonly ts?: string;
  readonly thread_ts?: string;
  readonly files?: readonly SlackFile[];
  readonly attachments?: readonly SharedMessage[];
  readonly blocks?: readonly unknown[];
}

/** A message event: something posted, changed or deleted. */
export interface MessageEvent extends SlackMessage {
  readonly channel: string;
  readonly channel_type?: string;
  readonly deleted_ts?: string;
  readonly message?: SlackMessage | null;
  readonly previous_message?: SlackMessage | null;
}

/** A file that may be a picture. */
export type SlackPicture = SlackFile & { readonly id: string };

/** Where a message is. */
export interface Source {
  readonly channel: string;
  /** The message's id in its channel. */
  readonly ts: string;
  /** The message that its thread hangs from: itself unless it is a reply. */
  readonly thread: string;
  /** Who posted it. */
  readonly poster?: string;
}

/** Where a posted picture is. */
export interface PictureSource extends Source {
  /** The picture's file. */
  readonly picture: string;
  /** Who put it on Slack first. */
  readonly owner?: string;
}

/** Where a message is. */
export function sourceOf(channel: string, message: SlackMessage): Source | undefined {
  if (message.ts === undefined) return undefined;
  return {
    channel,
    ts: message.ts,
    thread: message.thread_ts ?? message.ts,
    ...(message.user !== undefined && { poster: message.user }),
  };
}

/** A message's files, those of messages that it forwards too. */
export function filesOf({ files, attachments }: SlackMessage): SlackFile[] {
  const forwarded = present(attachments)
    .filter(({ is_share }) => is_share)
    .flatMap(({ author_id: author, files: theirs }) =>
      present(theirs).map((file) => ({
        ...file,
        // A file of another workspace has a user without a name.
        ...(author && { user: file.user || author, forwardedFrom: author }),
        isForwarded: true,
      })),
    );
  return [...present(files), ...forwarded];
}

/** What is in a list; nothing where an event has `null` in the list's place, and none of those in it. */
function present<Item extends object>(list: readonly Item[] | null | undefined): Item[] {
  return (list ?? []).filter((item: Item | null) => item !== null);
}

/** A message's pictures, by what it says of them, and files that Slack must be asked about; their bytes decide later. */
export function picturesOf(message: SlackMessage): SlackPicture[] {
  const pictures = filesOf(message).flatMap((file) =>
    file.id !== undefined && file.mode !== 'tombstone' && (isPicture(file) || isStub(file))
      ? [{ ...file, id: file.id }]
      : [],
  );
  return pictures.filter(({ id }, k) => pictures.findIndex((other) => other.id === id) === k);
}

/** Slack knows few kinds of pictures: others come as a stream of bytes, with their name. */
function isPicture({ mimetype, name }: SlackFile): boolean {
  return fileKind(mimetype, name) === 'a picture';
}

function isStub({ file_access: access }: SlackFile): boolean {
  return access === 'check_file_info';
}

/**
 * A message's pictures, each as Slack describes it when asked: a file of another workspace comes as a stub that does
 * not say what it is. Left out is what turns out to be no picture, and what the bot drew itself: that is a copy of a
 * photo whose poster the file does not name.
 * @param asked whether somebody wants them read. Then a stub that Slack tells nothing of stays, and loading it says
 *   why. It is not asked about again: whose it is would not be looked at any more
 */
export async function knownPicturesOf(
  message: SlackMessage,
  context: SlackContext,
  asked: boolean,
): Promise<SlackPicture[]> {
  const { me } = context;
  const known = await Promise.all(
    picturesOf(message).map(async (picture) => {
      if (!isStub(picture)) return [picture];
      try {
        const file = { ...picture, ...(await ask(picture.id, context)), id: picture.id };
        return isPicture(file) ? [file] : [];
      } catch (error) {
        if (asked) return [{ ...picture, untold: inUserWords(error) }];
        context.log.info({ platform: 'slack', err: error }, 'Slack does not say what a file is; nobody asked for it');
        return [];
      }
    }),
  );
  return known.flat().filter(({ user }) => (user || message.user) !== me.userId);
}

/**
 * Where Slack keeps files: the first redirects to the second for an Enterprise organisation. The others are the same for
 * its customers in government.
 */
const FILE_ORIGINS = [
  'files.slack.com',
  'files-origin.slack.com',
  'files.slack-gov.com',
  'files-origin.slack-gov.com',
].map((host) => `https://${host}`);
/** Milliseconds for loading one file. */
const LOAD_MS = 30_000;

const sources = new WeakMap<Attachment, PictureSource>();

/** Where a picture was posted. */
export function sourceOfPicture(attachment: Attachment | undefined): PictureSource | undefined {
  return attachment && sources.get(attachment);
}

/** A message's id, unique in the workspace. */
export function messageKey(channel: string, ts: string): string {
  return `${channel}:${ts}`;
}

/** The message that a picture was posted in, by its id. */
export function messageOf(picture: Attachment): string | undefined {
  const source = sources.get(picture);
  return source && messageKey(source.channel, source.ts);
}

/** Pictures of a message. */
export function toAttachments(
  channel: string,
  message: SlackMessage,
  pictures: readonly SlackPicture[],
  context: SlackContext,
): Attachment[] {
  const source = sourceOf(channel, message);
  if (source === undefined) return [];
  return pictures.map((file) => {
    const attachment: Attachment = {
      id: file.id,
      name: file.name ?? 'picture',
      ...(file.url_private !== undefined && file.size !== undefined && { size: file.size }),
      ...(message.user !== undefined && { postedBy: message.user }),
      ...(file.user && { firstPostedBy: file.user }),
      ...(file.forwardedFrom && { forwardedFrom: file.forwardedFrom }),
      ...(file.isForwarded && !file.user && { posterHidden: true }),
      fetch: (options) => load(file, context, options),
    };
    sources.set(attachment, { ...source, picture: file.id, ...(file.user && { owner: file.user }) });
    return attachment;
  });
}

async function load(
  file: SlackPicture,
  context: SlackContext,
  { maxBytes, signal }: Parameters<Attachment['fetch']>[0],
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  if (file.untold) throw file.untold;
  const { url_private: url, size = 0 } = file.url_private ? file : await ask(file.id, context);
  if (url === undefined) throw new UserError('not-found', 'Slack does not give me that picture. Post it again.');
  if (size > maxBytes) throw tooLarge(maxBytes);
  const allowedOrigins = [...FILE_ORIGINS, ...(context.config.internal.fileOrigins ?? [])];
  try {
    const bytes = await downloadAttachment(url, {
      allowedOrigins,
      headers: { authorization: `Bearer ${context.token}` },
      isSignIn: (address) => isSlack(address) && !allowedOrigins.includes(address.origin),
      maxBytes,
      timeoutMs: LOAD_MS,
      othersWait: true,
      ...(signal && { signal }),
    });
    if (isPage(bytes)) throw new HostRefused('Slack gave a page instead of a file');
    return bytes;
  } catch (error) {
    if (!(error instanceof HostRefused)) throw error;
    throw new UserError(
      'not-allowed',
      'Slack does not let me read that file. Whoever manages my app checks its token and the permission files:read.',
      { cause: error },
    );
  }
}

/** Whether an address is one of Slack's, such as that of a workspace. */
function isSlack({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' && /(^|\.)slack(-gov)?\.com$/.test(hostname);
}

/** To a token that may not read a file, Slack also answers 'OK' and a page to sign in at. */
function isPage(bytes: Uint8Array): boolean {
  return /^\s*<(?:!doctype html|html)/i.test(Buffer.from(bytes.subarray(0, 200)).toString('latin1'));
}

function inUserWords(error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError('busy', 'Slack does not tell me just now what that file is. Ask again in a minute.', {
    cause: error,
  });
}

async function ask(id: string, context: SlackContext): Promise<SlackFile> {
  const { file } = await inSlackWords(context.me.name, () => context.api.files.info({ file: id }));
  return file ?? {};
}
