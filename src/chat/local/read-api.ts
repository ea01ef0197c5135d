import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AnsweredPhoto, PhotoServices } from '../../../commands/emotions.ts';
import { aboutToRestart, brokeDown, UserError } from '../../base/errors.ts';
import { WorkerDied } from '../../base/workers.ts';
import type { PhotoReading } from '../../photo/read-photo.ts';
import { readingJson } from '../../photo/reading-json.ts';
import { isLarge } from '../../work/queue.ts';
import { readBounded } from '../download.ts';
import type { Unread } from './unread.ts';
import { announcedBytes, goneSignal } from './unread.ts';

/** What this file needs to read pictures for programs. */
export interface Reading extends Pick<PhotoServices, 'readPhoto' | 'queue'> {
  /** Largest file that is accepted, in bytes. */
  readonly maxBytes: number;
  /** Whether the bot is stopping, so that nothing new is accepted. */
  isStopping(): boolean;
  /** The page's channel. Its unread files and those of programs share one memory limit. */
  readonly channel: { readonly unread: Unread };
}

/** How many pictures of programs are read or wait at a time. Each of them is in memory. */
const MAX_READINGS = 4;
const MAX_NAME = 200;
/** How all programs are named in the queue, so that they take turns with the page. */
const PROGRAMS = { channel: 'local api', person: 'local api' };

interface ReadRoute {
  Querystring: { picture?: unknown; name?: unknown };
}

/**
 * Serves `POST /api/read`: takes a picture's bytes and answers with the reading, as docs/api.md and docs/openapi.json describe.
 * @returns a function that waits until the readings under way have ended and their answers have been sent
 */
export async function serveReading(server: FastifyInstance, reading: Reading): Promise<() => Promise<void>> {
  const description = await readFile(new URL('../../../docs/openapi.json', import.meta.url));
  server.get('/api/openapi.json', (_request, reply) => reply.type('application/json').send(description));
  let underWay = 0;
  const unsent = new Set<Promise<void>>();
  await server.register(async (scope) => {
    // The bytes tell what a picture is, so any content type is accepted and the body is passed on unparsed.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.post<ReadRoute>('/api/read', { bodyLimit: reading.maxBytes }, async (request, reply) => {
      if (reading.isStopping()) throw aboutToRestart();
      if (underWay >= MAX_READINGS)
        throw new UserError('busy', `I read ${MAX_READINGS} pictures for programs at a time. Try again in a moment.`);
      // The server takes an answer for sent once it holds all of it. Of a large one most is still to be sent then.
      const sent = untilClosed(request, reply);
      unsent.add(sent);
      void sent.then(() => unsent.delete(sent));
      underWay++;
      try {
        return await answer(request, reply, reading);
      } finally {
        underWay--;
      }
    });
  });
  return async () => void (await Promise.all(unsent));
}

/** Resolves when an answer has been sent, or its program is gone. */
async function untilClosed({ raw: { socket } }: FastifyRequest<ReadRoute>, { raw }: FastifyReply): Promise<void> {
  let end = () => {};
  await new Promise<void>((resolve) => {
    end = resolve;
    raw.once('close', end);
    // An answer that waits behind another one over the same connection does not hear that this was closed.
    socket.once('close', end);
  });
  socket.off('close', end);
}

async function answer(
  request: FastifyRequest<ReadRoute>,
  reply: FastifyReply,
  reading: Reading,
): Promise<FastifyReply> {
  const gone = goneSignal(reply);
  const accept = request.headers.accept ?? '';
  const wantsPicture = /^\s*image\//.test(accept);
  // A program that asks for a JPEG cannot play an animation.
  const moving = /^\s*image\/jpe?g/.test(accept) ? undefined : 'webp';
  const body = request.body instanceof Readable ? request.body : Readable.from([]);
  const freeReservation = await reading.channel.unread.reserve(announcedBytes(request, reading.maxBytes), gone);
  const photo = await readBounded(body, reading.maxBytes)
    .then((bytes) => readInTurn(bytes, reading, moving, gone))
    .finally(freeReservation);
  const { picture } = photo;
  if (!wantsPicture) {
    const name = String(request.query.name ?? '').slice(0, MAX_NAME) || 'photo';
    const { milliseconds, ...rest } = readingJson(whole(photo));
    const shown = picture && isOn(request.query.picture) && { picture: inJson(picture) };
    return reply.send({ photo: name, ...rest, ...shown, milliseconds });
  }
  // A photo without faces has no annotated picture.
  if (!picture) return reply.code(204).send();
  return reply.type(picture.mime).send(Buffer.from(picture.bytes));
}

async function readInTurn(
  bytes: Uint8Array,
  { queue, readPhoto }: Reading,
  moving: 'webp' | undefined,
  signal: AbortSignal,
): Promise<AnsweredPhoto> {
  try {
    return await queue.run((hold) => readPhoto(bytes, signal, hold, moving), {
      ...PROGRAMS,
      large: isLarge(bytes.length),
      signal,
    });
  } catch (error) {
    if (error instanceof WorkerDied) throw brokeDown({ cause: error });
    throw error;
  }
}

function isOn(value: unknown): boolean {
  return value === '1' || value === 'true';
}

function inJson({ bytes, mime, altText }: NonNullable<AnsweredPhoto['picture']>) {
  return { type: mime, altText, base64: Buffer.from(bytes).toString('base64') };
}

/** @throws Error where a reading lacks fields that the API promises */
function whole(photo: AnsweredPhoto): Parameters<typeof readingJson>[0] {
  const { width, height, milliseconds, faces, picture: _, copy: __, ...rest } = photo;
  if (width === undefined || height === undefined || milliseconds === undefined)
    throw new Error('the reading lacks its size or time');
  return { ...rest, width, height, milliseconds, faces: faces.map(withBox) };
}

function withBox({ box, ...face }: AnsweredPhoto['faces'][number]): PhotoReading['faces'][number] {
  if (!box) throw new Error('the reading lacks the box of a face');
  return { ...face, box };
}
