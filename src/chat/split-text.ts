/**
 * Splits a text into pieces that fit into a chat's messages, at line ends where possible.
 * @param most longest piece, in UTF-16 units
 * @returns at least one piece; each but the last ends where a line, or at least a character, ends
 */
export function inPieces(text: string, most: number): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > most) {
    const lineEnd = rest.lastIndexOf('\n', most);
    const end = lineEnd > 0 ? lineEnd : withinCharacters(rest, most);
    pieces.push(rest.slice(0, end));
    rest = rest.slice(lineEnd > 0 ? end + 1 : end);
  }
  return [...pieces, rest];
}

/** The largest position up to `end` that splits no surrogate pair and leaves no backslash without the character it escapes. */
function withinCharacters(text: string, end: number): number {
  const backslashes = /\\*$/.exec(text.slice(0, end))![0].length;
  const whole = end - (backslashes % 2);
  return /[\uD800-\uDBFF]/.test(text[whole - 1]!) ? whole - 1 : whole;
}
