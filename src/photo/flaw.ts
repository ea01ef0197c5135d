import { spreadOf } from '../base/numbers.ts';
import { isCovered } from './covered.ts';
import { isNoPerson } from './no-person.ts';
import { outlines } from './outlines.ts';

/** What keeps a face from being read: mouth or eyes are covered, or it is perhaps no person's. */
export type Flaw = 'covered' | 'no-person';

/** A crop whose grays, 0..255, have a smaller standard deviation shows nothing: neither a flaw nor a face. */
const LEAST_DEVIATION = 4;

/** What keeps a face from being read, as far as its crop's outlines show; undefined where nothing does. @param crop as cropFace makes it */
export function flawOf(crop: Uint8Array): Flaw | undefined {
  const { deviation } = spreadOf(crop);
  if (deviation < LEAST_DEVIATION) return undefined;
  const numbers = outlines(crop, deviation);
  // Dark glasses and grilles of drawings look like covers too; a covered face hardly ever looks like a drawing.
  if (isNoPerson(numbers)) return 'no-person';
  return isCovered(numbers) ? 'covered' : undefined;
}
