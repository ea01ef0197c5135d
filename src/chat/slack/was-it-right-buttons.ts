/** The buttons and the window of 'Was it right?'. They hold all their data themselves, so the bot stores nothing. */
import { z } from 'zod';
import { EMOTIONS } from '../../emotion/labels.ts';
import type { Opinion } from '../../settings/opinions.ts';
import { correction, LETTERS_PATTERN, nameOf, openFaces, RIGHT, WRONG } from '../was-it-right.ts';
import type { Holders } from './people.ts';
import { holders } from './remove-button.ts';

/** Action ids of the buttons. */
export const SAY_RIGHT = 'answer_right';
export const SAY_WRONG = 'answer_wrong';
/** Callback id of the window to correct an answer in. */
export const CORRECT = 'correct_answer';
/** Action id of the lists in that window. */
const MEANT = 'meant';

/** The data of a button: whose answer it is, and the reading of each face. */
const rightState = z.object({
  ...holders,
  letters: z.string().regex(new RegExp(`^${LETTERS_PATTERN}$`)),
});
export type RightState = z.infer<typeof rightState>;

/** The buttons beside Remove. */
export function rightButtons(whose: Holders, letters: string) {
  return buttonsOf({ ...whose, letters });
}

/** @returns undefined for anything that is not the value of such a button */
export function parseRightState(value: unknown): RightState | undefined {
  return parse(rightState, value);
}

function buttonsOf(state: RightState) {
  const button = (id: string, text: string) => ({
    type: 'button' as const,
    action_id: id,
    text: { type: 'plain_text' as const, text },
    value: JSON.stringify(state),
  });
  return [button(SAY_RIGHT, RIGHT), button(SAY_WRONG, WRONG)];
}

/** A block of a message, in Slack's form. */
export interface Block {
  readonly type: string;
  readonly elements?: readonly { readonly action_id?: string; readonly value?: string }[];
}

/** A message's blocks with the buttons of 'Was it right?' for the given letters, or without those buttons where there are none. */
export function withLetters<T extends Block>(blocks: readonly T[], letters: string | undefined): T[] {
  return blocks.map((block) => {
    const state = block.elements?.flatMap(({ action_id: id, value }) =>
      id === SAY_RIGHT ? (parseRightState(value) ?? []) : [],
    )[0];
    if (state === undefined) return block;
    const others = block.elements!.filter(({ action_id: id }) => id !== SAY_RIGHT && id !== SAY_WRONG);
    return { ...block, elements: [...others, ...(letters === undefined ? [] : buttonsOf({ ...state, letters }))] };
  });
}

/** The data of a window: the answer that it corrects. */
const windowState = z.object({ channel: z.string(), answer: z.string(), letters: z.string() });
export type WindowState = z.infer<typeof windowState>;

/** The window to correct an answer in. It has a list for each face, and each may be left empty. */
export function correctionWindow(state: WindowState) {
  return {
    type: 'modal' as const,
    callback_id: CORRECT,
    private_metadata: JSON.stringify(state),
    title: { type: 'plain_text' as const, text: WRONG },
    submit: { type: 'plain_text' as const, text: 'Send' },
    blocks: openFaces(state.letters).map((face) => ({
      type: 'input' as const,
      block_id: String(face.number),
      optional: true,
      label: { type: 'plain_text' as const, text: nameOf(face) },
      element: {
        type: 'static_select' as const,
        action_id: MEANT,
        placeholder: { type: 'plain_text' as const, text: 'What is it?' },
        options: EMOTIONS.map((emotion) => ({
          text: { type: 'plain_text' as const, text: emotion },
          value: emotion,
        })),
      },
    })),
  };
}

/** A submitted window, in Slack's form. */
export interface SentWindow {
  readonly private_metadata: string;
  readonly state: {
    readonly values: Readonly<
      Record<string, Readonly<Record<string, { readonly selected_option?: { readonly value: string } | null }>>>
    >;
  };
}

/** @returns undefined for anything that is no such window */
export function parseWindow(view: SentWindow): { state: WindowState; opinions: Opinion[] } | undefined {
  const state = parse(windowState, view.private_metadata);
  const opinions = Object.entries(view.state.values).flatMap(([number, { [MEANT]: chosen }]) => {
    const meant = chosen?.selected_option?.value;
    return (state && meant && correction(state.letters, Number(number), meant)) || [];
  });
  return state && { state, opinions };
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return schema.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}
