import type { Reading } from '../../emotion/classifier.ts';

/**
 * Each emotion's own colour: the palette of Okabe and Ito, "Color Universal Design" (2008), without its black. People
 * with any of the common colour vision deficiencies can tell its colours apart. 'unsure' is gray, which belongs to no
 * emotion.
 */
export const EMOTION_COLOURS: Readonly<Record<Reading['emotion'], string>> = {
  angry: '#d55e00',
  disgust: '#009e73',
  fear: '#cc79a7',
  happy: '#f0e442',
  sad: '#0072b2',
  surprise: '#e69f00',
  neutral: '#56b4e9',
  unsure: '#bdbdbd',
};

export const BLACK = '#000000';
export const WHITE = '#ffffff';

/** Relative luminance of an sRGB colour, 0..1 (WCAG 2.2, "relative luminance"). @param colour as #rrggbb */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** How well two colours stand out from each other, 1..21 (WCAG 2.2, "contrast ratio"). @param a as #rrggbb @param b likewise */
export function contrast(a: string, b: string): number {
  const [lighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (lighter! + 0.05) / (darker! + 0.05);
}

/** Black or white, whichever is easier to read on a colour. @param colour as #rrggbb */
export function inkOn(colour: string): string {
  return contrast(colour, BLACK) >= contrast(colour, WHITE) ? BLACK : WHITE;
}
