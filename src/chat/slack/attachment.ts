import type { Attachment } from '../../../commands/request.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import { downloadAttachment, HostRefused } from '../download.ts';
import { inSlackWords } from './api.ts';
import type { SlackContext } from './context.ts';

/** The parts of Slack's payloads that the bot looks at. All of it comes from outside: every field may be missing. */

export interface SlackFile {
  readonly id?: string;
  readonly name?: string | null;
  readonly mimetype?: string;
  readonly size?: number;
  readonly mode?: string;
  readonly url_private?: string;
  /** 'check_file_info' where a file of another workspace must be asked for. */
  readonly file_access?: string;
}

export interface SlackMessage {
  readonly subtype?: string;
  readonly user?: string;
  readonly bot_id?: string;
  readonly text?: string;
  readonly ts?: string;
  readonly thread_ts?: string;
  readonly files?: readonly SlackFile[];
  readonly blocks?: readonly unknown[];
}

/** A message event: something posted, changed or deleted. */
export interface MessageEvent extends SlackMessage {
  readonly channel: string;
  readonly channel_type?: string;
  readonly deleted_ts?: string;
  readonly message?: SlackMessage;
  readonly previous_message?: SlackMessage;
}

/** Where a posted picture is. */
export interface Source {
  readonly channel: string;
  /** The message's id in its channel. */
  readonly ts: string;
  /** The message that its thread hangs from: itself unless it is a reply. */
  readonly thread: string;
  /** Who posted it. */
  readonly poster?: string;
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

/** A message's pictures, by what Slack says of them; their bytes decide later. */
export function picturesOf(message: SlackMessage): readonly (SlackFile & { readonly id: string })[] {
  return (message.files ?? []).flatMap((file) => {
    const mayBePicture = file.mimetype?.startsWith('image/') || file.file_access === 'check_file_info';
    return file.id !== undefined && file.mode !== 'tombstone' && mayBePicture ? [{ ...file, id: file.id }] : [];
  });
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

const sources = new WeakMap<Attachment, Source>();

/** The message that a picture was posted in. */
export function sourceOfPicture(attachment: Attachment | undefined): Source | undefined {
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

/** A message's pictures, in its order. */
export function toAttachments(channel: string, message: SlackMessage, context: SlackContext): Attachment[] {
  const source = sourceOf(channel, message);
  if (source === undefined) return [];
  return picturesOf(message).map((file) => {
    const attachment: Attachment = {
      id: file.id,
      name: file.name ?? 'picture',
      ...(message.user !== undefined && { postedBy: message.user }),
      fetch: (options) => load(file, context, options),
    };
    sources.set(attachment, source);
    return attachment;
  });
}

async function load(
  file: SlackFile & { readonly id: string },
  context: SlackContext,
  { maxBytes, signal }: Parameters<Attachment['fetch']>[0],
): Promise<Uint8Array> {
  signal?.throwIfAborted();
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

async function ask(id: string, context: SlackContext): Promise<SlackFile> {
  const { file } = await inSlackWords(context.me.name, () => context.api.files.info({ file: id }));
  return file ?? {};
}
