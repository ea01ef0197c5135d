import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { commandBesidePictures, commandIn, readsPictures } from '../../../commands/registry.ts';
import {
  type Attachment,
  type Channel,
  NO_MESSAGE,
  type Posted,
  type Reply,
  type Request,
  type User,
} from '../../../commands/request.ts';
import { unlessAborted } from '../../base/aborts.ts';
import { aboutToRestart, codeOf, explainPort, tooLarge, UserError } from '../../base/errors.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { Session } from '../session.ts';
import { allRight, COUNTED_BEFORE, correction, countOpinions, lettersOf, without } from '../was-it-right.ts';
import { LocalChannel } from './channel.ts';
import { addressOf, PAGE_HOST, type PageAddress, pagePorts } from './guard.ts';
import { KEPT_WHOLE_BYTES, type StoredFile } from './message.ts';
import { createServer, type Judgement, MAX_FILES, type PostedFile } from './server.ts';

/** Bytes of all photos and annotated pictures that the channel keeps, and of those not read yet; docs/walk.md has the calculation. */
const MAX_CHANNEL_BYTES = 24 * 1024 * 1024;
const MAX_UNREAD_BYTES = 48 * 1024 * 1024;
const MAX_MESSAGES = 200;
/** Milliseconds between two checks for messages that are too old. */
const FORGET_EVERY_MS = 30_000;
const CHANNEL_ID = 'page';

const OPERATOR: User = {
  id: 'you',
  displayName: async () => 'You',
  alone: true,
  isAdmin: async () => true,
  isOperator: async () => true,
};

/** A chat page in the browser, on this machine only. It is the platform that needs no credentials. */
export class LocalPlatform implements Platform {
  readonly name = 'local';
  readonly #context: PlatformContext;
  readonly #channel: LocalChannel;
  readonly #session: Session;
  #address: PageAddress = { port: 0, key: randomBytes(18).toString('base64url') };
  #server: FastifyInstance | undefined;
  #endStreams: () => void = () => {};
  #readingsEnded: () => Promise<void> = async () => {};
  #forgetting: NodeJS.Timeout | undefined;

  constructor(context: PlatformContext) {
    this.#context = context;
    const { log, dispatch } = context;
    // The channel itself knows which message each file belongs to.
    this.#session = new Session({ platform: this.name, log, dispatch, messageOf: () => undefined });
    const { maxPhotos, keepMs } = context.config.local;
    this.#channel = new LocalChannel({
      maxPhotos,
      keepMs,
      maxMessages: MAX_MESSAGES,
      maxBytes: MAX_CHANNEL_BYTES,
      maxUnreadBytes: MAX_UNREAD_BYTES,
    });
    this.#channel.listen((event) => {
      if (event.type === 'removed') void this.#session.removed(event.id);
    });
  }

  get isConnected(): boolean {
    return this.#server?.server.listening === true;
  }

  async start(): Promise<string> {
    const ports = pagePorts(this.#context.config.local.port);
    for (const port of ports) {
      try {
        await this.#listen(port);
        break;
      } catch (error) {
        if (codeOf(error) === 'EADDRINUSE' && port !== ports.at(-1)) continue;
        throw explainPort(error, 'The page cannot be shown', { host: PAGE_HOST, port }, { port: 'LOCAL_PORT' });
      }
    }
    this.#forgetting = setInterval(() => this.#channel.forget(), FORGET_EVERY_MS);
    return `Open ${addressOf(PAGE_HOST, this.#address)} in a browser on this machine`;
  }

  async stop(deadline: AbortSignal): Promise<void> {
    clearInterval(this.#forgetting);
    await this.#session.stop(deadline);
    // A reading that does not end by the deadline is ended by closing its connection.
    await unlessAborted(this.#readingsEnded(), deadline).catch(() => {});
    this.#endStreams();
    await this.#server?.close();
    this.#channel.clear();
  }

  async channel(id: string): Promise<Channel | undefined> {
    return id === CHANNEL_ID ? this.#place() : undefined;
  }

  async #listen(port: number): Promise<void> {
    const { server, endStreams, readingsEnded } = await createServer({
      channel: this.#channel,
      commands: this.#context.commands,
      log: this.#context.log,
      ...this.#context.photos,
      isStopping: () => this.#session.isStopping,
      keepMs: this.#context.config.local.keepMs,
      address: () => this.#address,
      post: (text, files) => this.#receive(text, files),
      judge: (id, judgement) => this.#judge(id, judgement),
    });
    try {
      await server.listen({ host: PAGE_HOST, port });
    } catch (error) {
      await server.close();
      throw error;
    }
    this.#address = { ...this.#address, port: (server.server.address() as AddressInfo).port };
    this.#server = server;
    this.#endStreams = endStreams;
    this.#readingsEnded = readingsEnded;
  }

  /** Takes a message from the page: shows it at once, and starts to answer it. */
  #receive(text: string, posted: readonly PostedFile[]): { readonly id: string } {
    if (this.#session.isStopping) throw aboutToRestart('Post it again then.');
    if (text === '' && posted.length === 0) throw new UserError('bad-usage', 'The message is empty.');
    const most = Math.min(MAX_FILES, this.#context.config.local.maxPhotos);
    if (posted.length > most) throw new UserError('bad-usage', `Post at most ${most} photos in one message.`);
    const files = this.#files(posted);
    const message = this.#channel.post({ from: 'you', text, files, removable: false });
    this.#answer(message.id, text, files);
    return { id: message.id };
  }

  /** Counts what the person thinks of an answer. @throws UserError where the answer cannot be judged any more, or nothing can be counted */
  async #judge(id: string, judgement: Judgement): Promise<void> {
    const letters = this.#channel.lettersOf(id);
    if (letters === undefined) throw new UserError('not-found', COUNTED_BEFORE);
    const given = judgement.right
      ? allRight(letters)
      : judgement.faces
          .map(({ number, meant }) => correction(letters, number, meant))
          .filter((one) => one !== undefined);
    await countOpinions(this.#context.opinions, { platform: this.name, place: CHANNEL_ID, answer: id }, given);
    const numbers = given.map(({ number }) => number);
    // Another tab may have judged other faces meanwhile, so the letters are looked up again.
    const left = this.#channel.lettersOf(id);
    this.#channel.ask(id, judgement.right || left === undefined ? undefined : without(left, numbers));
  }

  /** @throws UserError where one of them has been forgotten. The others are forgotten too then, since no message holds them. */
  #files(posted: readonly PostedFile[]): StoredFile[] {
    const files: StoredFile[] = [];
    try {
      for (const file of posted) files.push(this.#file(file));
      return files;
    } catch (error) {
      for (const { id } of files) this.#channel.settle(id);
      throw error;
    }
  }

  #file(posted: PostedFile): StoredFile {
    if ('size' in posted) return { id: randomUUID(), name: posted.name, size: posted.size };
    const file = this.#channel.takeUpload(posted.upload);
    if (file === undefined) throw new UserError('not-found', 'That photo has been forgotten. Post it again.');
    return file;
  }

  #answer(messageId: string, text: string, files: readonly StoredFile[]): void {
    this.#session.begin({
      channel: CHANNEL_ID,
      message: messageId,
      toRequest: (signal) => this.#request(messageId, text, files, signal),
      end: () => {
        for (const { id } of files) this.#channel.settle(id);
        this.#channel.progress(messageId, null);
      },
    });
  }

  #request(messageId: string, text: string, files: readonly StoredFile[], signal: AbortSignal): Request {
    const find = files.length > 0 ? commandBesidePictures : commandIn;
    const command = text === '' ? undefined : find(text, this.#context.commands);
    return {
      platform: this.name,
      moving: 'webp',
      id: messageId,
      ...(command && { command }),
      asked: true,
      attachments: readsPictures(command) ? files.map((file) => this.#attachment(file)) : [],
      user: OPERATOR,
      channel: this.#place(),
      signal,
      latestImages: async (limit) => this.#channel.latestFiles(limit, messageId).map((file) => this.#attachment(file)),
      reply: async (reply) => this.#post(reply),
      progress: async (line) => this.#channel.progress(messageId, line),
    };
  }

  #place(): Channel {
    return { id: CHANNEL_ID, isDirect: false, post: async (reply) => this.#post(reply) };
  }

  #attachment({ id, name, size }: StoredFile): Attachment {
    return {
      id,
      name,
      size,
      fetch: async ({ maxBytes, signal }) => {
        signal?.throwIfAborted();
        if (size > maxBytes) throw tooLarge(maxBytes);
        const bytes = this.#channel.take(id);
        if (bytes !== undefined) return bytes;
        if (this.#channel.unread.has(id))
          throw new UserError('busy', 'I am reading that picture already. Ask again once I have answered.');
        throw new UserError('not-found', 'I do not have that picture any more. Post it again.');
      },
      ...(size > KEPT_WHOLE_BYTES && { keep: (copy) => this.#channel.keep(id, copy) }),
    };
  }

  #post(reply: Reply): Posted {
    // The photo may have been removed while it was read. Its annotated copy must not appear after that.
    if (reply.about && !this.#channel.file(reply.about.id)) return NO_MESSAGE;
    const { id } = this.#channel.post({ from: 'bot', ...toContent(reply) });
    return {
      id,
      update: async (next) => this.#channel.update(id, toContent(next)),
      remove: async () => {
        this.#channel.remove(id);
      },
    };
  }
}

function toContent(reply: Reply) {
  const letters = lettersOf(reply);
  const files = (reply.pictures ?? []).map((picture) => ({ ...picture, id: randomUUID(), size: picture.bytes.length }));
  return {
    text: reply.text,
    files,
    removable: reply.removable === true,
    ...(reply.card && { card: reply.card }),
    ...(reply.figures && { figures: reply.figures }),
    ...(reply.about && { about: reply.about.id }),
    ...(letters !== undefined && { letters }),
  };
}
