import { REMOVE } from './names.ts';
import type { SlackMessage, Source } from './payloads.ts';

/** All that removing an answer takes. It stands in the button itself, so that a restart of the bot forgets nothing. */
export interface RemoveState {
  /** Who posted the picture. */
  readonly by: string;
  /** The message that the picture was posted in, and the one that its thread hangs from. */
  readonly source: string;
  readonly thread: string;
  /** The files of the answer. */
  readonly files: readonly string[];
}

/** The button under an answer. */
export function removeButton(source: Source, files: readonly string[]) {
  const state: RemoveState = { by: source.poster ?? '', source: source.ts, thread: source.thread, files };
  return {
    type: 'actions' as const,
    elements: [
      {
        type: 'button' as const,
        action_id: REMOVE,
        text: { type: 'plain_text' as const, text: 'Remove' },
        value: JSON.stringify(state),
      },
    ],
  };
}

/** @returns undefined for anything that is not the value of such a button */
export function parseRemoveState(value: unknown): RemoveState | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const { by, source, thread, files } = JSON.parse(value);
    const isState = [by, source, thread, ...files].every((part) => typeof part === 'string');
    return isState ? { by, source, thread, files } : undefined;
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
