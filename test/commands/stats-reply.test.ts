import { expect, test } from 'vitest';
import { statsReply } from '../../commands/stats-reply.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import type { OpinionCounts } from '../../src/settings/opinions.ts';
import { confusionMatrix } from '../../src/training/pictures/charts.ts';

test('the picture counts readings, not images', async () => {
  const none = EMOTIONS.map(() => 0);
  const happy = EMOTIONS.map((meant) => (meant === 'happy' ? 4 : 0));
  const rest = { angry: none, disgust: none, fear: none, sad: none, surprise: none, neutral: none, unsure: none };
  const counts: OpinionCounts = { ...rest, happy };
  const { pictures } = await statsReply(counts);
  const matrix = EMOTIONS.map((meant) => EMOTIONS.map((emotion) => (emotion === meant && meant === 'happy' ? 4 : 0)));
  const title = 'my readings, by what people here said';
  const sameAs = async (counted: 'reading' | 'image') => {
    const drawn = await confusionMatrix(matrix, title, counted);
    return drawn.equals(pictures![0]!.bytes);
  };
  expect(await sameAs('image')).toBe(false);
  expect(await sameAs('reading')).toBe(true);
});
