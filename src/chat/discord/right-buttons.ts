/**
 * The buttons and lists of 'Was it right?', and what their ids stand for. Discord keeps them with the message, so that nothing has to be
 * stored and all of it works after a restart.
 */
import { ActionRowBuilder, ButtonBuilder, ButtonStyle, StringSelectMenuBuilder } from 'discord.js';
import { EMOTIONS } from '../../emotion/labels.ts';
import { LETTERS_PATTERN, nameOf, type OpenFace, openFaces, RIGHT, WHO, WRONG } from '../right.ts';

/** Options that one list takes. */
const MOST_OPTIONS = 25;

/** A click on a button under an answer. */
export interface RightButton {
  readonly isRight: boolean;
  /** Who may say so, besides admins. */
  readonly people: readonly string[];
  readonly letters: string;
}

// At most 98 characters with two ids of 20 digits and 50 faces; Discord takes 100.
const BUTTON = new RegExp(`^(right|wrong):(\\d*(?:,\\d+)*):(${LETTERS_PATTERN})$`);

/** The buttons that go beside Remove. */
export function rightButtons(people: readonly string[], letters: string): ButtonBuilder[] {
  const rest = `${[...new Set(people)].join(',')}:${letters}`;
  return [
    new ButtonBuilder().setCustomId(`right:${rest}`).setLabel(RIGHT).setStyle(ButtonStyle.Secondary),
    new ButtonBuilder().setCustomId(`wrong:${rest}`).setLabel(WRONG).setStyle(ButtonStyle.Secondary),
  ];
}

/** What a button's id stands for; undefined where it is another button. */
export function parseRightButton(customId: string): RightButton | undefined {
  const [, word, people, letters] = BUTTON.exec(customId) ?? [];
  if (people === undefined || letters === undefined) return undefined;
  return { isRight: word === 'right', people: people.split(',').filter((id) => id !== ''), letters };
}

/** A choice from a list that only the person who chooses sees. */
export interface RightChoice {
  /** The answer that it is about. */
  readonly answer: string;
  readonly letters: string;
  /** The face that is corrected; absent where it is being chosen. */
  readonly number?: number;
}

const CHOICE = new RegExp(`^(?:who|meant-(\\d+)):(\\d+):(${LETTERS_PATTERN})(?::\\d)?$`);

/** Lists to choose the next face from: with one face left, what that should have been. */
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

/** What a face should have been. */
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

/** What a list's id stands for; undefined where it is another list. */
export function parseRightChoice(customId: string): RightChoice | undefined {
  const [, number, answer, letters] = CHOICE.exec(customId) ?? [];
  if (answer === undefined || letters === undefined) return undefined;
  return { answer, letters, ...(number !== undefined && { number: Number(number) }) };
}
