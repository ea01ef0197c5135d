/**
 * A text in as many pieces as a chat's messages need; at line ends where it can be broken there.
 * @param most UTF-16 units that a piece may have
 * @returns at least one piece; those before the last one end where a line, or at least a character, ends
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

/** The largest end up to `end` that parts neither a surrogate pair nor a backslash from what it escapes. */
function withinCharacters(text: string, end: number): number {
  const backslashes = /\\*$/.exec(text.slice(0, end))![0].length;
  const whole = end - (backslashes % 2);
  return /[\uD800-\uDBFF]/.test(text[whole - 1]!) ? whole - 1 : whole;
}
