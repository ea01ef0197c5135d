import { EMOTIONS } from '../../emotion/labels.ts';
import { EMOTION_COLOURS, inkOn } from '../../photo/picture/colours.ts';

/** A style sheet with each emotion's colour as it is in the annotated pictures, and the ink to write on it. */
export function palette(): string {
  return [...EMOTIONS, 'unsure' as const]
    .map((emotion) => {
      const colour = EMOTION_COLOURS[emotion];
      return `[data-emotion="${emotion}"] { --emotion: ${colour}; --on-emotion: ${inkOn(colour)}; }\n`;
    })
    .join('');
}
