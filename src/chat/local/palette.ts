import { EMOTIONS, type Emotion } from '../../emotion/labels.ts';

const EMOTION_COLOURS: Readonly<Record<Emotion | 'unsure', string>> = {
  angry: '#e5484d',
  disgust: '#6aa84f',
  fear: '#8e6bd8',
  happy: '#f5c518',
  sad: '#3b82f6',
  surprise: '#f08c2e',
  neutral: '#7d8597',
  unsure: '#a3a9bb',
};

/** A style sheet with each emotion's colour as it is in the annotated pictures, and the ink to write on it. */
export function palette(): string {
  return [...EMOTIONS, 'unsure' as const]
    .map((emotion) => {
      const colour = EMOTION_COLOURS[emotion];
      return `[data-emotion="${emotion}"] { --emotion: ${colour}; --on-emotion: ${inkOn(colour)}; }\n`;
    })
    .join('');
}

/** Black or white, whichever contrasts more with '#rrggbb' (relative luminance and contrast as in WCAG 2.2). */
function inkOn(colour: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? '#ffffff' : '#000000';
}
