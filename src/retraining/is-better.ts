import type { NewVersion } from '../versions/version-card.ts';

/**
 * Whether a new version is better on PublicTest than the one in use that it was compared with, by at least a margin.
 * @param margin a share, 0..1
 * @returns true where there was none that could be loaded; false where the two cannot be compared
 */
export function isBetter(
  { against, publicTest, incomparable = false }: Pick<NewVersion, 'against' | 'publicTest' | 'incomparable'>,
  margin: number,
): boolean {
  if (incomparable || against === undefined) return !incomparable;
  const gain = publicTest.accuracy - against.publicTest.accuracy;
  return gain > 0 && gain >= margin;
}
