/**
 * Has contenders take turns, so that whatever else the machine does meets all of them alike. One round before the others is
 * not counted: code is compiled and memory fetched in it.
 * @param turn does a contender's work and says what it measured; `round` is for people
 * @returns for each contender what its counted turns gave, in order
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
