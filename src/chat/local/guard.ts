import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Headers of every answer. They forbid foreign code, frames, referrers and embedding, and keep answers out of the browser's cache. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** The page listens on this machine only, since anybody who opens it with its key has the operator's rights. */
export const PAGE_HOST = '127.0.0.1';
/** How many ports are tried after the configured one. */
const MORE_PORTS = 10;

/** The ports to try; the page takes the first free one. */
export function pagePorts(wanted: number): number[] {
  const last = Math.min(wanted + MORE_PORTS, 65_535);
  return Array.from({ length: last - wanted + 1 }, (_, k) => wanted + k);
}

/** Whether the answer to a request without the key comes from a page of this bot. */
export function isPage({ status, headers }: Response): boolean {
  return Object.entries(SECURITY_HEADERS).every(([name, value]) => headers.get(name) === value) && status === 403;
}

/** The part of an HTTP request that the guard checks. */
interface GuardedRequest {
  readonly method: string;
  /** Path with its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Why a request must be refused, or undefined where it comes from the page itself. Binding to 127.0.0.1 keeps other
 * machines out, but not other web sites that the person has open:
 *
 * - A foreign site may point its own name at 127.0.0.1 (DNS rebinding); its name is then in the Host header.
 * - A foreign page may send a form or a fetch here; browsers then name the sender in Origin and Sec-Fetch-Site.
 *
 * It does not keep out other users of the same machine either. The key does: they do not know it.
 */
export function refusal(request: GuardedRequest, { port, key }: PageAddress): string | undefined {
  const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  const host = request.headers.host?.toLowerCase();
  if (host === undefined || !hosts.includes(host)) {
    return `This page answers on ${hosts[0]} only.`;
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const { origin } = request.headers;
  // A program that sends the key is no web page: a browser adds Origin where a page sends this header to another site.
  const isProgram = hasBearer(request, key);
  if (origin === undefined ? !reads && !isProgram : origin !== `http://${host}`) {
    const program = origin === undefined ? ' A program sends the key: Authorization: Bearer KEY.' : '';
    return `Only the page itself may do this.${program}`;
  }
  const site = request.headers['sec-fetch-site'];
  // Anybody may follow a link to the page. The path is not compared with the API's, which can be written in many ways: /%61pi/events.
  const isPage = reads && request.url.split('?')[0] === '/';
  if (!isPage && site !== undefined && site !== 'same-origin' && site !== 'none') {
    return 'Only the page itself may do this.';
  }
  if (!isProgram && !bringsKey(request, key) && !hasKeyCookie(request, { port, key })) {
    return 'This page is for the person who started the bot: open the address that npm start printed last, with its key.';
  }
  return undefined;
}

/** Where the page is served, and the key that opens it. */
export interface PageAddress {
  readonly port: number;
  /** A random text at the end of the page's address. */
  readonly key: string;
}

/** The page's URL with its key, for the person who starts the bot. */
export function addressOf(host: string, { port, key }: PageAddress): string {
  return `http://${host}:${port}/?key=${key}`;
}

/** Whether a request opens the page by its URL with the key. */
export function bringsKey({ method, url }: GuardedRequest, key: string): boolean {
  const [path, query = ''] = url.split('?');
  return method === 'GET' && path === '/' && isSame(new URLSearchParams(query).get('key') ?? '', key);
}

/**
 * The cookie in which the browser sends the key from then on. Its name holds the port, since browsers send a host's cookies to all its
 * ports.
 */
export function keyCookie(address: PageAddress): string {
  return `${keyPair(address)}; Path=/; HttpOnly; SameSite=Strict`;
}

function hasKeyCookie({ headers }: GuardedRequest, address: PageAddress): boolean {
  return (headers.cookie ?? '').split(/;\s*/).some((pair) => isSame(pair, keyPair(address)));
}

/** Whether a request to the API holds the key in its Authorization header. */
function hasBearer({ url, headers }: GuardedRequest, key: string): boolean {
  return url.startsWith('/api/') && isSame(headers.authorization ?? '', `Bearer ${key}`);
}

function keyPair({ port, key }: PageAddress): string {
  return `emotions-${port}=${key}`;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
