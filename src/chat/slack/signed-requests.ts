import type { IncomingMessage, ServerResponse } from 'node:http';
import { defaultBodyLimit, HTTPModuleFunctions, type HTTPReceiver, isRawBodyError } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';

/** Seconds that Slack's clock and this machine's may differ by. */
const MAX_SKEW = 5 * 60;

/** Why a request is not taken, with the status that says so. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Has a receiver see nothing but what it can stand: signed requests of now whose body is an object. By itself the library
 * takes a time in the future, and a body such as `null` ends the process.
 */
export function takeSignedRequestsOnly(receiver: HTTPReceiver, signingSecret: string, log: Logger): void {
  const pass = receiver.requestListener;
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      await check(request, signingSecret);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      log.warn({ platform: 'slack', status: error.status, err: error }, 'a request was refused');
      // What is left of its body is read over, so that the connection can end.
      request.resume();
      response.writeHead(error.status, { connection: 'close' }).end();
      return;
    }
    pass(request, response);
  };
  receiver.requestListener = (request, response) => {
    // Everything else is what the library answers with 404.
    if (request.method !== 'POST') return pass(request, response);
    take(request, response).catch((error: unknown) => {
      log.error({ platform: 'slack', err: error }, 'a request could not be taken');
      if (!response.headersSent) HTTPModuleFunctions.buildNoBodyResponse(response, 500);
    });
  };
}

/** @throws Refused */
async function check(request: IncomingMessage, signingSecret: string): Promise<void> {
  const signed = await HTTPModuleFunctions.parseAndVerifyHTTPRequest(
    { signingSecret, enabled: true, bodyLimit: defaultBodyLimit },
    request,
  ).catch((cause: unknown) => {
    const status = isRawBodyError(cause) && cause.statusCode === 413 ? 413 : 401;
    throw new Refused(status, status === 413 ? 'too large a body' : 'no signature of Slack’s', { cause });
  });
  const body = parsed(signed);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Refused(400, 'a body that is no object');
  // What the library lets through unsigned holds nothing beside this.
  if ('ssl_check' in body && body.ssl_check === '1') return;
  const seconds = Number(request.headers['x-slack-request-timestamp']);
  // Written like this, what is no number is refused too.
  if (!(Math.abs(Date.now() / 1000 - seconds) <= MAX_SKEW)) throw new Refused(401, 'a time too far from now');
}

function parsed(request: Parameters<typeof HTTPModuleFunctions.parseHTTPRequestBody>[0]): unknown {
  try {
    return HTTPModuleFunctions.parseHTTPRequestBody(request);
  } catch (cause) {
    throw new Refused(400, 'a body that cannot be parsed', { cause });
  }
}
