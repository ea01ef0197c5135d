import { z } from 'zod';
import type { PictureSource, SlackMessage } from './attachment.ts';
import type { Holders } from './people.ts';

/** Action id of the Remove button. */
export const REMOVE = 'remove_reply';

/** The fields of `Holders` in the data of a button. */
export const holders = { by: z.string(), owner: z.string().exactOptional(), asker: z.string().exactOptional() };

/** The people who may remove the answer to a picture. @param asker id of the person who asked about it */
export function holdersOf({ poster = '', owner }: PictureSource, asker: string): Holders {
  return {
    by: poster,
    ...(owner !== undefined && owner !== poster && { owner }),
    ...(![poster, owner].includes(asker) && { asker }),
  };
}

/** Everything needed to remove an answer. It is stored in the button itself, so it survives a restart of the bot. */
export interface RemoveState extends Holders {
  /** The message that the picture was posted in, and the first message of its thread. */
  readonly source: string;
  readonly thread: string;
  /** Id of the picture's file. Absent in answers of an early version, whose buttons are all in messages of their own. */
  readonly picture?: string;
  /** Ids of the answer's files. */
  readonly files: readonly string[];
  /** True where the files are in another message, above the one with the button. */
  readonly apart?: boolean;
}

/** The button under an answer. */
export function removeButton(source: PictureSource, whose: Holders, files: readonly string[], apart: boolean) {
  const state: RemoveState = {
    ...whose,
    source: source.ts,
    thread: source.thread,
    picture: source.picture,
    files,
    ...(apart && { apart }),
  };
  return {
    type: 'button' as const,
    action_id: REMOVE,
    text: { type: 'plain_text' as const, text: 'Remove' },
    value: JSON.stringify(state),
  };
}

const removeState: z.ZodType<RemoveState> = z.object({
  ...holders,
  source: z.string(),
  thread: z.string(),
  picture: z.string().exactOptional(),
  files: z.array(z.string()),
  apart: z.boolean().exactOptional(),
});

/** @returns undefined for anything that is not the value of such a button */
export function parseRemoveState(value: unknown): RemoveState | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const state = removeState.safeParse(JSON.parse(value)).data;
    return state && { ...state, apart: state.apart ?? state.picture === undefined };
  } catch {
    return undefined;
  }
}

/** The state of a message's Remove button, if it has one. */
export function removeStateOf(message: SlackMessage): RemoveState | undefined {
  for (const block of message.blocks ?? []) {
    const { elements } = block as { readonly elements?: readonly { action_id?: string; value?: string }[] };
    const button = Array.isArray(elements) && elements.find((element) => element?.action_id === REMOVE);
    if (button) return parseRemoveState(button.value);
  }
  return undefined;
}
