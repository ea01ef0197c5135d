import type { FakeDiscord } from '../fakes/discord.ts';
import type { FakeSlack } from '../fakes/slack.ts';

/** What a bot or a worker on both fakes is set to: its tokens, and where they are. */
export function onFakes(discord: FakeDiscord, slack: FakeSlack) {
  return {
    environment: { DISCORD_TOKEN: discord.token, SLACK_BOT_TOKEN: slack.token, SLACK_APP_TOKEN: slack.appToken },
    internal: {
      discordApi: `${discord.origin}/api`,
      slackApi: `${slack.origin}/api/`,
      fileOrigins: [discord.origin, slack.origin, slack.filesOrigin],
    },
  };
}
