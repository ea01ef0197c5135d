import type { PhotoCard, Reply } from '../../../commands/request.ts';

/** Longest text of a message, in UTF-16 units. */
export const MAX_TEXT = 2000;

/**
 * A reply's words in Discord's markup, in as many messages as they need.
 * @returns at least one text, each within MAX_TEXT
 */
export function layOut(reply: Pick<Reply, 'text' | 'card'>): string[] {
  return split(reply.card ? layOutCard(reply.card) : escapeMarkup(reply.text));
}

/** Bold heading, a numbered list, the notice in small print. */
function layOutCard(card: PhotoCard): string {
  return [
    `**${escapeMarkup(card.heading)}**`,
    ...card.people.map((person) => `${person.number}. ${escapeMarkup(person.text)}`),
    ...(card.more ? [escapeMarkup(card.more)] : []),
    `-# ${escapeMarkup(card.notice)}`,
  ].join('\n');
}

/** Text that shows as it is written: names of files come from strangers, and must not become mentions, links or headings. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(/[\\*_~`|<>[\]#]/g, '\\$&').replaceAll(/^(\s*)([-+])/gm, '$1\\$2');
}

/** Breaks at line ends where it can. */
function split(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > MAX_TEXT) {
    const lineEnd = rest.lastIndexOf('\n', MAX_TEXT);
    const end = lineEnd > 0 ? lineEnd : withinCharacters(rest, MAX_TEXT);
    parts.push(rest.slice(0, end));
    rest = rest.slice(lineEnd > 0 ? end + 1 : end);
  }
  return [...parts, rest];
}

/** The largest end up to `end` that parts neither a surrogate pair nor a backslash from what it escapes. */
function withinCharacters(text: string, end: number): number {
  const backslashes = /\\*$/.exec(text.slice(0, end))![0].length;
  const whole = end - (backslashes % 2);
  return /[\uD800-\uDBFF]/.test(text[whole - 1]!) ? whole - 1 : whole;
}
