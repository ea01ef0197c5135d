/**
 * The seven emotions in FER2013's order: an emotion's index here is its label in the CSV and its output in the network.
 */
export const EMOTIONS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'] as const;

export type Emotion = (typeof EMOTIONS)[number];

/** Width and height, in pixels, of the gray face crops that FER2013 holds and every network here takes. */
export const FACE_SIZE = 48;

/** Pixels in one face crop (48 * 48). */
export const FACE_PIXELS = FACE_SIZE * FACE_SIZE;

/** Probability of each emotion, 0..1, summing to 1. */
export type Scores = Readonly<Record<Emotion, number>>;

/** The likeliest emotion; the first of them where several are equally likely. */
export function likeliestEmotion(scores: Scores): Emotion {
  return EMOTIONS.reduce((best, emotion) => (scores[emotion] > scores[best] ? emotion : best));
}

/** Turns 7 probabilities in label order into named scores, divided by their sum so that they add up to 1. */
export function toScores(probabilities: ArrayLike<number>): Scores {
  let sum = 0;
  for (let k = 0; k < EMOTIONS.length; k++) sum += probabilities[k]!;
  return Object.fromEntries(EMOTIONS.map((emotion, k) => [emotion, probabilities[k]! / sum])) as Record<
    Emotion,
    number
  >;
}
