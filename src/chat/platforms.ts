import { DiscordPlatform } from './discord/discord.ts';
import { LocalPlatform } from './local/local.ts';
import type { Platform, PlatformContext, PlatformFactory } from './platform.ts';
import { SlackPlatform } from './slack/slack.ts';

/** The platforms that need credentials; each is made where the configuration holds them. */
const WITH_CREDENTIALS: readonly PlatformFactory[] = [
  (context) => (context.config.discord ? new DiscordPlatform(context) : undefined),
  (context) => (context.config.slack ? new SlackPlatform(context) : undefined),
];

/** Every platform that there are credentials for; with none, the page on this machine. */
export function createPlatforms(context: PlatformContext): Platform[] {
  const platforms = WITH_CREDENTIALS.flatMap((create) => create(context) ?? []);
  return platforms.length > 0 ? platforms : [new LocalPlatform(context)];
}
