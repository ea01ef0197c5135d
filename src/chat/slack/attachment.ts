import type { Attachment } from '../../../commands/request.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import { downloadAttachment } from '../download.ts';
import type { Desk } from './desk.ts';
import { said } from './errors.ts';
import { picturesOf, type SlackFile, type SlackMessage, type Source, sourceOf } from './payloads.ts';

/** Slack's own file hosts, the second for its customers in government. */
const FILE_HOSTS = ['files.slack.com', 'files.slack-gov.com'];
/** Milliseconds for loading one file. */
const LOAD_MS = 30_000;

const sources = new WeakMap<Attachment, Source>();

/** The message that a picture was posted in. */
export function sourceOfPicture(attachment: Attachment | undefined): Source | undefined {
  return attachment && sources.get(attachment);
}

/** A message's pictures, in its order. */
export function toAttachments(channel: string, message: SlackMessage, desk: Desk): Attachment[] {
  const source = sourceOf(channel, message);
  if (source === undefined) return [];
  return picturesOf(message).map((file) => {
    const attachment: Attachment = {
      id: file.id,
      name: file.name ?? 'picture',
      ...(message.user !== undefined && { postedBy: message.user }),
      fetch: (options) => load(file, desk, options),
    };
    sources.set(attachment, source);
    return attachment;
  });
}

async function load(
  file: SlackFile & { readonly id: string },
  desk: Desk,
  { maxBytes, signal }: Parameters<Attachment['fetch']>[0],
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const { url_private: url, size = 0 } = file.url_private ? file : await ask(file.id, desk);
  if (url === undefined) throw new UserError('not-found', 'Slack does not give me that picture. Post it again.');
  if (size > maxBytes) throw tooLarge(maxBytes);
  const bytes = await downloadAttachment(url, {
    allowedHosts: FILE_HOSTS,
    headers: { authorization: `Bearer ${desk.token}` },
    maxBytes,
    timeoutMs: LOAD_MS,
    ...(signal && { signal }),
    ...(desk.config.internal.fileOrigins && { testOrigins: desk.config.internal.fileOrigins }),
  });
  // To a token that may not read the file, Slack answers 'OK' and a page to sign in at.
  if (/^\s*<(?:!doctype html|html)/i.test(bytes.subarray(0, 200).toString('latin1'))) {
    throw new UserError(
      'not-allowed',
      'Slack does not let me read that file. Whoever manages my app checks its token and the permission files:read.',
    );
  }
  return bytes;
}

async function ask(id: string, desk: Desk): Promise<SlackFile> {
  const { file } = await said(desk.me.name, () => desk.api.files.info({ file: id }));
  return file ?? {};
}
