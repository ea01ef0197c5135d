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
