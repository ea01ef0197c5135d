import type { PostedMessage, Said } from './chats.ts';

/** What became of a photo. */
export type Fate = 'answered' | 'refused' | 'lost' | 'doubled' | 'thinking';

/** A photo and what was said of it. */
export interface Judged {
  readonly message: PostedMessage;
  readonly kind: string;
  readonly fate: Fate;
  /** All that was said of it, the first one first. */
  readonly said: readonly Said[];
}

/** The bot's reply when it cannot answer because of a fault of its own; its log has the details. */
const WENT_WRONG = /Something went wrong on my side/;
const NO_FACE = /I found no face in this picture/;

/**
 * What became of every photo, except of messages that were removed. Answered: by a picture, or in words where there is no face in it.
 * Refused: in words. Thinking: a command that the bot has taken on, and never answered. Doubled: where more than one thing was said of
 * it, or of all photos of its message.
 */
export function judge(posted: readonly PostedMessage[], said: readonly Said[]): Judged[] {
  const byMessage = new Map<string, Said[]>();
  for (const one of said) byMessage.set(one.to, [...(byMessage.get(one.to) ?? []), one]);
  return posted
    .filter(({ isRemoved }) => !isRemoved)
    .flatMap((message) => judgeMessage(message, byMessage.get(message.id) ?? []));
}

/**
 * A reply that names a photo is about that photo. Other replies are about the photos that no reply names, or about all where each is
 * named.
 */
function judgeMessage(message: PostedMessage, said: readonly Said[]): Judged[] {
  const { files, kinds } = message;
  const inOrder = [...said].sort((a, b) => a.at - b.at);
  const unnamed = inOrder.filter(({ picture }) => picture === undefined);
  const isNamed = (file: string) => inOrder.some(({ picture }) => picture === file);
  const areAllNamed = files.every(isNamed);
  return kinds.map((kind, k) => {
    const file = files[k]!;
    const own = inOrder.filter(({ picture }) => picture === file);
    const about = areAllNamed || own.length === 0 ? [...own, ...unnamed] : own;
    return { message, kind, fate: fateOf(about, message.state?.()), said: about };
  });
}

/** @param state of a command: where nobody has taken it on, Discord itself says so; a bot that has says that it is thinking */
function fateOf(said: readonly Said[], state?: ReturnType<NonNullable<PostedMessage['state']>>): Fate {
  const [first, ...more] = said;
  if (state === 'deferred') return 'thinking';
  if (first === undefined) return state === 'waiting' ? 'refused' : 'lost';
  if (more.length > 0) return 'doubled';
  return first.hasPicture || NO_FACE.test(first.text) ? 'answered' : 'refused';
}

/** Photos whose answer is still missing. */
export function open(judged: readonly Judged[]): Judged[] {
  return judged.filter(({ fate }) => fate === 'lost' || fate === 'thinking');
}

/** The time in milliseconds within which a share of the photos were answered, rounded up to the next photo. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The words of refusals, and how often each came; names of files left out. */
export function refusals(judged: readonly Judged[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { fate, said } of judged) {
    if (fate !== 'refused') continue;
    const words = (said[0]?.text ?? 'The application did not respond.')
      .replace(/^[\w.-]+: /, '')
      .replace(/as \S+\.$/, 'as …');
    counts[words] = (counts[words] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

/** Refusals that name a failure of the bot's own. */
export function wentWrong(judged: readonly Judged[]): number {
  return judged.filter(({ said }) => said.some(({ text }) => WENT_WRONG.test(text))).length;
}
