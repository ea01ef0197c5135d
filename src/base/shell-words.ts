/** A word as it is typed in a shell: in quotes where the shell would otherwise take it apart, such as a path with spaces. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The words of a line that `shellWord` made. A quote without its other half is part of the word. */
export function shellWords(line: string): string[] {
  const words = line.match(/(?:'[^']*'|\\.|[^\s])+/gs) ?? [];
  return words.map((word) => word.replaceAll(/'([^']*)'|\\(.)/gs, (_, quoted, escaped) => quoted ?? escaped));
}
