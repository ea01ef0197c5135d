import type { Attachment, CommandInput, Posted, Reply, Request } from '../../commands/request.ts';

/** A request whose replies are collected. */
export interface RecordedRequest {
  readonly request: Request;
  readonly replies: Reply[];
  readonly progress: string[];
}

/** A request as a platform would make it, with what the test says. */
export function fakeRequest(
  options: {
    readonly command?: { readonly name: string; readonly input?: CommandInput };
    readonly attachments?: readonly Attachment[];
    readonly latest?: readonly Attachment[];
    readonly asked?: boolean;
    readonly earlier?: Request['earlier'];
    readonly userId?: string;
    /** The user has the bot for themselves. */
    readonly alone?: boolean;
    readonly channelId?: string;
    /** The channel is a thread of this one. */
    readonly parentId?: string;
    readonly admin?: boolean;
    readonly operator?: boolean;
    readonly signal?: AbortSignal;
    readonly tryAgain?: () => void;
    readonly reply?: (reply: Reply) => Promise<Posted>;
  } = {},
): RecordedRequest {
  const replies: Reply[] = [];
  const progress: string[] = [];
  const record = async (reply: Reply): Promise<Posted> => {
    replies.push(reply);
    return { id: String(replies.length), update: async () => true, remove: async () => {} };
  };
  const request: Request = {
    platform: 'test',
    id: 'request-1',
    ...(options.command && { command: { name: options.command.name, input: options.command.input ?? '' } }),
    ...(options.asked !== undefined && { asked: options.asked }),
    ...(options.earlier && { earlier: options.earlier }),
    ...(options.tryAgain && { tryAgain: options.tryAgain }),
    attachments: options.attachments ?? [],
    user: {
      id: options.userId ?? 'u1',
      displayName: async () => 'Ada',
      ...(options.alone !== undefined && { alone: options.alone }),
      isAdmin: async () => options.admin === true,
      isOperator: async () => options.operator === true,
    },
    channel: {
      id: options.channelId ?? 'c1',
      isDirect: false,
      ...(options.parentId !== undefined && { settingsId: options.parentId }),
      post: record,
    },
    signal: options.signal ?? new AbortController().signal,
    latestImages: async (limit) => (options.latest ?? []).slice(0, limit),
    reply: options.reply ?? record,
    progress: async (text) => {
      progress.push(text);
    },
  };
  return { request, replies, progress };
}

/** A posted file that holds the bytes of a text. */
export function fakeAttachment(name: string, content = name): Attachment {
  return { id: name, name, fetch: async () => Buffer.from(content) };
}
