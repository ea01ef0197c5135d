import type { IncomingMessage, ServerResponse } from 'node:http';
import { defaultBodyLimit, HTTPModuleFunctions, type HTTPReceiver, isRawBodyError } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';

/** By how many seconds Slack's clock and this machine's may differ. */
const MAX_SKEW = 5 * 60;

/** A request is refused, with the HTTP status to answer. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Makes a receiver accept only requests that have Slack's signature, a time close to now and an object as their body. The
 * library itself accepts times in the future, and a body such as `null` ends the process.
 */
export function takeSignedRequestsOnly(receiver: HTTPReceiver, signingSecret: string, log: Logger): void {
  const pass = receiver.requestListener;
  const refuse = (request: IncomingMessage, response: ServerResponse, error: Refused) => {
    log.warn({ platform: 'slack', status: error.status, err: error }, 'a request was refused');
    // The rest of the body is read and dropped, so that the connection can end.
    request.resume();
    response.writeHead(error.status, { connection: 'close' }).end();
  };
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      await check(request, signingSecret);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return refuse(request, response, error);
    }
    pass(request, response);
  };
  receiver.requestListener = (request, response) => {
    // Strangers who look for weak servers send such paths. The library takes that for an error of its own.
    if (!URL.canParse(request.url ?? '', 'http://localhost')) {
      return refuse(request, response, new Refused(400, 'a path that is none'));
    }
    // The library answers every other method itself.
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
  // The library accepts this one request without a signature. It holds nothing else.
  if ('ssl_check' in body && body.ssl_check === '1') return;
  const seconds = Number(request.headers['x-slack-request-timestamp']);
  // Written this way, NaN is refused too.
  if (!(Math.abs(Date.now() / 1000 - seconds) <= MAX_SKEW)) throw new Refused(401, 'a time too far from now');
}

function parsed(request: Parameters<typeof HTTPModuleFunctions.parseHTTPRequestBody>[0]): unknown {
  try {
    return HTTPModuleFunctions.parseHTTPRequestBody(request);
  } catch (cause) {
    throw new Refused(400, 'a body that cannot be parsed', { cause });
  }
}
