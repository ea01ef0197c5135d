import { confusionMatrix } from './charts.ts';

/** Draws a confusion matrix off the thread that talks: the charting libraries alone take half a second to load. */
export default async function draw({ matrix, name }: { matrix: number[][]; name: string }): Promise<Uint8Array> {
  return new Uint8Array(await confusionMatrix(matrix, name));
}
