import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { nearest } from './base/did-you-mean.ts';
import { host, ids, oneOf, passedOn, port, readEnvFile, whole } from './base/environment.ts';
import { UserError } from './base/errors.ts';
import { LOG_LEVELS } from './base/log.ts';
import { DISCORD_SETTINGS, type DiscordConfig, discordOf } from './config-discord.ts';
import { SLACK_SETTINGS, type SlackConfig, slackOf } from './config-slack.ts';
import { ENGINE_CHOICES, type EngineChoice, PROVIDERS, type Provider } from './emotion/engines/engine.ts';
import { DETECTOR_CHOICES, type DetectorChoice, OPENCV_CHOICES, type OpenCvChoice } from './photo/faces/detector.ts';

/** Every setting: its name in the environment, what it may be, what it is when left out. */
const SETTINGS = z.object({
  ...DISCORD_SETTINGS,
  ...SLACK_SETTINGS,
  OPERATOR_GUILDS: ids(/^\d{1,20}$/, 'must be ids of servers, which are numbers, with commas between them'),
  OPERATOR_TEAMS: ids(/^[TE][A-Z0-9]+$/, 'must be ids of workspaces, which start with T, with commas between them'),
  PERSON_PHOTOS_PER_MINUTE: whole(0, 10_000, 12),
  CHANNEL_PHOTOS_PER_MINUTE: whole(0, 10_000, 40),
  FORWARDED_PHOTOS: oneOf(['read', 'refuse'], 'read'),
  OPINIONS: oneOf(['on', 'off'], 'on'),
  STATE_DIR: z.string().default('state'),
  DATA_DIR: z.string().default('data'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be an address that starts with redis:// or rediss://' })
    .optional(),
  READ_BY: oneOf(['bot', 'workers'], 'bot'),
  LOCAL_PORT: whole(0, 65_535, 3000),
  LOCAL_MAX_PHOTOS: whole(1, 1000, 40),
  LOCAL_KEEP_MINUTES: whole(1, 1440, 60),
  MODEL_DIR: z.string().default('model'),
  ENGINE: oneOf(ENGINE_CHOICES, 'auto'),
  ONNX_PROVIDER: oneOf(PROVIDERS, 'cpu'),
  THREADS: whole(1, 64, Math.min(4, availableParallelism())),
  DETECTOR: oneOf(DETECTOR_CHOICES, 'network'),
  OPENCV: oneOf(OPENCV_CHOICES, 'auto'),
  MAX_PHOTO_MB: whole(1, 100, 32),
  PHOTO_CONCURRENCY: whole(1, 32, 2),
  PHOTO_QUEUE: whole(0, 10_000, 200),
  SHUTDOWN_SECONDS: whole(1, 300, 20),
  LOG_LEVEL: oneOf(LOG_LEVELS, 'info'),
  METRICS_HOST: host(),
  METRICS_PORT: port(),
});

/**
 * Values that only tests set: addresses of servers that stand in for the platforms, and shorter times. None of them is a setting: a bot
 * that a setting could point elsewhere would send its tokens there.
 */
export interface Internal {
  /** Address of Discord's REST interface without its version, e.g. 'http://127.0.0.1:4000/api'. */
  readonly discordApi?: string;
  /** Address of Slack's Web API with its closing slash, e.g. 'http://127.0.0.1:4000/api/'. */
  readonly slackApi?: string;
  /** Origins that files are downloaded from besides the platforms' own, e.g. 'http://127.0.0.1:4000'. */
  readonly fileOrigins?: readonly string[];
  /** Milliseconds without a sign of life after which a worker counts as lost. */
  readonly lostMs?: number;
}

/** The bot's configuration, checked and frozen. */
export interface Config {
  /** Absent where there are no credentials. */
  readonly discord?: DiscordConfig;
  /** Absent where there are no credentials. */
  readonly slack?: SlackConfig;
  /** Servers and workspaces whose admins may use commands that take the whole machine; see `OperatorRule` in src/chat/rights.ts. */
  readonly operator: { readonly guilds: readonly string[]; readonly teams: readonly string[] };
  /** How many photos are answered in a minute, for one person and in one channel; 0 means no limit. */
  readonly cooldown: { readonly personPerMinute: number; readonly channelPerMinute: number };
  /** Absolute path of the folder where the bot keeps settings of people and channels, and jobs. */
  readonly stateDirectory: string;
  /** Absolute path of the folder with the training data. */
  readonly dataDirectory: string;
  /** Address of the Redis that keeps settings instead of the state folder. */
  readonly redisUrl?: string;
  /** Whether the bot hands posted photos to workers, through Redis. */
  readonly usesWorkers: boolean;
  readonly local: {
    /** TCP port of the local page; 0 takes any free one. */
    readonly port: number;
    /** How many photos the local page keeps in memory, at most. */
    readonly maxPhotos: number;
    /** How long the local page keeps a photo, in milliseconds. */
    readonly keepMs: number;
  };
  readonly model: {
    /** Absolute path of the folder with the networks. */
    readonly directory: string;
    /** How many threads the network computes on. */
    readonly threads: number;
    /** The engine that computes the network. */
    readonly engine: EngineChoice;
    /** The device that onnxruntime classifies faces on, where it is the engine. */
    readonly provider: Provider;
  };
  readonly photos: {
    /** What finds faces: a network, or OpenCV's cascades. */
    readonly detector: DetectorChoice;
    /** What runs the cascades. */
    readonly openCv: OpenCvChoice;
    /** Whether the bot reads forwarded photos whose poster the platform hides. */
    readonly readsForwards: boolean;
    /** Whether people are asked if a reading is right. */
    readonly asksIfRight: boolean;
    /** Largest file that is read, in bytes. */
    readonly maxBytes: number;
    /** How many photos are read at a time. */
    readonly concurrency: number;
    /** How many photos may wait for their turn. */
    readonly maxWaiting: number;
  };
  /** Environment variables that a child process may have: where programs and temporary folders are, no credentials. */
  readonly childEnvironment: Readonly<Record<string, string>>;
  /** How long work under way may go on once the bot is told to stop, in milliseconds. */
  readonly shutdownMs: number;
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] };
  /**
   * Where metrics and health are served: an address of this machine, and a TCP port, 0 for any free one. Absent where they are not
   * served.
   */
  readonly metrics?: { readonly host: string; readonly port: number };
  /** All credentials in the settings. No log may hold them. */
  readonly secrets: readonly (string | RegExp)[];
  readonly internal: Internal;
  /** Names in the .env file that are no settings, most likely misspelt. */
  readonly unknownSettings: readonly UnknownSetting[];
}

/** A name that is no setting, and the setting that was most likely meant where one is similar. */
export interface UnknownSetting {
  readonly name: string;
  readonly meant?: string;
}

/**
 * Reads the settings from the environment and from a .env file; the environment wins.
 * @param options.environment the environment's variables; the process's own by default
 * @param options.directory where the .env file is looked for and what relative folders start from; the working directory
 *   by default
 * @param options.internal for tests only
 * @param withoutFile ignores the .env file
 * @throws UserError 'bad-config' with a sentence for each setting that cannot be used
 */
export function loadConfig(
  options: {
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly directory?: string;
    readonly internal?: Internal;
  } = {},
  withoutFile = false,
): Config {
  const { environment = process.env, directory = process.cwd(), internal = {} } = options;
  const file = withoutFile ? {} : readEnvFile(resolve(directory, '.env'));
  const raw = Object.fromEntries(
    Object.keys(SETTINGS.shape).flatMap((name) => {
      const value = (environment[name] ?? file[name])?.trim();
      return value ? [[name, value]] : [];
    }),
  );
  const parsed = SETTINGS.safeParse(raw);
  if (!parsed.success) {
    const sentences = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`);
    throw new UserError('bad-config', sentences.join('\n'));
  }
  const settings = parsed.data;
  const discord = discordOf(settings);
  const slack = slackOf(settings);
  if (settings.ENGINE === 'tensorflow' && settings.ONNX_PROVIDER !== 'cpu')
    throw new UserError('bad-config', 'ONNX_PROVIDER is for onnxruntime: it goes with ENGINE=onnx, not tensorflow.');
  if (settings.READ_BY === 'workers' && settings.REDIS_URL === undefined) {
    throw new UserError(
      'bad-config',
      'READ_BY is workers, which takes REDIS_URL too: photos reach them through Redis.',
    );
  }
  return deepFreeze({
    ...(discord !== undefined && { discord }),
    ...(slack !== undefined && { slack }),
    operator: { guilds: settings.OPERATOR_GUILDS, teams: settings.OPERATOR_TEAMS },
    cooldown: {
      personPerMinute: settings.PERSON_PHOTOS_PER_MINUTE,
      channelPerMinute: settings.CHANNEL_PHOTOS_PER_MINUTE,
    },
    stateDirectory: resolve(directory, settings.STATE_DIR),
    dataDirectory: resolve(directory, settings.DATA_DIR),
    ...(settings.REDIS_URL !== undefined && { redisUrl: settings.REDIS_URL }),
    usesWorkers: settings.READ_BY === 'workers',
    local: {
      port: settings.LOCAL_PORT,
      maxPhotos: settings.LOCAL_MAX_PHOTOS,
      keepMs: settings.LOCAL_KEEP_MINUTES * 60_000,
    },
    model: {
      directory: resolve(directory, settings.MODEL_DIR),
      threads: settings.THREADS,
      engine: settings.ENGINE,
      provider: settings.ONNX_PROVIDER,
    },
    photos: {
      detector: settings.DETECTOR,
      openCv: settings.OPENCV,
      readsForwards: settings.FORWARDED_PHOTOS === 'read',
      asksIfRight: settings.OPINIONS === 'on',
      maxBytes: settings.MAX_PHOTO_MB * 1024 * 1024,
      concurrency: settings.PHOTO_CONCURRENCY,
      maxWaiting: settings.PHOTO_QUEUE,
    },
    childEnvironment: passedOn(environment),
    shutdownMs: settings.SHUTDOWN_SECONDS * 1000,
    log: { level: settings.LOG_LEVEL },
    ...(settings.METRICS_PORT !== undefined && {
      metrics: { host: settings.METRICS_HOST, port: settings.METRICS_PORT },
    }),
    secrets: secretsOf(settings),
    internal: { ...internal },
    unknownSettings: Object.keys(file).flatMap((name) => (name in SETTINGS.shape ? [] : [unknown(name)])),
  });
}

/**
 * Loads the configuration from the settings that can be used. Settings with mistakes are left out, so that the rest can still be examined.
 * @returns the configuration, and a sentence for each mistake in what was left out
 */
export function loadUsableConfig(options: Parameters<typeof loadConfig>[0] = {}): {
  readonly config: Config;
  readonly problems: readonly string[];
} {
  const { environment = process.env } = options;
  const left: Record<string, string> = {};
  let withoutFile = false;
  const problems: string[] = [];
  for (;;) {
    try {
      return { config: loadConfig({ ...options, environment: { ...environment, ...left } }, withoutFile), problems };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const sentences = error.message.split('\n');
      const named = sentences.flatMap((sentence) => /^[A-Z][A-Z_]+/.exec(sentence) ?? []);
      // A setting that is missing cannot be left out. The settings that need it are left out instead.
      const family = named.filter((name) => name in left).map((name) => name.replace(/_.*/, '_'));
      const names = Object.keys(SETTINGS.shape).filter(
        (name) => named.includes(name) || family.some((prefix) => name.startsWith(prefix)),
      );
      if (names.every((name) => name in left)) {
        if (withoutFile) throw error;
        withoutFile = true;
      }
      if (family.length === 0) problems.push(...sentences);
      for (const name of names) left[name] = '';
    }
  }
}

function unknown(name: string): UnknownSetting {
  const meant = nearest(name, Object.keys(SETTINGS.shape));
  return { name, ...(meant !== undefined && { meant }) };
}

type Settings = z.infer<typeof SETTINGS>;

/** Matches any Slack token. The tokens of workspaces that install the bot are in no setting, so only their form gives them away. */
const ANY_SLACK_TOKEN = /xox[a-z]-[\w-]+/g;

function secretsOf(settings: Settings): (string | RegExp)[] {
  const { DISCORD_TOKEN, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, REDIS_URL } = settings;
  const { SLACK_CLIENT_SECRET, SLACK_STATE_SECRET, SLACK_STORE_KEY = [] } = settings;
  // In an address the password is percent-encoded; an error message may hold it decoded.
  const password = REDIS_URL === undefined ? '' : new URL(REDIS_URL).password;
  const slack = [SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_CLIENT_SECRET, SLACK_STATE_SECRET];
  const all = [DISCORD_TOKEN, ...slack, ...SLACK_STORE_KEY, password, decoded(password)];
  const known = all.filter((one) => one !== undefined && one !== '') as string[];
  return settings.SLACK_CLIENT_ID === undefined ? known : [...known, ANY_SLACK_TOKEN];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // The text has a percent sign that encodes nothing, so it is not encoded at all.
    return text;
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
