import { type Message, MessageFlags, type MessageSnapshot, type Attachment as Upload } from 'discord.js';
import type { Attachment } from '../../../commands/request.ts';
import { OutOfReach, tooLarge, UserError } from '../../base/errors.ts';
import type { Config } from '../../config.ts';
import { pictureFormat } from '../../photo/picture-format.ts';
import { type DownloadOptions, downloadAttachment } from '../download.ts';
import { type FileKind, fileKind } from '../file-kind.ts';
import { postersBefore as postersOf } from './forwarded.ts';

/** Where Discord keeps what people upload. */
const FILE_ORIGINS = ['https://cdn.discordapp.com', 'https://media.discordapp.net'];
/** Longest wait for a file, in milliseconds. */
const TIMEOUT_MS = 30_000;

const SPOILER_PREFIX = 'SPOILER_';
/** So many bytes from the start of a file tell its type. */
const START_BYTES = 4100;

/** The message that a picture was posted in. */
export interface Source {
  readonly messageId: string;
  readonly authorId: string;
  /** Present where the picture was forwarded, or comes from a followed channel, which hides whose it is: asks for the original message. */
  readonly postersBefore?: () => Promise<readonly string[]>;
  /** Present for the same pictures: asks for the original message whether the bot posted it. */
  readonly isOwnAnswer?: () => Promise<boolean>;
}

/** A file on Discord. */
export class DiscordAttachment implements Attachment {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** Whether its poster hid it behind a click. Its answer is hidden then too. */
  readonly isSpoiler: boolean;
  /** Absent for a file that came with a command. */
  readonly source: Source | undefined;
  readonly postedBy?: string;
  readonly posterHidden: boolean;
  readonly postersBefore?: () => Promise<readonly string[]>;
  readonly isOwnAnswer?: () => Promise<boolean>;
  readonly isPicture?: (signal: AbortSignal) => Promise<boolean>;
  readonly #url: string;
  readonly #allowedOrigins: readonly string[];

  constructor(upload: Upload, config: Config, source?: Source) {
    this.id = upload.id;
    this.isSpoiler = isSpoiler(upload);
    this.name = upload.name.startsWith(SPOILER_PREFIX) ? upload.name.slice(SPOILER_PREFIX.length) : upload.name;
    this.source = source;
    if (source !== undefined) this.postedBy = source.authorId;
    this.posterHidden = source?.postersBefore !== undefined;
    if (source?.postersBefore) this.postersBefore = source.postersBefore;
    if (source?.isOwnAnswer) this.isOwnAnswer = source.isOwnAnswer;
    if (kindOf(upload) === 'by its bytes') this.isPicture = (signal) => this.#isPictureByItsBytes(signal);
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
      if (!(error instanceof UserError) || error instanceof OutOfReach) throw error;
      // A picture in a format that the bot cannot read is still a picture.
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
 * The pictures of a message in its order, including those of a forwarded message. Other files are left out. So are
 * pictures that the bot posted itself: they are copies of photos and do not name the poster. A file that may or may not
 * be a picture is included, with `isPicture`.
 */
export function picturesOf(message: Message, config: Config): DiscordAttachment[] {
  if (message.author.id === message.client.user.id) return [];
  let asked: Promise<readonly string[]> | undefined;
  // Asked for once for all pictures of the message. They were posted by the same people, whenever it is asked.
  const postersBefore = async () => {
    asked ??= postersOf(message);
    return await asked;
  };
  const isOwnAnswer = async () => (await postersBefore()).includes(message.client.user.id);
  const picturesIn = (uploads: readonly Upload[], isForwarded: boolean) =>
    uploads
      .filter((upload) => kindOf(upload) !== 'something else')
      .map((upload) => {
        return new DiscordAttachment(upload, config, {
          messageId: message.id,
          authorId: message.author.id,
          ...(isForwarded && { postersBefore, isOwnAnswer }),
        });
      });
  // What a followed channel publishes comes from a webhook, which hides whose it is as a forward does.
  const isPublished = message.flags.has(MessageFlags.IsCrosspost);
  return [...picturesIn(uploadsIn(message), isPublished), ...picturesIn(forwardedIn(message), true)];
}

/** Whether a message has a file that is certainly a picture, or one that is at least perhaps a picture. */
export function hasPictures(message: Message, how: 'certainly' | 'perhaps'): boolean {
  const kinds = [...uploadsIn(message), ...forwardedIn(message)].map(kindOf);
  return kinds.includes('a picture') || (how === 'perhaps' && kinds.includes('by its bytes'));
}

function uploadsIn({ attachments }: Pick<Message | MessageSnapshot, 'attachments'>): Upload[] {
  return [...(attachments?.values() ?? [])];
}

function forwardedIn({ messageSnapshots }: Message): Upload[] {
  return [...messageSnapshots.values()].flatMap(uploadsIn);
}

function kindOf({ contentType, name }: Upload): FileKind {
  return fileKind(contentType, name);
}

/** Whether its poster hid a file behind a click. */
export function isSpoiler({ name, spoiler }: Pick<Upload, 'name' | 'spoiler'>): boolean {
  return spoiler || name.startsWith(SPOILER_PREFIX);
}

/** The name that a file is uploaded under: marked as a spoiler where the original was, and without characters that Discord would change. */
export function outgoingName(name: string, isSpoiler: boolean): string {
  const plain = name.replaceAll(/[^\w.-]+/g, '_').replace(/^(SPOILER_)+/, '');
  return `${isSpoiler ? SPOILER_PREFIX : ''}${plain}`;
}
