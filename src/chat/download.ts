import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { NotYet, OutOfReach, tooLarge, UserError } from '../base/errors.ts';
import { GrowingBytes, giveBack } from '../base/large-bytes.ts';
import { inMinutes } from '../base/numbers.ts';
import { reasonCode, report } from '../base/observing.ts';

/**
 * Collects a stream, and stops reading it as soon as it is longer than allowed.
 * @param maxBytes most bytes that are kept
 * @returns bytes whose memory `giveBack` frees
 * @throws UserError 'too-large'
 */
export async function readBounded(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const bytes = new GrowingBytes(maxBytes);
  try {
    for await (const chunk of stream) {
      if (bytes.length + chunk.length > maxBytes) throw tooLarge(maxBytes);
      bytes.append(chunk);
    }
    return bytes.bytes();
  } catch (error) {
    giveBack(bytes.bytes());
    throw error;
  }
}

/** Collects a stream's first bytes, `maxBytes` at most, and reads no further. */
async function readStart(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

/** How many redirects are followed; a platform needs one at most. */
const MAX_REDIRECTS = 3;
/** What a person is told who asked. A photo that was only posted is tried again. */
const CANNOT_BE_LOADED = 'The picture could not be loaded. Try again in a minute.';
/** How often a file is requested in all, where the host is busy or the connection breaks. */
const MAX_TRIES = 3;
/** Milliseconds before the second try, doubled for each further one. If the host names a pause, that comes first. */
const FIRST_PAUSE_MS = 300;

/** A host counts as slow after this many milliseconds without a byte, where others wait. */
const STALL_MS = 5000;
/** From the fifth second on, a host also counts as slow if it sends fewer bytes a millisecond than this: 2 megabits a second. */
const SLOW_RATE = 250;
/** Longest pause, in milliseconds, that a download makes while others wait. */
const LONGEST_PAUSE_MS = 1000;
/** Milliseconds before a slow host is tried again. */
const AFTER_SLOWNESS_MS = 3000;

/** Limits of a download, and what it sends. */
export interface DownloadOptions {
  /** Where the platform keeps its files, e.g. 'https://files.example.com'. */
  readonly allowedOrigins: readonly string[];
  /** Sent to each of those origins, also after a redirect, and to no other: e.g. the token, without which none gives the file. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether an address that the host redirects to is a sign-in page, which means that the host refuses the file. */
  readonly isSignIn?: (address: URL) => boolean;
  /** Most bytes that are kept. */
  readonly maxBytes: number;
  /** True to load no more than the first `maxBytes` of a larger file. */
  readonly onlyStart?: boolean;
  /** Milliseconds for everything together: redirects, further tries and the bytes. */
  readonly timeoutMs: number;
  /** True where the caller holds a place that others wait for. If the host is slow or asks for a pause, the download then throws NotYet. */
  readonly othersWait?: boolean;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
}

/** The host does not give the file to the account that the headers name. */
export class HostRefused extends Error {
  override readonly name = 'HostRefused';
}

/**
 * Loads a posted file, only from the platform's own origins. If people could choose the address, they could reach into the
 * network that the bot runs in. Every redirect is checked like the address itself.
 *
 * @returns the file's bytes, of any type: what the host says about them is not trusted; `giveBack` frees their memory
 * @throws UserError 'not-allowed' for an address elsewhere, 'not-found' where the file is gone, 'too-large' as soon as more
 *   has arrived than allowed, 'too-slow' after `timeoutMs`, 'busy' where the host cannot be reached, fails again and
 *   again, redirects nowhere or in a circle; NotYet where others wait and the host is slow or asks for a pause; the
 *   signal's reason once it is aborted; HostRefused
 */
export async function downloadAttachment(url: string, options: DownloadOptions): Promise<Buffer> {
  const { signal, timeoutMs } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const bytes = await withRetries(() => loadOnce(url, options, either), either);
    report({ kind: 'download', bytes: bytes.length });
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    const reason = timeout.aborted
      ? new UserError('too-slow', 'The picture took too long to load. Try again, or try a smaller copy.', {
          cause: error,
        })
      : error;
    report({ kind: 'failed-download', code: reason instanceof HostRefused ? 'refused' : reasonCode(reason) });
    throw reason;
  }
}

/** The host cannot answer now, but may soon. */
class PassingFailure extends Error {
  override readonly name = 'PassingFailure';

  readonly pauseMs: number | undefined;

  constructor(message: string, pauseMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.pauseMs = pauseMs;
  }
}

async function withRetries(load: () => Promise<Buffer>, signal: AbortSignal): Promise<Buffer> {
  try {
    return await pRetry(load, {
      retries: MAX_TRIES - 1,
      minTimeout: FIRST_PAUSE_MS,
      signal,
      shouldRetry: ({ error }) => error instanceof PassingFailure,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        const isAgain = error instanceof PassingFailure && retriesLeft > 0;
        if (isAgain && error.pauseMs !== undefined) await delay(error.pauseMs, undefined, { signal });
      },
    });
  } catch (error) {
    if (!(error instanceof PassingFailure) || signal.aborted) throw error;
    throw new OutOfReach(CANNOT_BE_LOADED, { cause: error });
  }
}

async function loadOnce(address: string, options: DownloadOptions, outer: AbortSignal): Promise<Buffer> {
  const pace = options.othersWait === true ? new Pace() : undefined;
  const signal = pace ? AbortSignal.any([outer, pace.signal]) : outer;
  try {
    return await loadFrom(address, options, signal, pace);
  } finally {
    pace?.end();
  }
}

/** Measures how fast bytes arrive, and aborts its signal with NotYet as soon as the host is slow. */
class Pace {
  readonly #controller = new AbortController();
  readonly #startedAt = performance.now();
  #bytes = 0;
  #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = this.#until(STALL_MS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Counts bytes that arrived. */
  add(bytes: number): void {
    this.#bytes += bytes;
    clearTimeout(this.#timer);
    const soFar = performance.now() - this.#startedAt;
    this.#timer = this.#until(Math.min(STALL_MS, STALL_MS + this.#bytes / SLOW_RATE - soFar));
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #until(ms: number): NodeJS.Timeout {
    const slow = () => new NotYet('The picture is loading too slowly. Try again in a minute.', AFTER_SLOWNESS_MS);
    return setTimeout(() => this.#controller.abort(slow()), Math.max(0, ms));
  }
}

async function loadFrom(
  address: string,
  options: DownloadOptions,
  signal: AbortSignal,
  pace: Pace | undefined,
): Promise<Buffer> {
  const { isSignIn, maxBytes, onlyStart } = options;
  // A host that does not support ranges sends everything; reading stops early then.
  const headers = { ...options.headers, ...(onlyStart && { range: `bytes=0-${maxBytes - 1}` }) };
  let url = checkAddress(address, options);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, { headers, redirect: 'manual', signal }, options);
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      if (URL.canParse(location, url.href) && isSignIn?.(new URL(location, url))) {
        throw new HostRefused('a file’s host asks to sign in');
      }
      url = checkAddress(location, options, url);
      continue;
    }
    return await bytesOf(response, options, pace);
  }
  const cause = new Error(`a file was redirected more than ${MAX_REDIRECTS} times`);
  throw new UserError('busy', CANNOT_BE_LOADED, { cause });
}

async function request(url: URL, init: RequestInit, { fetch: send = fetch }: DownloadOptions): Promise<Response> {
  try {
    return await send(url, init);
  } catch (error) {
    if (error instanceof TypeError) throw new PassingFailure('no connection', undefined, { cause: error });
    throw error;
  }
}

async function bytesOf(
  response: Response,
  { maxBytes, onlyStart = false, othersWait = false }: DownloadOptions,
  pace: Pace | undefined,
): Promise<Buffer> {
  if (!response.ok) {
    await response.body?.cancel();
    throw failure(response, othersWait);
  }
  try {
    const stream = response.body ?? ReadableStream.from<Uint8Array>([]);
    return await (onlyStart ? readStart : readBounded)(paced(stream, pace), maxBytes);
  } catch (error) {
    if (error instanceof TypeError) throw new PassingFailure('the connection broke', undefined, { cause: error });
    throw error;
  }
}

async function* paced(stream: AsyncIterable<Uint8Array>, pace: Pace | undefined): AsyncIterable<Uint8Array> {
  for await (const chunk of stream) {
    pace?.add(chunk.length);
    yield chunk;
  }
}

function failure({ status, headers }: Response, othersWait: boolean): Error {
  if (status === 404 || status === 410) {
    return new UserError('not-found', 'That picture is not there any more. Post it again.');
  }
  if (status === 429 || status >= 500) {
    const pauseMs = pauseOf(headers);
    if (!othersWait || pauseMs === undefined || pauseMs <= LONGEST_PAUSE_MS)
      return new PassingFailure(`status ${status}`, pauseMs);
    return new NotYet(`The picture could not be loaded. Try again in ${inMinutes(pauseMs)}.`, pauseMs);
  }
  // A redirect that says where it leads has been followed before. This one comes from a host, or a proxy, that fails.
  if (status >= 300 && status < 400) return new PassingFailure(`status ${status} without a location`);
  const message = `a file's host answered with status ${status}`;
  return status === 401 || status === 403 ? new HostRefused(message) : new Error(message);
}

/** Milliseconds of a Retry-After header in seconds, the form that the platforms use; undefined for anything else. */
function pauseOf(headers: Headers): number | undefined {
  const seconds = Number.parseFloat(headers.get('retry-after') ?? '');
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** @throws UserError 'not-allowed' unless the address is one of the platform's */
function checkAddress(address: string, { allowedOrigins }: DownloadOptions, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : undefined;
  // Not `url.origin`: for 'blob:https://files.example.com/' that is the origin of the inner address.
  const origin = url && `${url.protocol}//${url.host}`;
  if (origin && url.username === '' && url.password === '' && allowedOrigins.includes(origin)) return url;
  throw new UserError(
    'not-allowed',
    'That picture is on another server. I only load what was uploaded here: upload it.',
  );
}
