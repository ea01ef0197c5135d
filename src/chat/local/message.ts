import type { PhotoCard, Reply } from '../../../commands/request.ts';
import { type OpenFace, openFaces, RIGHT, WRONG } from '../right.ts';

/** A file on the page, as the browser is told of it; its bytes are fetched by id. */
interface FileView {
  readonly id: string;
  readonly name: string;
  /** Media type if a browser can show it, else undefined. */
  readonly mime?: string;
  readonly altText?: string;
}

/** A message on the page, as the browser is told of it. */
export interface MessageView {
  readonly id: string;
  readonly from: 'you' | 'bot';
  readonly text: string;
  readonly files: readonly FileView[];
  readonly card?: PhotoCard;
  readonly figures?: NonNullable<Reply['figures']>;
  readonly removable: boolean;
  /** What can be told of its readings; absent where nobody is asked, or all has been told. */
  readonly asks?: { readonly right: string; readonly wrong: string; readonly faces: readonly OpenFace[] };
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What the browser is told when something changes. */
export type ChannelEvent =
  | { readonly type: 'message'; readonly message: MessageView }
  | { readonly type: 'removed'; readonly id: string }
  | { readonly type: 'progress'; readonly request: string; readonly text: string | null };

/** Bytes: a larger file is let go as soon as it has been read, and a smaller copy stands for it from then on. */
export const KEPT_WHOLE_BYTES = 1024 * 1024;

/** Bytes kept for a file. */
export interface StoredFile extends FileView {
  /** Absent where the file was announced as too large to send, is being read, or could not be. */
  readonly bytes?: Uint8Array;
  readonly size: number;
}

/** A message as the channel keeps it. */
export interface Message extends Omit<MessageView, 'files' | 'asks'> {
  readonly files: readonly StoredFile[];
  /** What was said of whom, as far as nobody has told whether that is right: see `lettersOf`. */
  readonly letters?: string;
  /** Id of the file that this answers. */
  readonly about?: string;
}

/** A message as the browser is told of it. */
export function view(message: Message): MessageView {
  const { id, from, text, card, figures, removable, at, letters } = message;
  const asks = letters !== undefined && { asks: { right: RIGHT, wrong: WRONG, faces: openFaces(letters) } };
  const files = message.files.map(({ id: fileId, name, mime, altText }) => ({
    id: fileId,
    name,
    ...(mime !== undefined && { mime }),
    ...(altText !== undefined && { altText }),
  }));
  return { id, from, text, files, removable, at, ...(card && { card }), ...(figures && { figures }), ...asks };
}

export function sumOfBytes(files: readonly StoredFile[]): number {
  return files.reduce((sum, file) => sum + (file.bytes?.length ?? 0), 0);
}

/** Whether a file's bytes are let go once they have been read, for a smaller copy. */
export function isLetGoOnceRead({ size }: StoredFile): boolean {
  return size > KEPT_WHOLE_BYTES;
}

export function withoutBytes({ bytes: _, ...file }: StoredFile): StoredFile {
  return file;
}
