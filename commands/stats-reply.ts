import { percent } from '../src/base/numbers.ts';
import { EMOTIONS } from '../src/emotion/labels.ts';
import { agreement, type OpinionCounts } from '../src/settings/opinions.ts';
import { drawConfusion } from '../src/training/pictures/draw-confusion.ts';
import type { Reply } from './request.ts';

/** How often people agreed with the readings, for an admin: in words, and as a confusion matrix of readings and opinions. */
export async function statsReply(counts: OpinionCounts): Promise<Reply> {
  const { judged, right, unsure } = agreement(counts);
  if (judged + unsure === 0) return { text: 'Nobody here has said yet whether I was right.', private: true };
  const lines = [
    ...(judged > 0 ? [`Of ${readings(judged)}, people here found ${right} right (${percent(right / judged)}).`] : []),
    ...missed(counts),
    ...(unsure > 0 ? [`Of ${readings(unsure)} that I was unsure of, they said: ${inOrder(counts.unsure)}.`] : []),
    'People correct what is wrong more readily than they confirm what is right, so I may be better than that.',
  ];
  if (judged === 0) return { text: lines.join('\n') };
  // Rows are the truth, as in any confusion matrix: here, what people said.
  const matrix = EMOTIONS.map((_, meant) => EMOTIONS.map((said) => counts[said][meant]!));
  const bytes = await drawConfusion(matrix, 'my readings, by what people here said', 'reading');
  return {
    text: lines.join('\n'),
    pictures: [{ bytes, mime: 'image/png', name: 'right-or-not.png', altText: lines.join(' ') }],
  };
}

/** The most frequent mistake as a line; nothing where all readings were right. */
function missed(counts: OpinionCounts): string[] {
  const mistakes = EMOTIONS.flatMap((said) =>
    EMOTIONS.map((meant, k) => ({ said, meant, count: said === meant ? 0 : counts[said][k]! })),
  );
  const worst = mistakes.reduce((most, one) => (one.count > most.count ? one : most));
  return worst.count === 0 ? [] : [`Most often I said ${worst.said} where they saw ${worst.meant} (${worst.count}).`];
}

/** Counts in words, the most frequent first, e.g. 'neutral 5, sad 3'. */
function inOrder(list: readonly number[]): string {
  return EMOTIONS.map((emotion, k) => ({ emotion, count: list[k]! }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ emotion, count }) => `${emotion} ${count}`)
    .join(', ');
}

function readings(count: number): string {
  return `${count} ${count === 1 ? 'reading' : 'readings'}`;
}
