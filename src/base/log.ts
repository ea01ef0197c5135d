import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { requestId } from './observing.ts';

export type { Logger };

/** How much is logged, from least to most. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields that never reach the log, at the top and one level down: credentials, and pictures, whoever logged them. */
const REDACTED = ['token', 'secret', 'password', 'authorization', 'cookie', 'bytes', 'picture', 'pictures', 'photo'];

/** How deep the causes of an error are logged. */
const MAX_CAUSES = 5;

/**
 * A logger of one JSON object a line. What is logged while a request is worked on carries its `requestId`.
 *
 * Errors are logged by name, message, code, stack and causes only: the errors of network libraries carry whole requests,
 * tokens and files included, in fields of their own.
 *
 * @param options.secrets strings, and patterns with the flag g, that are replaced in every line wherever they stand, e.g. tokens
 * @param options.destination where lines go; the standard error stream unless told (standard output belongs to answers)
 */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly secrets?: readonly (string | RegExp)[];
  readonly destination?: { write(line: string): void };
}): Logger {
  const destination = options.destination ?? process.stderr;
  // An escaped form too, since a secret with a quote or a backslash looks different inside JSON. A pattern counts where it is, so a
  // frozen one is of no use.
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
