import { percent } from '../src/base/numbers.ts';
import type { Emotion } from '../src/emotion/labels.ts';
import type { Frame } from '../src/photo/decode.ts';
import {
  describeReading,
  type FramesRead,
  type PersonReading,
  summarise,
  twoLikeliest,
  whichFrames,
} from '../src/photo/picture/describe.ts';
import type { Attachment, OutgoingPicture, PersonLine, PhotoCard, Reply } from './request.ts';

/** Stands under every answer. An expression is not a feeling, and the network can misread an expression too. */
export const NOTICE = 'A guess from one picture: it reads the expression, not the feeling.';

const NO_FACE =
  'I found no face in this picture. Small, covered, blurred or turned-away faces are easily missed; a closer photo may help.';

const MORE_PEOPLE = 'There may be more people in it than I found: a closer photo shows more.';

/**
 * The answer to one photo.
 * @param about the posted file
 * @param faces in the order of their numbers in the picture
 * @param picture the annotated picture; absent where there is no face
 * @param options.named whether to put the file's name before the answer, for one of several photos
 * @param options.frame the frame that was read; absent where the picture is no animation
 * @param options.asksIfRight whether to ask the poster if the readings are right
 * @param options.frames how many frames of an animation were read
 * @param options.more whether there may be more people in the photo than were found
 */
export function photoReply(
  about: Attachment,
  faces: readonly PersonReading[],
  picture: OutgoingPicture | undefined,
  options: {
    readonly named?: boolean;
    readonly more?: boolean;
    readonly frame?: Frame;
    readonly asksIfRight?: boolean;
    readonly frames?: FramesRead;
  } = {},
): Reply {
  const prefix = options.named ? `${shortName(about.name)}: ` : '';
  const which = whichFrames(options);
  if (faces.length === 0) {
    return { text: `${prefix}${NO_FACE}${which && ` I looked at ${which}.`}`, about, removable: true };
  }
  const card: PhotoCard = {
    heading: `${prefix}${summarise(faces)}${which && ` (${which})`}`,
    people: faces.map(personLine),
    ...(options.more && { more: MORE_PEOPLE }),
    notice: NOTICE,
  };
  const asksIfRight = options.asksIfRight === true;
  return { text: cardText(card), card, about, removable: true, asksIfRight, pictures: picture ? [picture] : [] };
}

/** A card as lines of plain text. */
export function cardText(card: PhotoCard): string {
  const people = card.people.map((person) => `${person.number}. ${person.text}`);
  return [card.heading, ...people, ...(card.more ? [card.more] : []), card.notice].join('\n');
}

/** A file's name on one line, shortened to fit into a sentence. Marks that turn the direction of text would turn the words after it too. */
export function shortName(name: string): string {
  const inOneDirection = name.replaceAll(/\p{Bidi_Control}+/gu, '');
  const line = inOneDirection.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim() || 'picture';
  const characters = [...line];
  return characters.length <= 60 ? line : `${characters.slice(0, 40).join('')}…${characters.slice(-15).join('')}`;
}

function personLine(face: PersonReading, index: number): PersonLine {
  const number = index + 1;
  const guess = (emotion: Emotion, probability: number) => ({ emotion, probability, percent: percent(probability) });
  const { emotion, unreadable, confidence, scores, course } = face;
  // Several emotions one after the other have no single probability.
  if (course) return { number, emotion, text: describeReading(face), likeliest: [] };
  const guesses = emotion !== 'unsure' ? [emotion] : unreadable ? [] : twoLikeliest(scores);
  const likeliest = guesses.map((one) => guess(one, one === emotion ? confidence : scores[one]));
  return { number, emotion, text: describeReading(face), likeliest };
}
