/**
 * Lets contenders take turns, so that other load on the machine slows all of them alike. The first round is not counted, since
 * code is compiled and memory allocated in it.
 * @param turn does a contender's work and returns what it measured; `round` is a name for people
 * @returns for each contender the measurements of its counted turns, in order
 */
export async function takeTurns<Contender, Measured>(
  contenders: readonly Contender[],
  rounds: number,
  turn: (contender: Contender, round: string) => Promise<Measured>,
): Promise<Measured[][]> {
  const measured = contenders.map((): Measured[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [k, contender] of contenders.entries()) {
      const result = await turn(contender, `round ${round}${round === 0 ? ' (not counted)' : ''}`);
      if (round > 0) measured[k]!.push(result);
    }
  return measured;
}

/** The head of a column whose cells `spread` fills. */
export const SPREAD = 'median (least to most)';

/** How many times as fast as the peer something is, round by round; both times are in milliseconds. */
export function speeds(peer: readonly number[], milliseconds: readonly number[]): number[] {
  return milliseconds.map((value, round) => peer[round]! / value);
}

/** A table in Markdown. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function inOrder(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = inOrder(values);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** The median with the least and the most value, e.g. "3.14 (2.72 to 3.30)". */
export function spread(values: readonly number[], digits: number): string {
  const sorted = inOrder(values);
  return `${median(values).toFixed(digits)} (${sorted[0]!.toFixed(digits)} to ${sorted.at(-1)!.toFixed(digits)})`;
}
