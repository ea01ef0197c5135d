import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { tooLarge, UserError } from '../base/errors.ts';
import { GrowingBytes, giveBack } from '../base/large-bytes.ts';
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

/** Redirects that are followed: a platform needs one at most. */
const MAX_REDIRECTS = 3;
/** Tries in all where the host is busy or the connection breaks. */
const MAX_TRIES = 3;
/** Milliseconds before the second try, doubled for each further one; a host that names a time gets that first. */
const FIRST_PAUSE_MS = 300;

/** What a download may and may not. */
export interface DownloadOptions {
  /** Where the platform keeps its files, e.g. 'https://files.example.com'. */
  readonly allowedOrigins: readonly string[];
  /** Sent to each of those, redirected to or not, and to nobody else: e.g. the token, without which none gives the file. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether an address that the host redirects to is a page to sign in at: then it refuses the file. */
  readonly isSignIn?: (address: URL) => boolean;
  /** Most bytes that are kept. */
  readonly maxBytes: number;
  /** True to load no more than the first `maxBytes` of a larger file. */
  readonly onlyStart?: boolean;
  /** Milliseconds for everything together: redirects, further tries and the bytes. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
}

/** The host does not give the file to the asker that the headers name. */
export class HostRefused extends Error {
  override readonly name = 'HostRefused';
}

/**
 * Loads a file that was posted, from nowhere but the platform's own origins: an address that a person could choose would
 * let them look into the network that the bot runs in. Every redirect is checked like the address itself.
 *
 * @returns the file's bytes, of whatever type: what the host says about them is not believed; `giveBack` frees their memory
 * @throws UserError 'not-allowed' for an address elsewhere, 'not-found' where the file is gone, 'too-large' as soon as more
 *   has arrived than allowed, 'too-slow' after `timeoutMs`, 'busy' where the host cannot be reached or fails again and
 *   again; the signal's reason once it is aborted; HostRefused
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
    throw new UserError('busy', 'The picture could not be loaded just now. Try again in a minute.', { cause: error });
  }
}

async function loadOnce(address: string, options: DownloadOptions, signal: AbortSignal): Promise<Buffer> {
  const { isSignIn, maxBytes, onlyStart } = options;
  // A host may not know of ranges and send everything: then reading stops early.
  const headers = { ...options.headers, ...(onlyStart && { range: `bytes=0-${maxBytes - 1}` }) };
  let url = checked(address, options);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, { headers, redirect: 'manual', signal }, options);
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      if (URL.canParse(location, url.href) && isSignIn?.(new URL(location, url))) {
        throw new HostRefused('a file’s host asks to sign in');
      }
      url = checked(location, options, url);
      continue;
    }
    return await bytesOf(response, options);
  }
  throw new Error(`a file was redirected more than ${MAX_REDIRECTS} times`);
}

async function request(url: URL, init: RequestInit, { fetch: send = fetch }: DownloadOptions): Promise<Response> {
  try {
    return await send(url, init);
  } catch (error) {
    if (error instanceof TypeError) throw new PassingFailure('no connection', undefined, { cause: error });
    throw error;
  }
}

async function bytesOf(response: Response, { maxBytes, onlyStart = false }: DownloadOptions): Promise<Buffer> {
  if (!response.ok) {
    await response.body?.cancel();
    throw failure(response);
  }
  try {
    const stream = response.body ?? ReadableStream.from<Uint8Array>([]);
    return await (onlyStart ? readStart : readBounded)(stream, maxBytes);
  } catch (error) {
    if (error instanceof TypeError) throw new PassingFailure('the connection broke', undefined, { cause: error });
    throw error;
  }
}

function failure({ status, headers }: Response): Error {
  if (status === 404 || status === 410) {
    return new UserError('not-found', 'That picture is not there any more. Post it again.');
  }
  if (status === 429 || status >= 500) return new PassingFailure(`status ${status}`, pauseOf(headers));
  const message = `a file's host answered with status ${status}`;
  return status === 401 || status === 403 ? new HostRefused(message) : new Error(message);
}

/** Milliseconds of a Retry-After header in seconds, the form that the platforms use; undefined for anything else. */
function pauseOf(headers: Headers): number | undefined {
  const seconds = Number.parseFloat(headers.get('retry-after') ?? '');
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** @throws UserError 'not-allowed' unless the address is one of the platform's */
function checked(address: string, { allowedOrigins }: DownloadOptions, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base) : undefined;
  // Not `url.origin`: for 'blob:https://files.example.com/' that names the host within.
  const origin = url && `${url.protocol}//${url.host}`;
  if (origin && url.username === '' && url.password === '' && allowedOrigins.includes(origin)) return url;
  throw new UserError(
    'not-allowed',
    'That picture is on another server. I only load what was uploaded here: upload it.',
  );
}
