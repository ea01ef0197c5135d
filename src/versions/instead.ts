import type { VersionRegistry } from './registry.ts';
import type { VersionId } from './shipped.ts';

/** Says that photos are read with another version than is in use, and what to do; undefined where all is well. */
export async function insteadOfUsed(
  registry: VersionRegistry,
  reading: () => Promise<VersionId>,
): Promise<{ readonly used: VersionId; readonly text: string } | undefined> {
  const [{ version: used }, read] = await Promise.all([registry.inUse(), reading()]);
  if (read === used) return undefined;
  const remedy = `/retrain promote ${read} keeps it so, or train anew with /retrain start.`;
  return { used, text: `Version ${used} cannot be loaded, so I read photos with version ${read}. ${remedy}` };
}
