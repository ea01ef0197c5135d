import '../helpers/discord-first.ts';
import { afterEach, expect, test } from 'vitest';
import { FakeDiscord } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { until } from '../helpers/until.ts';
import { answers } from './discord-bot.ts';
import { afterwards, cleanUp } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

const photo = async () => await plainPicture(64, 48);
/** As many refusals as the library tries before it gives up. */
const TRIES = 4;

async function startOnBoth(options: Parameters<typeof startOnSlack>[0] & { discordToken?: string } = {}) {
  const discord = await FakeDiscord.start();
  afterwards(() => discord.close());
  const { discordToken = discord.token, before, environment } = options;
  return {
    discord,
    ...(await startOnSlack({
      ...options,
      before: (slack) => {
        if (discordToken === discord.token) discord.fail('GET', /gateway\/bot$/, { status: 503, body: {} }, TRIES);
        before?.(slack);
      },
      environment: { DISCORD_TOKEN: discordToken, LOCAL_PORT: '0', ...environment },
      internal: { discordApi: `${discord.origin}/api`, fileOrigins: [discord.origin] },
    })),
  };
}

test('a chat out of reach does not keep the other from starting, and is there as soon as it can be', async () => {
  const { discord, slack, bot, log } = await startOnBoth();
  expect(bot.addresses).toEqual([expect.stringMatching(/^On Slack/)]);
  expect(bot.troubles).toEqual([
    'Discord cannot be reached (status 503). Is this machine online? I try again until it can.',
  ]);
  slack.post({ files: [slack.file(await photo())] });
  await buttons(slack, 1);
  await until(() => log.some((line) => line.includes('the platform is connected now')));
  discord.post({ files: [discord.file(await photo())] });
  await answers(discord, 1);
});

test('while no chat can be reached the page stands in for them', async () => {
  const { discord, bot, log } = await startOnBoth({
    before: (slack) => {
      slack.next.set('auth.test', [{ body: { ok: false, error: 'service_unavailable' } }]);
    },
  });
  expect(bot.addresses).toEqual([expect.stringContaining('http://127.0.0.1:')]);
  expect(bot.troubles).toEqual([
    expect.stringMatching(/^Discord cannot be reached/),
    'Slack cannot be reached (service_unavailable). Is this machine online? I try again until it can.',
  ]);
  await until(() => log.filter((line) => line.includes('the platform is connected now')).length === 2);
  discord.post({ files: [discord.file(await photo())] });
  await answers(discord, 1);
});

test('a chat that does not let the bot in does not keep the other from starting, and is not asked again', async () => {
  const discordToken = 'MTAwMA.wrong.token';
  const { slack, bot, log } = await startOnBoth({ discordToken });
  expect(bot.addresses).toEqual([expect.stringMatching(/^On Slack/)]);
  expect(bot.troubles).toEqual([
    expect.stringMatching(/^DISCORD_TOKEN is not accepted .* Meanwhile I run without it\.$/),
  ]);
  expect(`${bot.troubles}${log.join('')}`).not.toContain(discordToken);
  slack.post({ files: [slack.file(await photo())] });
  await buttons(slack, 1);
});

test('a stop ends the tries', async () => {
  const { discord, bot } = await startOnBoth({
    before: (slack) => slack.next.set('auth.test', [{ body: { ok: false, error: 'service_unavailable' } }]),
  });
  const calls = () => discord.calls.length;
  await bot.stop();
  const before = calls();
  await new Promise((done) => setTimeout(done, 1200));
  expect(calls()).toBe(before);
});
