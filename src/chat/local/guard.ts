import type { IncomingHttpHeaders } from 'node:http';

/** Headers of every answer: no foreign code, frames, referrers or embedding, and nothing kept by the browser's cache. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** What the guard looks at in an HTTP request. */
export interface GuardedRequest {
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
 * @param port the port that the page is served on
 */
export function refusal(request: GuardedRequest, port: number): string | undefined {
  const hosts = ['127.0.0.1', 'localhost'].flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  const host = request.headers.host?.toLowerCase();
  if (host === undefined || !hosts.includes(host)) {
    return `This page answers on ${hosts[0]} only.`;
  }
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const { origin } = request.headers;
  if (origin === undefined ? !reads : origin !== `http://${host}`) {
    return 'Only the page itself may do this.';
  }
  const site = request.headers['sec-fetch-site'];
  const isPage = reads && !request.url.startsWith('/api/');
  if (!isPage && site !== undefined && site !== 'same-origin' && site !== 'none') {
    return 'Only the page itself may do this.';
  }
  return undefined;
}
