import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parse } from 'dotenv';
import { z } from 'zod';
import { LOG_LEVELS } from './log.ts';

/** A setting that cannot be used. The message is for the person who runs the bot; it never repeats a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** A whole number, digits only; an empty setting counts as one left out. */
function whole(min: number, max: number, fallback: number) {
  const sentence = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .default(String(fallback))
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max, sentence)
    .transform(Number);
}

/** Every setting: its name in the environment, what it may be, what it is when left out. */
const SETTINGS = z.object({
  LOCAL_PORT: whole(0, 65_535, 3000),
  LOCAL_MAX_PHOTOS: whole(1, 1000, 40),
  LOCAL_KEEP_MINUTES: whole(1, 1440, 60),
  MODEL_DIR: z.string().default('model'),
  THREADS: whole(1, 64, Math.min(4, availableParallelism())),
  MAX_PHOTO_MB: whole(1, 100, 32),
  PHOTO_CONCURRENCY: whole(1, 32, 2),
  PHOTO_QUEUE: whole(0, 10_000, 50),
  SHUTDOWN_SECONDS: whole(1, 300, 20),
  LOG_LEVEL: z
    .string()
    .default('info')
    .refine((text) => (LOG_LEVELS as readonly string[]).includes(text), `must be one of ${LOG_LEVELS.join(', ')}`)
    .transform((text) => text as (typeof LOG_LEVELS)[number]),
});

/** The bot's configuration, checked and frozen. */
export interface Config {
  readonly local: {
    /** TCP port of the local page; 0 takes any free one. */
    readonly port: number;
    /** Photos that the local page keeps in memory at most. */
    readonly maxPhotos: number;
    /** How long the local page keeps a photo, in milliseconds. */
    readonly keepMs: number;
  };
  readonly model: {
    /** Folder of the network, absolute. */
    readonly directory: string;
    /** Threads that the network computes on. */
    readonly threads: number;
  };
  readonly photos: {
    /** Largest file that is read, in bytes. */
    readonly maxBytes: number;
    /** Photos that are read at a time. */
    readonly concurrency: number;
    /** Photos that may wait for their turn. */
    readonly maxWaiting: number;
  };
  /** How long work under way may go on once the bot is told to stop, in milliseconds. */
  readonly shutdownMs: number;
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] };
  /** Names in the .env file that are no settings: most likely misspelt. */
  readonly unknownSettings: readonly string[];
}

/**
 * Reads the settings from the environment and from a .env file; the environment wins.
 * @param options.environment the environment's variables; the process's own unless told
 * @param options.directory where the .env file is looked for and what relative folders start from; the working directory
 *   unless told
 * @throws ConfigError with a sentence for each setting that cannot be used
 */
export function loadConfig(
  options: { readonly environment?: Readonly<Record<string, string | undefined>>; readonly directory?: string } = {},
): Config {
  const { environment = process.env, directory = process.cwd() } = options;
  const file = readEnvFile(resolve(directory, '.env'));
  const raw = Object.fromEntries(
    Object.keys(SETTINGS.shape).flatMap((name) => {
      const value = (environment[name] ?? file[name])?.trim();
      return value ? [[name, value]] : [];
    }),
  );
  const parsed = SETTINGS.safeParse(raw);
  if (!parsed.success) {
    const sentences = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`);
    throw new ConfigError(sentences.join('\n'));
  }
  const settings = parsed.data;
  return deepFreeze({
    local: {
      port: settings.LOCAL_PORT,
      maxPhotos: settings.LOCAL_MAX_PHOTOS,
      keepMs: settings.LOCAL_KEEP_MINUTES * 60_000,
    },
    model: { directory: resolve(directory, settings.MODEL_DIR), threads: settings.THREADS },
    photos: {
      maxBytes: settings.MAX_PHOTO_MB * 1024 * 1024,
      concurrency: settings.PHOTO_CONCURRENCY,
      maxWaiting: settings.PHOTO_QUEUE,
    },
    shutdownMs: settings.SHUTDOWN_SECONDS * 1000,
    log: { level: settings.LOG_LEVEL },
    unknownSettings: Object.keys(file).filter((name) => !(name in SETTINGS.shape)),
  });
}

function readEnvFile(path: string): Readonly<Record<string, string>> {
  if (!existsSync(path)) return {};
  try {
    return parse(readFileSync(path));
  } catch (error) {
    throw new ConfigError(`The file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
