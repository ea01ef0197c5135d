import type { Platform, PlatformContext, PlatformFactory } from './platform.ts';

/** The platforms that need credentials; each is loaded and made where the configuration holds them. */
const WITH_CREDENTIALS: readonly PlatformFactory[] = [
  async (context) => context.config.discord && new (await import('./discord/discord.ts')).DiscordPlatform(context),
  async (context) => context.config.slack && new (await import('./slack/slack.ts')).SlackPlatform(context),
];

/** Every platform that there are credentials for; with none, the page on this machine. */
export async function createPlatforms(context: PlatformContext): Promise<Platform[]> {
  const made = await Promise.all(WITH_CREDENTIALS.map((create) => create(context)));
  const platforms = made.filter((platform) => platform !== undefined);
  return platforms.length > 0 ? platforms : [await createPage(context)];
}

/** The page on this machine. */
export async function createPage(context: PlatformContext): Promise<Platform> {
  const { LocalPlatform } = await import('./local/local.ts');
  return new LocalPlatform(context);
}
