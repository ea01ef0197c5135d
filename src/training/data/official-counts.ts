import type { Split } from './fer2013-row.ts';

/** Images of each emotion (in label order) in each split of the FER2013 that Kaggle published: 35,887 in all. */
export const OFFICIAL_COUNTS: Readonly<Record<Split, readonly number[]>> = {
  Training: [3995, 436, 4097, 7215, 4830, 3171, 4965],
  PublicTest: [467, 56, 496, 895, 653, 415, 607],
  PrivateTest: [491, 55, 528, 879, 594, 416, 626],
};

/** Sum of counts. */
export function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
