import type { VersionRegistry } from './registry.ts';
import type { VersionId } from './shipped.ts';

/** What photos are read with. */
export interface InstalledNetwork {
  readonly version: VersionId;
  /** Was put in use and could not be loaded. */
  readonly refused?: VersionId;
}

/**
 * Says that the version in use could not be loaded and another one reads, and what to do; undefined where all is well, and while
 * a version that was put in use a moment ago has not been tried yet.
 */
export async function insteadOfUsed(
  registry: VersionRegistry,
  reading: () => Promise<InstalledNetwork>,
): Promise<{ readonly used: VersionId; readonly text: string } | undefined> {
  const [{ version: used }, { version: read, refused }] = await Promise.all([registry.inUse(), reading()]);
  if (refused !== used) return undefined;
  const remedy = `/retrain promote ${read} keeps it so, or train anew with /retrain start.`;
  return { used, text: `Version ${used} cannot be loaded, so I read photos with version ${read}. ${remedy}` };
}
