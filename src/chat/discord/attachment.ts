import type { Message, MessageSnapshot, Attachment as Upload } from 'discord.js';
import type { Attachment } from '../../../commands/request.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import { pictureFormat } from '../../photo/picture-format.ts';
import { type DownloadOptions, downloadAttachment } from '../download.ts';
import { type FileKind, fileKind } from '../file-kind.ts';

/** Where Discord keeps what people upload. */
const FILE_ORIGINS = ['https://cdn.discordapp.com', 'https://media.discordapp.net'];
/** Longest wait for a file. */
const TIMEOUT_MS = 30_000;

const SPOILER_PREFIX = 'SPOILER_';
/** Bytes that tell what a file is. */
const START_BYTES = 4100;

/** The message that a picture was posted in. */
export interface Source {
  readonly messageId: string;
  readonly authorId: string;
  /** True where it was forwarded: Discord does not say whose it is. */
  readonly isForwarded: boolean;
}

/** A file on Discord. */
export class DiscordAttachment implements Attachment {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** Whether its poster hid it behind a click: then so is what answers it. */
  readonly isSpoiler: boolean;
  /** Absent for a file that came with a command. */
  readonly source: Source | undefined;
  readonly postedBy?: string;
  readonly posterHidden: boolean;
  readonly isPicture?: (signal: AbortSignal) => Promise<boolean>;
  readonly #url: string;
  readonly #allowedOrigins: readonly string[];

  constructor(upload: Upload, config: Config, source?: Source) {
    this.id = upload.id;
    this.isSpoiler = isSpoiler(upload);
    this.name = upload.name.startsWith(SPOILER_PREFIX) ? upload.name.slice(SPOILER_PREFIX.length) : upload.name;
    this.source = source;
    if (source !== undefined) this.postedBy = source.authorId;
    this.posterHidden = source?.isForwarded === true;
    if (judged(upload) === 'by its bytes') this.isPicture = (signal) => this.#isPictureByItsBytes(signal);
    this.#url = upload.url;
    this.size = upload.size;
    this.#allowedOrigins = [...FILE_ORIGINS, ...(config.internal.fileOrigins ?? [])];
  }

  async fetch(options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    if (this.size > options.maxBytes) {
      throw tooLarge(options.maxBytes);
    }
    return await this.#load({ ...options, othersWait: true });
  }

  async #isPictureByItsBytes(signal: AbortSignal): Promise<boolean> {
    if (this.size === 0) return false;
    try {
      await pictureFormat(await this.#load({ maxBytes: START_BYTES, onlyStart: true, signal }));
      return true;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // One of a kind that cannot be read is a picture all the same.
      return error.code === 'unsupported-picture';
    }
  }

  async #load(options: Pick<DownloadOptions, 'maxBytes' | 'onlyStart' | 'signal' | 'othersWait'>): Promise<Uint8Array> {
    return await downloadAttachment(this.#url, {
      ...options,
      allowedOrigins: this.#allowedOrigins,
      timeoutMs: TIMEOUT_MS,
    });
  }
}

/** The id of the message that a picture was posted in; undefined for one that came with a command. */
export function messageOf(picture: Attachment): string | undefined {
  return picture instanceof DiscordAttachment ? picture.source?.messageId : undefined;
}

/**
 * The pictures of a message in its order, those of a forwarded message too. Other files are left out. So is what the
 * bot drew itself, which is a copy of a photo and does not name its poster. A file that may be a picture or not comes
 * along, with `isPicture`.
 */
export function picturesOf(message: Message, config: Config): DiscordAttachment[] {
  if (message.author.id === message.client.user.id) return [];
  const picturesIn = (uploads: readonly Upload[], isForwarded: boolean) =>
    uploads
      .filter((upload) => judged(upload) !== 'something else')
      .map((upload) => {
        return new DiscordAttachment(upload, config, {
          messageId: message.id,
          authorId: message.author.id,
          isForwarded,
        });
      });
  return [...picturesIn(uploadsIn(message), false), ...picturesIn(forwardedIn(message), true)];
}

/** Whether a message has pictures: for certain, or any that may be one. */
export function hasPictures(message: Message, how: 'certainly' | 'perhaps'): boolean {
  const kinds = [...uploadsIn(message), ...forwardedIn(message)].map(judged);
  return kinds.includes('a picture') || (how === 'perhaps' && kinds.includes('by its bytes'));
}

function uploadsIn({ attachments }: Pick<Message | MessageSnapshot, 'attachments'>): Upload[] {
  return [...(attachments?.values() ?? [])];
}

function forwardedIn({ messageSnapshots }: Message): Upload[] {
  return [...messageSnapshots.values()].flatMap(uploadsIn);
}

function judged({ contentType, name }: Upload): FileKind {
  return fileKind(contentType, name);
}

/** Whether its poster hid a file behind a click. */
export function isSpoiler({ name, spoiler }: Pick<Upload, 'name' | 'spoiler'>): boolean {
  return spoiler || name.startsWith(SPOILER_PREFIX);
}

/** A file's name on the way out: hidden where the original was, and without anything that Discord would change. */
export function outgoingName(name: string, isSpoiler: boolean): string {
  const plain = name.replaceAll(/[^\w.-]+/g, '_').replace(/^(SPOILER_)+/, '');
  return `${isSpoiler ? SPOILER_PREFIX : ''}${plain}`;
}
