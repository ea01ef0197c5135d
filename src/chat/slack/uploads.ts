import pRetry from 'p-retry';
import QuickLRU from 'quick-lru';
import type { OutgoingPicture } from '../../../commands/request.ts';
import { ChatFailed } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { RETRIES, type SlackApi, TIMEOUT_MS } from './api.ts';
import { isGone, isOutOfReach } from './errors.ts';
import { postOnce } from './post-once.ts';

/** At least this many files have their messages remembered. */
const MAX_FILES = 10_000;
/** How Slack is asked for the message of a new file, which it knows only after some seconds. */
const LOOK_AGAIN = { retries: 4, minTimeout: 250, factor: 2 };

/** Where a message goes. */
export interface Destination {
  readonly channel: string;
  readonly thread?: string;
}

/**
 * Uploads the bot's files. This takes three steps instead of the library's single call, since a Remove button in the message of
 * an upload must name the files before they are shared.
 */
export class Uploads {
  readonly #api: SlackApi;
  readonly #posting: SlackApi;
  readonly #log: Logger;
  readonly #messages = new QuickLRU<string, string>({ maxSize: MAX_FILES });

  /** @param posting a client that repeats no calls; see `postOnce` */
  constructor(api: SlackApi, posting: SlackApi, log: Logger) {
    this.#api = api;
    this.#posting = posting;
    this.#log = log;
  }

  /** Uploads pictures, which nobody sees until they are shared. @returns the ids of the files */
  async upload(pictures: readonly OutgoingPicture[]): Promise<string[]> {
    return await Promise.all(pictures.map((picture) => this.#upload(picture)));
  }

  async #upload({ bytes, name, altText }: OutgoingPicture): Promise<string> {
    // Slack's reference calls the last argument alt_txt, the library's types alt_text. Slack goes by alt_txt, which screen readers need.
    const place = { filename: name, length: bytes.length, alt_txt: altText };
    const { upload_url: url, file_id: id } = await this.#api.files.getUploadURLExternal(place);
    if (url === undefined || id === undefined) throw new Error('Slack gives no address to upload to');
    await pRetry(async () => {
      const body = new FormData();
      body.append('body', new Blob([new Uint8Array(bytes)]), name);
      const response = await fetch(url, {
        method: 'POST',
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`Slack answered an upload with status ${response.status}`);
    }, RETRIES).catch((error: unknown) => {
      throw new ChatFailed(error);
    });
    return id;
  }

  /**
   * Posts one message with uploaded files.
   * @param content its text or its blocks; Slack ignores blocks where there is text
   */
  async share(
    to: Destination,
    files: readonly string[],
    content: { readonly initial_comment?: string; readonly blocks?: object[] },
  ): Promise<void> {
    const [first, ...rest] = files.map((id) => ({ id }));
    if (first === undefined) return;
    const place =
      to.thread === undefined ? { channel_id: to.channel } : { channel_id: to.channel, thread_ts: to.thread };
    type Shared = Parameters<SlackApi['files']['completeUploadExternal']>[0];
    const shared = { ...place, files: [first, ...rest], ...content } as Shared;
    await postOnce(
      async () => {
        await this.#posting.files.completeUploadExternal(shared);
      },
      async () => (await this.#askFor(to.channel, first.id)) !== undefined,
    );
  }

  /** Remembers which message files are in, from the event of the bot's own message. */
  remember(channel: string, ts: string, files: readonly { readonly id?: string }[]): void {
    for (const { id } of files) if (id !== undefined) this.#messages.set(`${channel} ${id}`, ts);
  }

  /**
   * Finds the message that files were shared in. Slack's answer to an upload does not name it, but the message's event and the file do.
   * @returns undefined where the file is gone, or Slack does not say
   * @throws the client's error where Slack cannot be reached
   */
  async messageOf(channel: string, files: readonly string[]): Promise<string | undefined> {
    const [file] = files;
    if (file === undefined) return undefined;
    const key = `${channel} ${file}`;
    try {
      return await pRetry(
        async () => {
          const ts = this.#messages.get(key) ?? (await this.#askFor(channel, file));
          if (ts === undefined) throw new Error('Slack does not say yet which message a file is in');
          this.#messages.set(key, ts);
          return ts;
        },
        { ...LOOK_AGAIN, shouldRetry: ({ error }) => !isGone(error) },
      );
    } catch (error) {
      if (isOutOfReach(error)) throw error;
      if (!isGone(error)) this.#log.warn({ platform: 'slack', err: error }, 'the message of a file was not found');
      return undefined;
    }
  }

  async #askFor(channel: string, file: string): Promise<string | undefined> {
    const { public: open, private: closed } = (await this.#api.files.info({ file })).file?.shares ?? {};
    return (open?.[channel] ?? closed?.[channel])?.[0]?.ts;
  }
}
