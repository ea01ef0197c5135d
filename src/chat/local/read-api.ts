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

/** What reading a picture for a program takes. */
export interface Reading extends Pick<PhotoServices, 'readPhoto' | 'queue'> {
  /** Largest file that is taken, in bytes. */
  readonly maxBytes: number;
  /** Whether nothing new is taken, since the bot stops. */
  isStopping(): boolean;
  /** Whose unread files share their room with those of programs. */
  readonly channel: { readonly unread: Unread };
}

/** Pictures of programs that are read or wait at a time: each is in memory while it does. */
const MAX_READINGS = 4;
const MAX_NAME = 200;
/** What the queue knows programs by: they take turns with the page. */
const PROGRAMS = { channel: 'local api', person: 'local api' };

interface Asked {
  Querystring: { picture?: unknown; name?: unknown };
}

/**
 * Serves `POST /api/read`, a picture's bytes -> what is seen in it, as docs/api.md and docs/openapi.json say.
 * @returns waits for what is being read
 */
export async function serveReading(server: FastifyInstance, reading: Reading): Promise<() => Promise<void>> {
  const description = await readFile(new URL('../../../docs/openapi.json', import.meta.url));
  server.get('/api/openapi.json', (_request, reply) => reply.type('application/json').send(description));
  const underWay = new Set<Promise<unknown>>();
  await server.register(async (scope) => {
    // A picture is told by its bytes: whatever a program calls it comes in as it is.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.post<Asked>('/api/read', { bodyLimit: reading.maxBytes }, async (request, reply) => {
      if (reading.isStopping()) throw aboutToRestart();
      if (underWay.size >= MAX_READINGS)
        throw new UserError('busy', `I read ${MAX_READINGS} pictures for programs at a time. Try again in a moment.`);
      const work = answer(request, reply, reading);
      underWay.add(work);
      try {
        return await work;
      } finally {
        underWay.delete(work);
      }
    });
  });
  return async () => void (await Promise.allSettled(underWay));
}

async function answer(request: FastifyRequest<Asked>, reply: FastifyReply, reading: Reading): Promise<FastifyReply> {
  const gone = goneSignal(reply);
  const accept = request.headers.accept ?? '';
  const wantsPicture = /^\s*image\//.test(accept);
  // A program that asks for a JPEG cannot play an animation.
  const moving = /^\s*image\/jpe?g/.test(accept) ? undefined : 'webp';
  const body = request.body instanceof Readable ? request.body : Readable.from([]);
  const giveRoomBack = await reading.channel.unread.room(announcedBytes(request, reading.maxBytes), gone);
  const photo = await readBounded(body, reading.maxBytes)
    .then((bytes) => readInTurn(bytes, reading, moving, gone))
    .finally(giveRoomBack);
  const { picture } = photo;
  if (!wantsPicture) {
    const name = String(request.query.name ?? '').slice(0, MAX_NAME) || 'photo';
    const { milliseconds, ...told } = readingJson(whole(photo));
    const shown = picture && isOn(request.query.picture) && { picture: inJson(picture) };
    return reply.send({ photo: name, ...told, ...shown, milliseconds });
  }
  // Where there is no face there is nothing to draw.
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

/** @throws Error where what reads photos tells less than programs are promised */
function whole(photo: AnsweredPhoto): Parameters<typeof readingJson>[0] {
  const { width, height, milliseconds, faces, picture: _, copy: __, ...rest } = photo;
  if (width === undefined || height === undefined || milliseconds === undefined)
    throw new Error('no measures are told');
  return { ...rest, width, height, milliseconds, faces: faces.map(withBox) };
}

function withBox({ box, ...face }: AnsweredPhoto['faces'][number]): PhotoReading['faces'][number] {
  if (!box) throw new Error('where a face is is not told');
  return { ...face, box };
}
