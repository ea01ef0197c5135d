import type { Attachment } from '../../../commands/request.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import { downloadAttachment, HostRefused } from '../download.ts';
import { fileKind } from '../file-kind.ts';
import type { SlackContext } from './context.ts';
import { isOutOfReach, withExplainedErrors } from './errors.ts';

/** The parts of Slack's payloads that the bot uses. All of it comes from outside, so every field may be missing. */

export interface SlackFile {
  readonly id?: string;
  readonly name?: string | null;
  readonly mimetype?: string;
  readonly size?: number;
  readonly mode?: string;
  readonly url_private?: string;
  /** 'check_file_info' for a file of another workspace: nothing else is known of it until it is fetched by `files.info`. */
  readonly file_access?: string;
  /** Id of the person who uploaded it, whoever shares it later. */
  readonly user?: string;
  /** True for a file of a forwarded message. The bot sets this field, not Slack. */
  readonly isForwarded?: boolean;
  /** Id of the person who posted the forwarded message, where Slack says so. The bot sets this field, not Slack. */
  readonly forwardedFrom?: string;
  /** Why Slack does not say what the file is and whose. The bot sets this field, not Slack. */
  readonly infoError?: UserError;
}

/** A message that is shown inside another one, because it was forwarded or linked to. */
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
  /** Of the first message of a thread: the time of its last reply. */
  readonly latest_reply?: string;
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
  /** The first message of its thread: the message itself, unless it is a reply. */
  readonly thread: string;
  /** Id of the person who posted it. */
  readonly poster?: string;
}

/** Where a posted picture is. */
export interface PictureSource extends Source {
  /** Id of the picture's file. */
  readonly picture: string;
  /** Id of the person who uploaded it. */
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

/** A message's files, including those of messages that it forwards. */
export function filesOf({ files, attachments }: SlackMessage): SlackFile[] {
  const forwarded = present(attachments)
    .filter(({ is_share }) => is_share)
    .flatMap(({ author_id: author, files: theirs }) =>
      present(theirs).map((file) => ({
        ...file,
        // A file of another workspace has an empty user.
        ...(author && { user: file.user || author, forwardedFrom: author }),
        isForwarded: true,
      })),
    );
  return [...present(files), ...forwarded];
}

/** The items of a list without any `null`. An event may also have `null` instead of the list. */
function present<Item extends object>(list: readonly Item[] | null | undefined): Item[] {
  return (list ?? []).filter((item: Item | null) => item !== null);
}

/** A message's pictures, as far as the message tells, and files that Slack must be asked about. Their bytes decide later. */
export function picturesOf(message: SlackMessage): SlackPicture[] {
  const pictures = filesOf(message).flatMap((file) =>
    file.id !== undefined && file.mode !== 'tombstone' && (isPicture(file) || isStub(file))
      ? [{ ...file, id: file.id }]
      : [],
  );
  return pictures.filter(({ id }, k) => pictures.findIndex((other) => other.id === id) === k);
}

/** Whether a file is a picture. Slack knows few formats; others have the type of a byte stream, so their name decides. */
function isPicture({ mimetype, name }: SlackFile): boolean {
  return fileKind(mimetype, name) === 'a picture';
}

function isStub({ file_access: access }: SlackFile): boolean {
  return access === 'check_file_info';
}

/**
 * A message's pictures. A file of another workspace comes as a stub that does not say what it is, so Slack is asked for its
 * description. Files that turn out to be no pictures are left out. So are pictures that the bot posted itself: they are copies
 * of photos and do not name the poster.
 * @param asked whether somebody asked for them. Then a stub that Slack does not describe is kept, and loading it throws the
 *   reason. Slack is not asked about it again, since nobody would check any more whose file it is
 * @throws the client's error where nobody asked and Slack cannot be reached: then the message can be looked at later
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
        if (asked) return [{ ...picture, infoError: inUserWords(error) }];
        if (isOutOfReach(error)) throw error;
        context.log.info({ platform: 'slack', err: error }, 'Slack does not say what a file is; nobody asked for it');
        return [];
      }
    }),
  );
  return known.flat().filter(({ user }) => (user || message.user) !== me.userId);
}

/**
 * Where Slack keeps files. The first redirects to the second for Enterprise organisations. The other two are the same for
 * government customers.
 */
const FILE_ORIGINS = [
  'files.slack.com',
  'files-origin.slack.com',
  'files.slack-gov.com',
  'files-origin.slack-gov.com',
].map((host) => `https://${host}`);
/** Time limit for loading one file, in milliseconds. */
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

/** The key of the message that a picture was posted in. */
export function messageOf(picture: Attachment): string | undefined {
  const source = sources.get(picture);
  return source && messageKey(source.channel, source.ts);
}

/** Turns a message's pictures into attachments of a request. */
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
  if (file.infoError) throw file.infoError;
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
      'Slack does not let me read that file. The person who manages my app has to check its token and the permission files:read.',
      { cause: error },
    );
  }
}

/** Whether an address belongs to Slack, such as that of a workspace. */
function isSlack({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' && /(^|\.)slack(-gov)?\.com$/.test(hostname);
}

/** Whether the bytes are a web page. Slack also answers with status 200 and a sign-in page if the token may not read a file. */
function isPage(bytes: Uint8Array): boolean {
  return /^\s*<(?:!doctype html|html)/i.test(Buffer.from(bytes.subarray(0, 200)).toString('latin1'));
}

function inUserWords(error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError('busy', 'Slack cannot tell me at the moment what that file is. Ask again in a minute.', {
    cause: error,
  });
}

async function ask(id: string, context: SlackContext): Promise<SlackFile> {
  const { file } = await withExplainedErrors(context.me.name, () => context.api.files.info({ file: id }));
  return file ?? {};
}
