import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf } from '../body.ts';

/** A request to the fake, taken apart. */
export interface Call {
  readonly method: string;
  /** Without '/api/v10', decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sends is looked at by tests, each by its own shape.
  readonly json: any;
  readonly files: readonly { readonly filename: string; readonly type: string; readonly bytes: Buffer }[];
  readonly at: number;
}

/** An answer: a status and a JSON body, a file, or no body. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @returns undefined where the bot died in the middle */
export async function readCall(request: IncomingMessage): Promise<Call | undefined> {
  const body = await bodyOf(request);
  if (body === undefined) return undefined;
  const url = new URL(request.url!, 'http://fake');
  const type = request.headers['content-type'] ?? '';
  const files: Call['files'][number][] = [];
  let json: unknown;
  if (type.startsWith('application/json')) json = JSON.parse(body.toString());
  if (type.startsWith('multipart/form-data')) {
    const form = await new Response(body, { headers: { 'content-type': type } }).formData();
    for (const value of form.values()) {
      if (typeof value === 'string') json = JSON.parse(value);
      else files.push({ filename: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) });
    }
  }
  return {
    method: request.method!,
    path: decodeURIComponent(url.pathname).replace('/api/v10', ''),
    query: url.searchParams,
    authorization: request.headers.authorization,
    json,
    files,
    at: Date.now(),
  };
}

export function writeAnswer(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  if (body === undefined || Buffer.isBuffer(body)) {
    response.writeHead(status, headers).end(body);
  } else {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }
}

/** An error as Discord words them. */
export function refusal(status: number, code: number, message: string, errors?: unknown): Answer {
  return { status, body: { code, message, ...(errors !== undefined && { errors }) } };
}
