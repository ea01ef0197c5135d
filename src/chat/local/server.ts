import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { fileTypeFromBuffer } from 'file-type';
import { z } from 'zod';
import type { CommandRegistry } from '../../../commands/registry.ts';
import { tooLarge, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { readBounded } from '../download.ts';
import type { LocalChannel } from './channel.ts';
import { bringsKey, keyCookie, type PageAddress, refusal, SECURITY_HEADERS } from './guard.ts';
import { servePage } from './page-files.ts';
import { type Reading, serveReading } from './read-api.ts';
import { announcedBytes, goneSignal } from './unread.ts';

/** Media types that browsers show without running code in them. */
const SHOWN: readonly string[] = ['jpeg', 'png', 'apng', 'gif', 'webp', 'avif', 'bmp'].map((name) => `image/${name}`);
/** So many bytes from the start of a file tell its type. */
const START_BYTES = 4100;

/**
 * The media type to show a file as. Its bytes decide, never its name or what the sender calls it.
 * @returns undefined for everything but raster pictures that browsers show; SVG above all may hold scripts
 */
export async function browserPictureType(bytes: Uint8Array): Promise<string | undefined> {
  const type = await fileTypeFromBuffer(bytes.subarray(0, START_BYTES));
  return SHOWN.find((mime) => mime === type?.mime);
}

/** How many photos one message may have. */
export const MAX_FILES = 10;
/** How many characters a message's text may have. */
const MAX_TEXT = 2000;
const MAX_NAME = 200;
/** How many bytes a message's JSON may have: text, names and ids. */
const MAX_JSON = 64 * 1024;
/** How many files may arrive at a time. Each of them is in memory. */
const MAX_UPLOADS = 4;
/** How many browser tabs may listen at a time. */
const MAX_LISTENERS = 16;
/** How many bytes may wait for a tab that does not read them. Beyond that it is disconnected, and reconnects. */
const MAX_BACKLOG = 4 * 1024 * 1024;
/** Milliseconds between heartbeats, so that neither side takes a silent connection for a dead one. */
const HEARTBEAT_MS = 25_000;

/** A file of a posted message: either uploaded before, or only announced because it is too large to upload. */
export type PostedFile = { readonly upload: string } | { readonly name: string; readonly size: number };

const JUDGEMENT = z.union([
  z.object({ right: z.literal(true) }),
  z.object({
    right: z.literal(false).default(false),
    faces: z.array(z.object({ number: z.number().int(), meant: z.enum(EMOTIONS) })).max(200),
  }),
]);

/** What a person thinks of an answer: that all of it is right, or which emotions some of its faces show instead. */
export type Judgement = z.infer<typeof JUDGEMENT>;

/** What the server needs from the platform. */
interface ServerOptions extends Reading {
  readonly channel: LocalChannel;
  readonly commands: CommandRegistry;
  readonly log: Logger;
  readonly keepMs: number;
  /** The page's port and key; the port is 0 until the server listens. */
  address(): PageAddress;
  /** Posts a message from the page. @throws UserError where it is not accepted */
  post(text: string, files: readonly PostedFile[]): { readonly id: string };
  /** Counts what the person thinks of an answer. @throws UserError where that cannot be counted */
  judge(id: string, judgement: Judgement): Promise<void>;
}

const POSTED = z.object({
  text: z.string().max(MAX_TEXT).default(''),
  files: z
    .array(
      z.union([
        z.object({ upload: z.uuid() }),
        z.object({ name: z.string().max(MAX_NAME), size: z.number().int().nonnegative() }),
      ]),
    )
    .max(MAX_FILES)
    .default([]),
});

/**
 * Creates the page's web server, which does not listen yet. It serves the page, its events, and the API.
 * @returns the server, a function that ends all event streams (an open one keeps the server from closing), and one that
 *   waits for the readings of programs
 */
export async function createServer(
  options: ServerOptions,
): Promise<{ readonly server: FastifyInstance; endStreams(): void; readingsEnded(): Promise<void> }> {
  const server = Fastify({ logger: false, bodyLimit: MAX_JSON, requestTimeout: 120_000, forceCloseConnections: true });
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    const address = options.address();
    const reason = refusal(request, address);
    if (reason !== undefined) {
      reply.code(403);
      // A browser shows the sentence, a program gets the code as well.
      const isShown = request.headers.accept?.includes('text/html') === true;
      return isShown
        ? reply.type('text/plain; charset=utf-8').send(reason)
        : reply.send({ code: 'not-allowed', message: reason });
    }
    if (bringsKey(request, address.key)) reply.header('set-cookie', keyCookie(address));
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ code: 'not-found', message: 'Nothing here.' }));
  server.setErrorHandler((error, request, reply) => {
    const isTooLarge = error instanceof Error && 'statusCode' in error && error.statusCode === 413;
    if (!isTooLarge) return sendError(error, reply, options.log);
    return sendError(takesFiles(request) ? tooLarge(options.maxBytes) : tooMuch(), reply, options.log);
  });
  await servePage(server, options.commands);
  serveUploads(server, options);
  serveMessages(server, options);
  const endStreams = serveEvents(server, options);
  const readingsEnded = await serveReading(server, options);
  return { server, endStreams, readingsEnded };
}

function takesFiles({ routeOptions: { url } }: FastifyRequest): boolean {
  return url === '/api/files' || url === '/api/read';
}

function serveUploads(server: FastifyInstance, { channel, maxBytes }: ServerOptions): void {
  let arriving = 0;
  // The stream is passed on unparsed; readBounded counts its bytes as they arrive.
  server.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  server.post<{ Querystring: { name?: unknown } }>('/api/files', { bodyLimit: maxBytes }, async (request, reply) => {
    if (arriving >= MAX_UPLOADS) throw new UserError('busy', 'Too many files are arriving at once. Try again.');
    arriving++;
    let freeReservation = () => {};
    try {
      const file = fileOf(request);
      freeReservation = await channel.unread.reserve(announcedBytes(request, maxBytes), goneSignal(reply));
      const bytes = await readBounded(file, maxBytes);
      const mime = await browserPictureType(bytes);
      const name = String(request.query.name ?? '').slice(0, MAX_NAME) || 'picture';
      const id = channel.upload({ name, bytes, ...(mime !== undefined && { mime }) });
      return await reply.code(201).send({ id });
    } finally {
      freeReservation();
      arriving--;
    }
  });
}

/** @throws UserError 'bad-usage' where the request holds no file */
function fileOf({ body, headers }: FastifyRequest): Readable {
  if (body instanceof Readable) return body;
  // The server makes no stream for an empty body.
  if (body === undefined && headers['content-type']?.startsWith('application/octet-stream')) return Readable.from([]);
  throw new UserError('bad-usage', 'There is no file in this request. Send its bytes as application/octet-stream.');
}

function serveMessages(server: FastifyInstance, options: ServerOptions): void {
  const { channel } = options;
  server.post('/api/messages', async (request, reply) => {
    const posted = POSTED.safeParse(request.body);
    if (!posted.success) {
      throw tooMuch();
    }
    const { id } = options.post(posted.data.text.trim(), posted.data.files);
    return await reply.code(202).send({ id });
  });
  server.delete<{ Params: { id: string } }>('/api/messages/:id', async (request, reply) => {
    if (!channel.remove(request.params.id)) throw new UserError('not-found', 'That message is gone already.');
    return await reply.code(204).send();
  });
  server.post<{ Params: { id: string } }>('/api/messages/:id/right', async (request, reply) => {
    const judgement = JUDGEMENT.safeParse(request.body);
    if (!judgement.success) throw new UserError('bad-usage', 'I could not read that. Reload the page and try again.');
    await options.judge(request.params.id, judgement.data);
    return await reply.code(204).send();
  });
  server.get<{ Params: { id: string } }>('/api/files/:id', async (request, reply) => {
    const file = channel.shown(request.params.id);
    if (file?.bytes === undefined) throw new UserError('not-found', 'That picture is gone.');
    return await reply
      .header('content-security-policy', "default-src 'none'; sandbox")
      .type(file.mime ?? 'application/octet-stream')
      .send(Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength));
  });
}

/** Serves server-sent events: all messages when a tab connects, then every change. */
function serveEvents(server: FastifyInstance, { channel, maxBytes, keepMs }: ServerOptions): () => void {
  const streams = new Set<FastifyReply['raw']>();
  // A request for the headers alone would get no byte, and hold its place among the listeners.
  server.get('/api/events', { exposeHeadRoute: false }, (request: FastifyRequest, reply: FastifyReply) => {
    if (streams.size >= MAX_LISTENERS) throw new UserError('busy', 'This page is open in too many tabs.');
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream; charset=utf-8' });
    streams.add(stream);
    const write = (text: string) => {
      // While the bot is stopping, work that was given up may still report to a stream that has ended.
      if (stream.writableEnded || stream.destroyed) return;
      if (stream.writableLength > MAX_BACKLOG) stream.destroy();
      else stream.write(text);
    };
    const send = (event: unknown) => write(`data: ${JSON.stringify(event)}\n\n`);
    // Photos that were sent and not posted yet take memory until they are. Two tabs that send at once find enough of it.
    const together = Math.min(maxBytes, channel.unread.most / 2);
    const limits = { maxBytes, together, maxFiles: MAX_FILES, keepMinutes: Math.round(keepMs / 60_000) };
    send({ type: 'all', messages: channel.messages(), progress: channel.underWay(), limits });
    const stopListening = channel.listen(send);
    const heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS);
    request.raw.once('close', () => {
      clearInterval(heartbeat);
      stopListening();
      streams.delete(stream);
    });
  });
  return () => {
    for (const stream of streams) stream.end();
  };
}

const STATUS: Readonly<Partial<Record<UserError['code'], number>>> = {
  'too-large': 413,
  'too-many-pixels': 413,
  'not-a-picture': 415,
  'unsupported-picture': 415,
  'broke-down': 422,
  'too-slow': 422,
  'not-found': 404,
  'not-allowed': 403,
  busy: 503,
};

function tooMuch(): UserError {
  return new UserError(
    'bad-usage',
    `A message has at most ${MAX_TEXT} characters and ${MAX_FILES} photos. Post the rest in another one.`,
  );
}

function sendError(error: unknown, reply: FastifyReply, log: Logger): FastifyReply {
  // The sender has disconnected during the request, so nobody receives an answer.
  if (reply.raw.destroyed) return reply.hijack();
  if (error instanceof UserError) {
    // A body that was announced as too large is dropped as it comes: most programs read no answer before they have sent everything, and
    // get none over a connection that is closed before that. Of one that only turned out to be too large the rest is not read.
    if (error.code === 'too-large' && reply.request.raw.destroyed) reply.header('connection', 'close');
    return reply.code(STATUS[error.code] ?? 400).send({ code: error.code, message: error.message });
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) {
    return reply
      .code(status)
      .send({ code: 'bad-usage', message: 'I could not read that. Reload the page and try again.' });
  }
  const errorId = randomBytes(4).toString('hex');
  log.error({ errorId, err: error }, 'the local page failed');
  return reply.code(500).send({ code: 'bug', message: `Something went wrong; the log has it as ${errorId}.` });
}
