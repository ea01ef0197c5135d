import type { Platform, PlatformContext, PlatformFactory } from './platform.ts';

/**
 * The platforms that need credentials. Each is loaded and created where the configuration holds its own, one after the other.
 * Discord comes first: discord.js brings undici 6 and Slack's client undici 7, and what is loaded first sends the
 * requests of both. Version 7 does not accept Discord's uploads.
 */
const WITH_CREDENTIALS: readonly PlatformFactory[] = [
  async (context) => context.config.discord && new (await import('./discord/discord.ts')).DiscordPlatform(context),
  async (context) => context.config.slack && new (await import('./slack/slack.ts')).SlackPlatform(context),
];

/** Creates every platform that there are credentials for, or the page on this machine where there are none. */
export async function createPlatforms(context: PlatformContext): Promise<Platform[]> {
  const platforms: Platform[] = [];
  for (const create of WITH_CREDENTIALS) {
    const platform = await create(context);
    if (platform !== undefined) platforms.push(platform);
  }
  return platforms.length > 0 ? platforms : [await createPage(context)];
}

/** Creates the page on this machine. */
export async function createPage(context: PlatformContext): Promise<Platform> {
  const { LocalPlatform } = await import('./local/local.ts');
  return new LocalPlatform(context);
}
