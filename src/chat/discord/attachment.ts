import type { Message, Attachment as Upload } from 'discord.js';
import type { Attachment } from '../../../commands/request.ts';
import { tooLarge } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import { downloadAttachment } from '../download.ts';

/** Where Discord keeps what people upload. */
const FILE_ORIGINS = ['https://cdn.discordapp.com', 'https://media.discordapp.net'];
/** Longest wait for a file. */
const TIMEOUT_MS = 30_000;

const SPOILER_PREFIX = 'SPOILER_';
/** Discord names no type for files that it does not know; those are pictures where their names say so. */
const PICTURE_NAME = /\.(jpe?g|jfif|png|webp|gif|avif|tiff?|hei[cf]|bmp)$/i;

/** The message that a picture was posted in. */
export interface Source {
  readonly messageId: string;
  readonly authorId: string;
}

/** A file on Discord. */
export class DiscordAttachment implements Attachment {
  readonly id: string;
  readonly name: string;
  /** Whether its poster hid it behind a click: then so is what answers it. */
  readonly isSpoiler: boolean;
  /** Absent for a file that came with a command. */
  readonly source: Source | undefined;
  readonly postedBy?: string;
  readonly #url: string;
  readonly #size: number;
  readonly #allowedOrigins: readonly string[];

  constructor(upload: Upload, config: Config, source?: Source) {
    this.id = upload.id;
    this.isSpoiler = upload.spoiler || upload.name.startsWith(SPOILER_PREFIX);
    this.name = upload.name.startsWith(SPOILER_PREFIX) ? upload.name.slice(SPOILER_PREFIX.length) : upload.name;
    this.source = source;
    if (source !== undefined) this.postedBy = source.authorId;
    this.#url = upload.url;
    this.#size = upload.size;
    this.#allowedOrigins = [...FILE_ORIGINS, ...(config.internal.fileOrigins ?? [])];
  }

  async fetch(options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    if (this.#size > options.maxBytes) {
      throw tooLarge(options.maxBytes);
    }
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

/** The pictures of a message in its order, those of a forwarded message too; other files are left out. */
export function picturesOf(message: Message, config: Config): DiscordAttachment[] {
  const source = { messageId: message.id, authorId: message.author.id };
  return uploadsOf(message)
    .filter(isPicture)
    .map((upload) => new DiscordAttachment(upload, config, source));
}

/** Whether `picturesOf` a message is any. */
export function hasPictures(message: Message): boolean {
  return uploadsOf(message).some(isPicture);
}

function uploadsOf(message: Message): Upload[] {
  return [message, ...message.messageSnapshots.values()].flatMap(({ attachments }) => [
    ...(attachments?.values() ?? []),
  ]);
}

function isPicture({ contentType, name }: Upload): boolean {
  return contentType === null ? PICTURE_NAME.test(name) : contentType.startsWith('image/');
}

/** A file's name on the way out: hidden where the original was, and without anything that Discord would change. */
export function outgoingName(name: string, isSpoiler: boolean): string {
  const plain = name.replaceAll(/[^\w.-]+/g, '_').replace(/^(SPOILER_)+/, '');
  return `${isSpoiler ? SPOILER_PREFIX : ''}${plain}`;
}
