// Imported first: under vitest, its dependencies do not load after other packages have installed their polyfills.
import 'discord.js';
import { loadConfig } from '../../src/config.ts';
import { type FakeMessage, FakeSlack } from '../fakes/slack.ts';
import { until } from '../helpers/until.ts';
import { afterwards, type RunningBotOptions, runBot, stateFolder } from './running-bot.ts';

export interface BotOptions extends RunningBotOptions {
  /** Prepares the fake before the bot connects. */
  readonly before?: (slack: FakeSlack) => void;
  /** A fake that runs already, for a bot that is started again. */
  readonly slack?: FakeSlack;
  /** Events come as signed HTTP requests instead of over the socket. */
  readonly http?: boolean;
  readonly internal?: Readonly<Record<string, unknown>>;
}

/** The whole bot, with the real Bolt, on a Slack of the test's own. */
export async function startOnSlack(options: BotOptions = {}) {
  const slack = options.slack ?? (await startFake());
  options.before?.(slack);
  const connection: Record<string, string> = options.http
    ? { SLACK_SIGNING_SECRET: slack.signingSecret, SLACK_PORT: '0' }
    : { SLACK_APP_TOKEN: slack.appToken };
  const config = loadConfig({
    environment: { SLACK_BOT_TOKEN: slack.token, SHUTDOWN_SECONDS: '5', ...connection, ...options.environment },
    directory: options.state ?? stateFolder(),
    internal: { slackApi: `${slack.origin}/api/`, fileOrigins: [slack.origin, slack.filesOrigin], ...options.internal },
  });
  const { bot, log } = await runBot(config, options);
  const [, port] = /at port (\d+)/.exec(bot.addresses.join()) ?? [];
  if (port) slack.httpTarget = `http://127.0.0.1:${port}/slack/events`;
  return { slack, bot, log };
}

async function startFake(): Promise<FakeSlack> {
  const slack = await FakeSlack.start();
  afterwards(() => slack.close());
  return slack;
}

/** The buttons under the bot's answers, once there are so many. */
export async function buttons(slack: FakeSlack, count: number, forMs?: number): Promise<FakeMessage[]> {
  return await until(
    () => {
      const found = slack.said().filter(({ blocks = [] }) => blocks.some(({ type }) => type === 'actions'));
      return found.length >= count && found;
    },
    `button ${count}`,
    forMs,
  );
}
