import type { Reading } from '../emotion/classifier.ts';
import { EMOTIONS, FACE_PIXELS, FACE_SIZE } from '../emotion/labels.ts';
import { countLabels, type FaceSet, faceAt } from '../training/data/face-set.ts';
import { type Metrics, measure } from '../training/run/metrics.ts';
import { likeliestOf } from './evaluate.ts';

/** What of a crop can be measured without knowing who is in it. */
export const PROPERTIES = ['brightness', 'contrast', 'sharpness'] as const;
export type Property = (typeof PROPERTIES)[number];

/** The faces of one quarter of a set, by one property. */
export interface Slice {
  readonly property: Property;
  /** From 0, the quarter with the lowest values, to 3. */
  readonly quarter: number;
  /** Bounds of the property in this quarter: brightness and contrast in gray levels, 0..255. */
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** Share whose likeliest emotion is the label, 0..1. */
  readonly accuracy: number;
  /** The same if every emotion had the share of these faces that it has of the whole set: what is not the mix's doing. */
  readonly sameMix: number;
  /** Share read as 'unsure', 0..1. */
  readonly unsure: number;
}

/**
 * How well faces are read by how their crops look, in quarters of equal size: for whom a network works less well, as far as
 * pictures without names can tell.
 * @param readings one a face of the set
 */
export function slicesOf(set: FaceSet, readings: readonly Reading[]): Slice[] {
  const measured = Array.from({ length: set.count }, (_, k) => measureCrop(faceAt(set, k)));
  const predictions = readings.map(likeliestOf);
  const counts = countLabels(set);
  return PROPERTIES.flatMap((property) => {
    const order = measured.map((_, k) => k).sort((a, b) => measured[a]![property] - measured[b]![property] || a - b);
    return [0, 1, 2, 3].flatMap((quarter): Slice[] => {
      const inside = order.slice((quarter * order.length) / 4, ((quarter + 1) * order.length) / 4);
      if (inside.length === 0) return [];
      const { accuracy, recall } = measure(
        inside.map((k) => set.labels[k]!),
        inside.map((k) => predictions[k]!),
      );
      return [
        {
          property,
          quarter,
          from: measured[inside[0]!]![property],
          to: measured[inside.at(-1)!]![property],
          images: inside.length,
          accuracy,
          sameMix: sameMix(recall, counts),
          unsure: inside.filter((k) => readings[k]!.emotion === 'unsure').length / inside.length,
        },
      ];
    });
  });
}

/** Mean of the recalls, each weighing as its emotion does in the whole set; emotions that do not occur here are left out. */
function sameMix(recall: Metrics['recall'], counts: readonly number[]): number {
  let [sum, weight] = [0, 0];
  for (const [k, emotion] of EMOTIONS.entries()) {
    const found = recall[emotion];
    if (found === null) continue;
    sum += counts[k]! * found;
    weight += counts[k]!;
  }
  return sum / weight;
}

/**
 * Mean and standard deviation of a crop's 2304 gray levels, and how sharp it is: the mean absolute difference of a pixel to
 * the mean of its four neighbours, as a share of the standard deviation.
 */
export function measureCrop(crop: Uint8Array): Readonly<Record<Property, number>> {
  const brightness = crop.reduce((sum, pixel) => sum + pixel, 0) / FACE_PIXELS;
  const variance = crop.reduce((sum, pixel) => sum + (pixel - brightness) ** 2, 0) / FACE_PIXELS;
  const contrast = Math.sqrt(variance);
  let edges = 0;
  for (let y = 1; y < FACE_SIZE - 1; y++)
    for (let x = 1; x < FACE_SIZE - 1; x++) {
      const at = y * FACE_SIZE + x;
      const around = crop[at - 1]! + crop[at + 1]! + crop[at - FACE_SIZE]! + crop[at + FACE_SIZE]!;
      edges += Math.abs(crop[at]! - around / 4);
    }
  const sharpness = contrast === 0 ? 0 : edges / (FACE_SIZE - 2) ** 2 / contrast;
  return { brightness, contrast, sharpness };
}
