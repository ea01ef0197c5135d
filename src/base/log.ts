import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { requestId } from './observing.ts';

export type { Logger };

/** Log levels, from the fewest lines to the most. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields whose values never reach the log, at the top and one level down: credentials and pictures. */
const REDACTED = ['token', 'secret', 'password', 'authorization', 'cookie', 'bytes', 'picture', 'pictures', 'photo'];

/** How many nested causes of an error are logged. */
const MAX_CAUSES = 5;

/**
 * Creates a logger that writes one JSON object a line. Lines that are logged during the work on a request have its `requestId`.
 *
 * Only name, message, code, stack and causes of an error are logged. The errors of network libraries hold whole requests in
 * other fields, including tokens and files.
 *
 * @param options.secrets strings, and patterns with the flag g, that are replaced everywhere in every line, e.g. tokens
 * @param options.destination where lines go; by default the standard error stream, since standard output is for answers
 */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly secrets?: readonly (string | RegExp)[];
  readonly destination?: { write(line: string): void };
}): Logger {
  const destination = options.destination ?? standardError();
  // The escaped form is replaced too, since a secret with a quote or a backslash looks different inside JSON. Patterns are copied: a
  // global one writes its lastIndex, and those of the configuration are frozen.
  const secrets = (options.secrets ?? []).flatMap((secret): (string | RegExp)[] => {
    if (typeof secret !== 'string') return [new RegExp(secret)];
    return secret === '' ? [] : [secret, JSON.stringify(secret).slice(1, -1)];
  });
  const stream: DestinationStream = {
    write(line) {
      destination.write(secrets.reduce<string>((text, secret) => text.replaceAll(secret, '[secret]'), line));
    },
  };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      mixin: () => {
        const id = requestId();
        return id === undefined ? {} : { requestId: id };
      },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
      serializers: { err: (error) => describeError(error) },
    },
    stream,
  );
}

/** The standard error stream. A line that cannot be written, on a full disk or where nobody reads any more, does not end the program. */
function standardError(): NodeJS.WritableStream {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return process.stderr;
}

function ignore(): void {}

function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1) }),
  };
}
