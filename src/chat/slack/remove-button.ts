import { z } from 'zod';
import type { PictureSource, SlackMessage } from './attachment.ts';
import type { Holders } from './people.ts';

/** Action id of the Remove button. */
export const REMOVE = 'remove_reply';

/** `Holders` as they stand in a button. */
export const holders = { by: z.string(), owner: z.string().exactOptional(), asker: z.string().exactOptional() };

/** @param asker who asked about the picture */
export function holdersOf({ poster = '', owner }: PictureSource, asker: string): Holders {
  return {
    by: poster,
    ...(owner !== undefined && owner !== poster && { owner }),
    ...(![poster, owner].includes(asker) && { asker }),
  };
}

/** All that removing an answer takes. It stands in the button itself, so that a restart of the bot forgets nothing. */
export interface RemoveState extends Holders {
  /** The message that the picture was posted in, and the one that its thread hangs from. */
  readonly source: string;
  readonly thread: string;
  /** The picture's file. Absent in answers of an early version, whose buttons all stand apart. */
  readonly picture?: string;
  /** The files of the answer. */
  readonly files: readonly string[];
  /** True where they stand in a message of their own above the button's. */
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

/** The state of the button that a message has, if it has one. */
export function removeStateOf(message: SlackMessage): RemoveState | undefined {
  for (const block of message.blocks ?? []) {
    const { elements } = block as { readonly elements?: readonly { action_id?: string; value?: string }[] };
    const button = Array.isArray(elements) && elements.find((element) => element?.action_id === REMOVE);
    if (button) return parseRemoveState(button.value);
  }
  return undefined;
}
