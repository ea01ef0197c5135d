import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import type { AnsweredPhoto } from '../../commands/emotions.ts';
import { UserError } from '../../src/base/errors.ts';
import type { Reading } from '../../src/emotion/classifier.ts';
import { EMOTIONS, type Emotion, toScores } from '../../src/emotion/labels.ts';

/** A face whose likeliest emotion has the given probability, the rest spread over the others. */
export function fakeFace(emotion: Emotion, probability: number): Reading {
  const rest = (1 - probability) / (EMOTIONS.length - 1);
  const scores = toScores(EMOTIONS.map((candidate) => (candidate === emotion ? probability : rest)));
  return { emotion, confidence: probability, scores };
}

/** A face that two emotions share. */
export function fakeUnsureFace(first: Emotion, second: Emotion): Reading {
  const weights: Partial<Record<Emotion, number>> = { [first]: 0.4, [second]: 0.35 };
  return { emotion: 'unsure', confidence: 0.4, scores: toScores(EMOTIONS.map((emotion) => weights[emotion] ?? 0.05)) };
}

/**
 * Stands in for the photo walk where a test is about the chat: real pictures get one happy and one unsure person, pictures
 * narrower than 32 pixels nobody, and what is not a picture a UserError.
 * @param milliseconds how long reading takes
 */
export function fakePhotoReader(milliseconds = 0) {
  return async (bytes: Uint8Array, signal: AbortSignal): Promise<AnsweredPhoto> => {
    await delay(milliseconds, undefined, { signal });
    const refuse = (cause: unknown): never => {
      throw new UserError('not-a-picture', 'That file is not a picture. Post a photo.', { cause });
    };
    if (bytes.length === 0) refuse(undefined);
    const { width, height } = await sharp(bytes).metadata().catch(refuse);
    const measures = { width, height, milliseconds };
    if (width < 32) return { ...measures, faces: [] };
    const picture = await sharp(bytes).negate().jpeg().toBuffer().catch(refuse);
    return {
      ...measures,
      faces: [
        { ...fakeFace('happy', 0.93), box: { x: 2, y: 3, width: 8, height: 8 } },
        { ...fakeUnsureFace('sad', 'neutral'), box: { x: 20, y: 3, width: 8, height: 8 } },
      ],
      picture: { bytes: picture, mime: 'image/jpeg', altText: 'A photo with 2 people: 1 happy, 2 unsure' },
    };
  };
}

/** A picture file of one colour. */
export async function plainPicture(width: number, height: number, format: 'png' | 'jpeg' | 'webp' = 'png') {
  return await sharp({ create: { width, height, channels: 3, background: '#446688' } })
    .toFormat(format)
    .toBuffer();
}
