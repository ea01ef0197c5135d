import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Headers of every answer: no foreign code, frames, referrers or embedding, and nothing kept by the browser's cache. */
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

/** Only this machine: whoever opens the page with its key is the operator. */
export const PAGE_HOST = '127.0.0.1';
/** Ports that are tried after the configured one. */
const MORE_PORTS = 10;

/** The ports that the page takes the first free one of. */
export function pagePorts(wanted: number): number[] {
  const last = Math.min(wanted + MORE_PORTS, 65_535);
  return Array.from({ length: last - wanted + 1 }, (_, k) => wanted + k);
}

/** Whether an answer to somebody without the key is a page's. */
export function isPage({ status, headers }: Response): boolean {
  return Object.entries(SECURITY_HEADERS).every(([name, value]) => headers.get(name) === value) && status === 403;
}

/** What the guard looks at in an HTTP request. */
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
 * - A foreign site may point its own name at 127.0.0.1 (DNS rebinding); its name then stands in the Host header.
 * - A foreign page may send a form or a fetch here; browsers then say so in Origin and Sec-Fetch-Site.
 *
 * Nor does it keep out the other users of a machine that has several: they do not know the key.
 */
export function refusal(request: GuardedRequest, { port, key }: Door): string | undefined {
  const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  const host = request.headers.host?.toLowerCase();
  if (host === undefined || !hosts.includes(host)) {
    return `This page answers on ${hosts[0]} only.`;
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const { origin } = request.headers;
  // A program that knows the key is no web page: browsers name the origin of whatever sends this header across sites.
  const isProgram = hasBearer(request, key);
  if (origin === undefined ? !reads && !isProgram : origin !== `http://${host}`) {
    const program = origin === undefined ? ' A program sends the key: Authorization: Bearer KEY.' : '';
    return `Only the page itself may do this.${program}`;
  }
  const site = request.headers['sec-fetch-site'];
  const isPage = reads && !request.url.startsWith('/api/');
  if (!isPage && site !== undefined && site !== 'same-origin' && site !== 'none') {
    return 'Only the page itself may do this.';
  }
  if (!isProgram && !bringsKey(request, key) && !hasKeyCookie(request, { port, key })) {
    return 'This page is for the person who started the bot: open the address that npm start printed last, with its key.';
  }
  return undefined;
}

/** Where the page is served. */
export interface Door {
  readonly port: number;
  /** What its address ends in. */
  readonly key: string;
}

/** The page's address, for the person who starts the bot. */
export function addressOf(host: string, { port, key }: Door): string {
  return `http://${host}:${port}/?key=${key}`;
}

/** Whether a request opens the page by its address. */
export function bringsKey({ method, url }: GuardedRequest, key: string): boolean {
  const [path, query = ''] = url.split('?');
  return method === 'GET' && path === '/' && isSame(new URLSearchParams(query).get('key') ?? '', key);
}

/** The cookie that the browser shows the key by from then on. Its name holds the port, since browsers send a host's cookies to all of its ports. */
export function keyCookie(door: Door): string {
  return `${keyPair(door)}; Path=/; HttpOnly; SameSite=Strict`;
}

function hasKeyCookie({ headers }: GuardedRequest, door: Door): boolean {
  return (headers.cookie ?? '').split(/;\s*/).some((pair) => isSame(pair, keyPair(door)));
}

/** Whether a program shows the key, to the part of the page that is for programs. */
function hasBearer({ url, headers }: GuardedRequest, key: string): boolean {
  return url.startsWith('/api/') && isSame(headers.authorization ?? '', `Bearer ${key}`);
}

function keyPair({ port, key }: Door): string {
  return `emotions-${port}=${key}`;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
