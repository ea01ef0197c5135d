/** The rows of one file in order: a key for each, equal for equal rows; '' for a row that cannot be read. */
interface RowKeys {
  readonly name: string;
  readonly keys: readonly string[];
  /** Where two files hold the same rows, those of a preferred one are taken. */
  readonly preferred: boolean;
}

/** Rows that another file holds already. */
interface Repeats {
  /** For each file, whether each of its rows is to be left out. */
  readonly leftOut: readonly (readonly boolean[])[];
  /** A sentence for each file, or for several alike, with rows that were left out. */
  readonly warnings: readonly string[];
}

/**
 * Finds files that repeat the rows of others: a second download, the same data in its other form, a whole file beside
 * its chunks. If a file repeats itself from some row on, only its first part counts. FER2013 itself repeats a twentieth of its
 * rows. So a file counts as a repetition only if at least half of its rows, and no fewer than two, are in other files. Its other
 * rows are taken. Preferred files come first, then long ones, then those with short names, since a copy's name is longer than the
 * original's.
 */
export function findRepeats(given: readonly RowKeys[]): Repeats {
  const files = given.map((file) => ({ ...file, keys: file.keys.slice(0, ownRows(file.keys)) }));
  const order = [...files.keys()].sort((a, b) => {
    const [one, other] = [files[a]!, files[b]!];
    return (
      Number(other.preferred) - Number(one.preferred) ||
      other.keys.length - one.keys.length ||
      one.name.length - other.name.length
    );
  });
  /** For each row, the files looked at so far that hold it. */
  const holders = new Map<string, Set<number>>();
  const leftOut: boolean[][] = files.map(({ keys }) => keys.map(() => false));
  const warnings: string[] = given.flatMap(({ name, keys: { length } }, f) => {
    const repeated = length - files[f]!.keys.length;
    return repeated === 0 ? [] : [`${name} holds its rows more than once: ${repeated} of ${length} were left out.`];
  });
  /** Files that were left out entirely, by the names of the files that hold their rows. */
  const copiesOf = new Map<string, number[]>();
  for (const f of order) {
    const { name, keys } = files[f]!;
    const repeated = keys.filter((key) => holders.has(key)).length;
    const readable = keys.filter((key) => key !== '').length;
    if (repeated > 1 && 2 * repeated >= readable) {
      const others = listed(files, fewestHolders(keys, holders));
      leftOut[f] = keys.map((key) => key === '' || holders.has(key));
      if (repeated === readable) copiesOf.set(others, [...(copiesOf.get(others) ?? []), f]);
      else warnings.push(`Of ${name}, ${repeated} of ${keys.length} rows were left out: they are in ${others} too.`);
    }
    for (const key of keys) {
      const known = holders.get(key);
      if (known) known.add(f);
      else if (key !== '') holders.set(key, new Set([f]));
    }
  }
  for (const [others, copies] of copiesOf) {
    const were = copies.length === 1 ? 'was left out: its' : 'were left out: their';
    warnings.push(`${listed(files, copies)} ${were} rows are in ${others} too, and are read once.`);
  }
  return {
    leftOut: given.map(({ keys }, f) => keys.map((_, k) => leftOut[f]![k] ?? true)),
    warnings,
  };
}

/**
 * Number of rows after which a file starts again from its first row: half of its rows if it was appended to itself, all of them if it
 * does not repeat itself. FER2013's own duplicates do not count: all further rows must repeat the first ones, in the same order.
 */
function ownRows(keys: readonly string[]): number {
  const [first] = keys;
  for (let rows = keys.indexOf(first!, 2); rows > 0 && 2 * rows <= keys.length; rows = keys.indexOf(first!, rows + 1)) {
    let k = rows;
    // The last one may be a half row of a copy that broke off.
    while (k < keys.length && (keys[k] === keys[k - rows] || keys[k] === '')) k++;
    if (k === keys.length) return rows;
  }
  return keys.length;
}

/** Few files that together hold all rows that any file holds: greedily, the one with the most rows first. */
function fewestHolders(keys: readonly string[], holders: ReadonlyMap<string, ReadonlySet<number>>): number[] {
  const chosen: number[] = [];
  let left = keys.flatMap((key) => holders.get(key) ?? []);
  while (left.length > 0) {
    const counts = new Map<number, number>();
    for (const held of left) for (const f of held) counts.set(f, (counts.get(f) ?? 0) + 1);
    const [most] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
    chosen.push(most);
    left = left.filter((held) => !held.has(most));
  }
  return chosen;
}

/** The names of some of the files, for a sentence. */
function listed(files: readonly RowKeys[], chosen: readonly number[]): string {
  const names = [...chosen].sort((a, b) => a - b).map((f) => files[f]!.name);
  if (names.length > 4) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more files`;
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
