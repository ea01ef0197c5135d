/**
 * The buttons and lists of 'Was it right?', and the data in their ids. Discord keeps the ids with the message, so nothing has to be stored
 * and they work after a restart.
 */
import { ActionRowBuilder, ButtonBuilder, ButtonStyle, StringSelectMenuBuilder } from 'discord.js';
import { EMOTIONS } from '../../emotion/labels.ts';
import { LETTERS_PATTERN, nameOf, type OpenFace, openFaces, RIGHT, WHO, WRONG } from '../was-it-right.ts';

/** How many options Discord allows in one list. */
const MOST_OPTIONS = 25;

/** The data of a button of 'Was it right?'. */
export interface RightButton {
  readonly isRight: boolean;
  /** The people who may press it, besides admins. */
  readonly people: readonly string[];
  readonly letters: string;
}

// At most 98 characters with two ids of 20 digits and 50 faces; Discord takes 100.
const BUTTON = new RegExp(`^(right|wrong):(\\d*(?:,\\d+)*):(${LETTERS_PATTERN})$`);

/** The buttons beside Remove. */
export function rightButtons(people: readonly string[], letters: string): ButtonBuilder[] {
  const rest = `${[...new Set(people)].join(',')}:${letters}`;
  return [
    new ButtonBuilder().setCustomId(`right:${rest}`).setLabel(RIGHT).setStyle(ButtonStyle.Secondary),
    new ButtonBuilder().setCustomId(`wrong:${rest}`).setLabel(WRONG).setStyle(ButtonStyle.Secondary),
  ];
}

/** The data in a button's custom id; undefined where it is another button. */
export function parseRightButton(customId: string): RightButton | undefined {
  const [, word, people, letters] = BUTTON.exec(customId) ?? [];
  if (people === undefined || letters === undefined) return undefined;
  return { isRight: word === 'right', people: people.split(',').filter((id) => id !== ''), letters };
}

/** The data of a list to choose from, which only the person who chooses sees. */
export interface RightChoice {
  /** Id of the answer that it is about. */
  readonly answer: string;
  readonly letters: string;
  /** The number of the face to correct; absent where the list is for choosing the face. */
  readonly number?: number;
}

const CHOICE = new RegExp(`^(?:who|meant-(\\d+)):(\\d+):(${LETTERS_PATTERN})(?::\\d)?$`);

/** Lists to choose the next face from. If one face is left, a list to choose its emotion from. */
export function correctionLists(answer: string, letters: string): ActionRowBuilder<StringSelectMenuBuilder>[] {
  const faces = openFaces(letters);
  if (faces.length === 1) return [emotionList(answer, letters, faces[0]!)];
  const lists: OpenFace[][] = [];
  for (let k = 0; k < faces.length; k += MOST_OPTIONS) lists.push(faces.slice(k, k + MOST_OPTIONS));
  return lists.map((list, k) =>
    row(
      `who:${answer}:${letters}:${k}`,
      WHO,
      list.map((face) => ({ label: nameOf(face), value: String(face.number) })),
    ),
  );
}

/** A list to choose a face's emotion from. */
export function emotionList(
  answer: string,
  letters: string,
  face: OpenFace,
): ActionRowBuilder<StringSelectMenuBuilder> {
  const options = EMOTIONS.map((emotion) => ({ label: emotion, value: emotion }));
  return row(`meant-${face.number}:${answer}:${letters}`, `${nameOf(face)}. What is it?`, options);
}

function row(id: string, placeholder: string, options: { label: string; value: string }[]) {
  const list = new StringSelectMenuBuilder().setCustomId(id).setPlaceholder(placeholder).addOptions(options);
  return new ActionRowBuilder<StringSelectMenuBuilder>().addComponents(list);
}

/** The data in a list's custom id; undefined where it is another list. */
export function parseRightChoice(customId: string): RightChoice | undefined {
  const [, number, answer, letters] = CHOICE.exec(customId) ?? [];
  if (answer === undefined || letters === undefined) return undefined;
  return { answer, letters, ...(number !== undefined && { number: Number(number) }) };
}
