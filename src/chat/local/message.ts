import type { PhotoCard, Reply } from '../../../commands/request.ts';
import { type OpenFace, openFaces, RIGHT, WRONG } from '../was-it-right.ts';

/** A file on the page, in the form that is sent to the browser, which fetches the bytes by id. */
interface FileView {
  readonly id: string;
  readonly name: string;
  /** Media type if a browser can show it, else undefined. */
  readonly mime?: string;
  readonly altText?: string;
}

/** A message on the page, in the form that is sent to the browser. */
export interface MessageView {
  readonly id: string;
  readonly from: 'you' | 'bot';
  readonly text: string;
  readonly files: readonly FileView[];
  readonly card?: PhotoCard;
  readonly figures?: NonNullable<Reply['figures']>;
  readonly removable: boolean;
  /** The question whether its readings are right; absent where nobody is asked, or all faces have been judged. */
  readonly asks?: { readonly right: string; readonly wrong: string; readonly faces: readonly OpenFace[] };
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What is sent to the browser when something changes. */
export type ChannelEvent =
  | { readonly type: 'message'; readonly message: MessageView }
  | { readonly type: 'removed'; readonly id: string }
  | { readonly type: 'progress'; readonly request: string; readonly text: string | null };

/** In bytes: the bytes of a larger file are dropped once it has been read, and a smaller copy replaces it. */
export const KEPT_WHOLE_BYTES = 1024 * 1024;

/** A file as the channel keeps it. */
export interface StoredFile extends FileView {
  /** Absent where the file was too large to send, is being read, or could not be read. */
  readonly bytes?: Uint8Array;
  readonly size: number;
}

/** A message as the channel keeps it. */
export interface Message extends Omit<MessageView, 'files' | 'asks'> {
  readonly files: readonly StoredFile[];
  /** The readings that nobody has judged yet, one letter a face: see `lettersOf` in was-it-right.ts. */
  readonly letters?: string;
  /** Id of the file that this answers. */
  readonly about?: string;
}

/** Turns a message into the form that is sent to the browser. */
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

/** Whether a file's bytes are dropped once they have been read. A smaller copy replaces them. */
export function isDroppedOnceRead({ size }: StoredFile): boolean {
  return size > KEPT_WHOLE_BYTES;
}

export function withoutBytes({ bytes: _, ...file }: StoredFile): StoredFile {
  return file;
}
