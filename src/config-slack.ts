import { z } from 'zod';
import { keyFrom } from './base/encryption.ts';
import { host, port, secret, whole } from './base/environment.ts';
import { UserError } from './base/errors.ts';

/** What is wrong with a Slack token that expires by itself. */
export const ROTATES =
  'is a token that rotates: it ends after twelve hours. Take one of an app without token rotation, as slack-manifest.yaml makes it';

/** Slack's settings; see `SETTINGS` in config.ts. */
export const SLACK_SETTINGS = {
  SLACK_BOT_TOKEN: z
    .string()
    .refine((text) => !text.startsWith('xoxe'), { error: ROTATES, abort: true })
    .regex(/^xoxb-[\w-]+$/, 'must be the token that starts with xoxb-')
    .optional(),
  SLACK_APP_TOKEN: secret(/^xapp-[\w-]+$/, 'must be the token that starts with xapp-'),
  // Slack allows ten sockets for an app, counted over all its processes.
  SLACK_SOCKETS: whole(1, 10, 1),
  SLACK_SIGNING_SECRET: secret(/^\w+$/, 'must be the signing secret of the page "Basic Information", and nothing else'),
  SLACK_HOST: host(),
  SLACK_PORT: port(),
  SLACK_CLIENT_ID: secret(
    /^\d+\.\d+$/,
    'must be the client ID of the page "Basic Information", two numbers with a full stop between them',
  ),
  SLACK_CLIENT_SECRET: secret(/^\w+$/, 'must be the client secret of the page "Basic Information", and nothing else'),
  SLACK_STATE_SECRET: secret(/^\S{16,}$/, 'must be at least 16 characters that nobody can guess: openssl rand -hex 32'),
  SLACK_STORE_KEY: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((key) => key !== ''))
    .refine(
      (keys) => keys.every((key) => keyFrom(key) !== undefined),
      'must be a key of 32 bytes, as openssl rand -base64 32 makes one, or several with commas between them',
    )
    .optional(),
};

type Settings = z.infer<z.ZodObject<typeof SLACK_SETTINGS>>;

/** Sockets that the bot opens; Slack hands each event to one of them. */
interface SocketConnection {
  readonly kind: 'socket';
  readonly appToken: string;
  /** How many, at least 1. */
  readonly sockets: number;
}

/** A web server that Slack's requests come to. */
interface HttpConnection {
  readonly kind: 'http';
  readonly signingSecret: string;
  /** The address of this machine that it listens at. */
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
}

/** How Slack's events arrive: over a socket that the bot opens, or at a web server of the bot's that checks signatures. */
export type SlackConnection = SocketConnection | HttpConnection;

/** Credentials for installing the bot in workspaces that the configuration does not name. */
export interface SlackInstaller {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Signs the state that Slack sends back, so that nobody can be tricked into finishing an installation that somebody else began. */
  readonly stateSecret: string;
  /** Keys that encrypt the workspaces' stored tokens, in the form that `keyFrom` takes. New tokens are encrypted with the first one. */
  readonly keys: readonly string[];
}

/** Either one workspace, by its token, or every workspace that installs the bot. */
export type SlackConfig =
  | { readonly botToken: string; readonly connection: SlackConnection }
  | { readonly installer: SlackInstaller; readonly connection: HttpConnection };

/** @throws UserError 'bad-config' where the credentials are not enough for any way of connecting, naming what is missing */
export function slackOf(settings: Settings): SlackConfig | undefined {
  const slack = installerOf(settings) ?? tokenOf(settings);
  if (slack?.connection.kind === 'http' && settings.SLACK_SOCKETS > 1) {
    throw new UserError(
      'bad-config',
      'SLACK_SOCKETS is for Socket Mode (SLACK_APP_TOKEN): with SLACK_PORT Slack sends requests, and there are no sockets.',
    );
  }
  return slack;
}

/** Any of these settings asks for the installer. */
const INSTALLER = ['SLACK_CLIENT_ID', 'SLACK_CLIENT_SECRET', 'SLACK_STATE_SECRET', 'SLACK_STORE_KEY'] as const;

function installerOf(settings: Settings): SlackConfig | undefined {
  const { SLACK_CLIENT_ID: clientId, SLACK_CLIENT_SECRET: clientSecret, SLACK_STATE_SECRET: stateSecret } = settings;
  const { SLACK_STORE_KEY: keys = [], SLACK_HOST: host } = settings;
  const { SLACK_SIGNING_SECRET: signingSecret, SLACK_PORT: port } = settings;
  const [given] = INSTALLER.filter((name) => settings[name] !== undefined);
  if (given === undefined) return undefined;
  for (const name of ['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN'] as const) {
    if (settings[name] === undefined) continue;
    throw new UserError(
      'bad-config',
      `${name} and ${given} exclude each other: a token is for one workspace, the rest for all that install the bot.`,
    );
  }
  if (clientId && clientSecret && stateSecret && keys.length > 0 && signingSecret && port !== undefined) {
    const connection = { kind: 'http', signingSecret, host, port } as const;
    return { installer: { clientId, clientSecret, stateSecret, keys }, connection };
  }
  const needed = [...INSTALLER, 'SLACK_SIGNING_SECRET', 'SLACK_PORT'] as const;
  const missing = needed.filter(
    (name) => settings[name] === undefined || (name === 'SLACK_STORE_KEY' && keys.length === 0),
  );
  const made = missing.includes('SLACK_STORE_KEY') ? ' SLACK_STORE_KEY is made by openssl rand -base64 32.' : '';
  throw new UserError(
    'bad-config',
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: to be installed in many workspaces, Slack needs it beside ${given}.${made}`,
  );
}

function tokenOf(settings: Settings): SlackConfig | undefined {
  const { SLACK_BOT_TOKEN: botToken, SLACK_APP_TOKEN: appToken, SLACK_PORT: port } = settings;
  const { SLACK_SIGNING_SECRET: signingSecret, SLACK_HOST: host } = settings;
  if (botToken === undefined) {
    if (appToken === undefined && signingSecret === undefined && port === undefined) return undefined;
    throw new UserError('bad-config', 'SLACK_BOT_TOKEN is missing: Slack needs it beside the other SLACK settings.');
  }
  if (port !== undefined) {
    if (signingSecret !== undefined) return { botToken, connection: { kind: 'http', signingSecret, host, port } };
    throw new UserError(
      'bad-config',
      'SLACK_SIGNING_SECRET is missing: without it, nobody can tell whether a request is Slack’s.',
    );
  }
  if (appToken !== undefined) {
    return { botToken, connection: { kind: 'socket', appToken, sockets: settings.SLACK_SOCKETS } };
  }
  throw new UserError(
    'bad-config',
    signingSecret === undefined
      ? 'SLACK_APP_TOKEN is missing: Slack needs it beside SLACK_BOT_TOKEN (or SLACK_SIGNING_SECRET and SLACK_PORT).'
      : 'SLACK_PORT is missing: SLACK_SIGNING_SECRET needs the port that Slack sends its requests to (or set SLACK_APP_TOKEN).',
  );
}
