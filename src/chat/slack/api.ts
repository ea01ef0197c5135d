import { webApi } from '@slack/bolt';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { boltLogger } from './logger.ts';

export type SlackApi = webApi.WebClient;

/** Failed calls are tried again so often; a 429 first waits for as long as Slack says. */
const RETRIES = { retries: 3, minTimeout: 300, maxTimeout: 5000, factor: 2 };
/** Milliseconds for one try of one call, uploads included. */
const TIMEOUT_MS = 30_000;

/** Options of every client of Slack's Web API; a new object each time, since the socket's client changes its own. */
export function apiOptions(config: Config, log: Logger): webApi.WebClientOptions {
  const { slackApi } = config.internal;
  return {
    ...(slackApi !== undefined && { slackApiUrl: slackApi }),
    logger: boltLogger(log),
    retryConfig: { ...RETRIES },
    timeout: TIMEOUT_MS,
  };
}

/** The bot's client of the Web API. */
export function createApi(token: string, config: Config, log: Logger): SlackApi {
  const api = new webApi.WebClient(token, apiOptions(config, log));
  const getUploadUrl = api.files.getUploadURLExternal;
  // Slack's reference calls the argument alt_txt, the library sends alt_text: screen readers need the one that counts.
  const withAltText: typeof getUploadUrl = (options) =>
    getUploadUrl(Object.assign({}, options, { alt_txt: options?.alt_text }));
  Object.assign(api.files, { getUploadURLExternal: withAltText });
  return api;
}
