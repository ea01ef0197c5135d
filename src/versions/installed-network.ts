import type { VersionRegistry } from './registry.ts';
import type { VersionId } from './shipped.ts';

/** The network that photos are read with. */
export interface InstalledNetwork {
  readonly version: VersionId;
  /** The version that was put in use but could not be loaded. */
  readonly refused?: VersionId;
}

/**
 * Says that the version in use could not be loaded, that another one reads photos, and what to do. Undefined where all is well,
 * and where a version that was put in use a moment ago has not been tried yet.
 */
export async function loadFailureNotice(
  registry: VersionRegistry,
  reading: () => Promise<InstalledNetwork>,
): Promise<{ readonly used: VersionId; readonly text: string } | undefined> {
  const [{ version: used }, { version: read, refused }] = await Promise.all([registry.inUse(), reading()]);
  if (refused !== used) return undefined;
  const remedy = `/retrain promote ${read} keeps that one in use, or train another with /retrain start.`;
  return { used, text: `Version ${used} cannot be loaded, so I read photos with version ${read}. ${remedy}` };
}
