import { randomUUID } from 'node:crypto';
import { copyToGiveBack } from '../../base/large-bytes.ts';
import {
  type ChannelEvent,
  isDroppedOnceRead,
  KEPT_WHOLE_BYTES,
  type Message,
  type MessageView,
  type StoredFile,
  sumOfBytes,
  view,
  withoutBytes,
} from './message.ts';
import { Unread } from './unread.ts';

/** Limits of the channel's memory. */
export interface ChannelLimits {
  /** How many posted photos are kept. Each may have annotated copies, which are deleted with it. */
  readonly maxPhotos: number;
  /** Bytes of all files in messages together, counting those that have been read. */
  readonly maxBytes: number;
  /** Bytes of all files together that have not been read yet, whether they are arriving, waiting for their message or part of one. */
  readonly maxUnreadBytes: number;
  readonly maxMessages: number;
  /** Milliseconds that a message is kept. */
  readonly keepMs: number;
}

/** Milliseconds that an upload waits for its message; the page posts it at once. */
const KEEP_UPLOADS_MS = 120_000;

/**
 * The page's channel: its messages and files, in memory only and within limits. Where a limit is exceeded the oldest messages
 * are deleted first, and a photo together with every answer to it.
 */
export class LocalChannel {
  readonly #limits: ChannelLimits;
  readonly #now: () => number;
  readonly #listeners = new Set<(event: ChannelEvent) => void>();
  /** In the order they were posted. */
  readonly #messages = new Map<string, Message>();
  /** Files that the browser has sent and that are not yet part of a message, by id. */
  readonly #uploads = new Map<string, { readonly file: StoredFile; readonly at: number }>();

  /** People's files that have not been read yet, including those still arriving. */
  readonly unread: Unread;

  readonly #progress = new Map<string, string>();

  constructor(limits: ChannelLimits, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
    this.unread = new Unread(limits.maxUnreadBytes);
  }

  /** Calls back on every change until the returned function is called. */
  listen(listener: (event: ChannelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Everything on the page, oldest first. */
  messages(): MessageView[] {
    this.forget();
    return [...this.#messages.values()].map(view);
  }

  /** The progress line of each request under way, by request id. */
  underWay(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#progress);
  }

  /** Keeps a file until a message takes it. @returns its id */
  upload(file: Omit<StoredFile, 'id' | 'size'> & { readonly bytes: Uint8Array }): string {
    const id = randomUUID();
    const { mime, ...rest } = file;
    // A large file cannot be shown until there is a smaller copy of it.
    const shown = mime !== undefined && file.bytes.length <= KEPT_WHOLE_BYTES && { mime };
    this.#uploads.set(id, { file: { ...rest, ...shown, id, size: file.bytes.length }, at: this.#now() });
    this.unread.add(id, file.bytes.length);
    this.forget();
    return id;
  }

  /** Takes an uploaded file out of the waiting ones, for a message; undefined where it is unknown or has been deleted. */
  takeUpload(id: string): StoredFile | undefined {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    return upload?.file;
  }

  /** Adds a message and tells the listeners. */
  post(message: Omit<Message, 'id' | 'at'>): MessageView {
    return this.#put({ ...message, id: randomUUID(), at: this.#now() });
  }

  /** Replaces a message's content; its position stays. @returns false where it is gone */
  update(id: string, content: Omit<Message, 'id' | 'at' | 'from'>): boolean {
    const old = this.#messages.get(id);
    if (old === undefined) return false;
    this.#put({ ...content, id, from: old.from, at: old.at });
    return true;
  }

  /** Sets the progress line of a request; null removes it. */
  progress(request: string, text: string | null): void {
    if (text === null) this.#progress.delete(request);
    else this.#progress.set(request, text);
    this.#notify({ type: 'progress', request, text });
  }

  /** The letters of an answer's faces that can still be judged: was-it-right.ts. Undefined where there are none, or the answer is gone. */
  lettersOf(id: string): string | undefined {
    return this.#messages.get(id)?.letters;
  }

  /** Makes an answer ask only about the remaining faces; undefined removes the question. */
  ask(id: string, left: string | undefined): void {
    const message = this.#messages.get(id);
    if (message === undefined) return;
    const { letters, ...rest } = message;
    this.#put({ ...rest, ...(left !== undefined && { letters: left }) });
  }

  /** A file of a message; undefined where it is gone. */
  file(id: string): StoredFile | undefined {
    for (const message of this.#messages.values()) {
      const file = message.files.find((candidate) => candidate.id === id);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** A file that can be shown. A large one cannot before it has been read, since `take` hands over its bytes. */
  shown(id: string): StoredFile | undefined {
    const file = this.file(id);
    return file && isDroppedOnceRead(file) && this.unread.has(id) ? undefined : file;
  }

  /**
   * The bytes of a file for reading it: a copy, or for a large file the bytes themselves, which the channel then no longer has.
   * @returns undefined where the bytes are gone, or were handed out already
   */
  take(id: string): Uint8Array | undefined {
    const file = this.file(id);
    if (file?.bytes === undefined) return undefined;
    if (!isDroppedOnceRead(file) || !this.unread.has(id)) return copyToGiveBack(file.bytes);
    this.#change(id, withoutBytes);
    return file.bytes;
  }

  /** Replaces a large file that has been read by a smaller copy. */
  keep(id: string, { bytes, mime }: { readonly bytes: Uint8Array; readonly mime: string }): void {
    this.#change(id, (file) => ({ ...file, bytes, mime }));
    this.unread.delete(id);
    this.forget();
  }

  /** Reading a file has ended, with or without success. Of a large file only the name stays, unless there is a copy. */
  settle(id: string): void {
    if (!this.unread.delete(id)) return;
    const file = this.file(id);
    if (file && isDroppedOnceRead(file)) this.#change(id, withoutBytes);
    this.forget();
  }

  /** The files that people posted, newest first, without those of one message. */
  latestFiles(limit: number, exceptMessage: string): StoredFile[] {
    return [...this.#messages.values()]
      .filter((message) => message.from === 'you' && message.id !== exceptMessage)
      .flatMap((message) => message.files)
      .reverse()
      .slice(0, limit);
  }

  /**
   * Removes a message. Removing an answer also removes its photo and every other answer to that photo: Remove promises that
   * no annotated copy stays on the page.
   * @returns false where there is no such message
   */
  remove(id: string): boolean {
    const message = this.#messages.get(id);
    if (message === undefined) return false;
    this.#drop(id);
    for (const file of message.files) this.#dropAnswers(file.id);
    if (message.about !== undefined) this.#dropFile(message.about);
    return true;
  }

  /** Deletes messages that are too old or exceed a limit. Called on every change, and by a timer for a page that nobody uses. */
  forget(): void {
    this.#forgetUploads();
    const expired = this.#now() - this.#limits.keepMs;
    for (const message of this.#messages.values()) if (message.at <= expired) this.remove(message.id);
    while (this.#overfull()) this.remove(this.#messages.keys().next().value!);
  }

  /** Deletes everything. */
  clear(): void {
    this.#uploads.clear();
    this.#messages.clear();
    this.unread.clear();
  }

  #change(id: string, change: (file: StoredFile) => StoredFile): void {
    for (const message of this.#messages.values()) {
      if (!message.files.some((file) => file.id === id)) continue;
      this.#put({ ...message, files: message.files.map((file) => (file.id === id ? change(file) : file)) });
    }
  }

  #forgetUploads(): void {
    const expired = this.#now() - KEEP_UPLOADS_MS;
    // A map iterates in the order of insertion, so the oldest come first.
    for (const [id, upload] of this.#uploads) {
      if (upload.at > expired && this.#uploads.size <= this.#limits.maxPhotos) break;
      this.#uploads.delete(id);
      this.unread.delete(id);
    }
  }

  /** Whether the messages exceed a limit; false for no messages, whatever the limits. */
  #overfull(): boolean {
    const messages = [...this.#messages.values()];
    const photos = messages.filter((message) => message.from === 'you').flatMap((message) => message.files).length;
    const read = messages.flatMap((message) => message.files.filter(({ id }) => !this.unread.has(id)));
    const bytes = sumOfBytes(read);
    const { maxMessages, maxPhotos, maxBytes } = this.#limits;
    return messages.length > 0 && (messages.length > maxMessages || photos > maxPhotos || bytes > maxBytes);
  }

  #put(message: Message): MessageView {
    this.#messages.set(message.id, message);
    const seen = view(message);
    this.#notify({ type: 'message', message: seen });
    this.forget();
    return seen;
  }

  /** Removes a file from its message, the message itself if it is then empty, and every answer to the file. */
  #dropFile(fileId: string): void {
    for (const message of this.#messages.values()) {
      if (!message.files.some((file) => file.id === fileId)) continue;
      const files = message.files.filter((file) => file.id !== fileId);
      if (files.length === 0 && message.text === '') this.#drop(message.id);
      else this.update(message.id, { ...message, files });
    }
    this.#dropAnswers(fileId);
  }

  #dropAnswers(fileId: string): void {
    for (const message of this.#messages.values()) if (message.about === fileId) this.#drop(message.id);
  }

  #drop(id: string): void {
    const message = this.#messages.get(id);
    if (message === undefined) return;
    this.#messages.delete(id);
    for (const file of message.files) this.unread.delete(file.id);
    this.#notify({ type: 'removed', id });
  }

  #notify(event: ChannelEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
