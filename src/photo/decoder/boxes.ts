/** A range of bytes of a file: `to` is exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The contents of all boxes of one name in a range of bytes. */
export function boxes(file: Buffer, { from, to }: Span, name: string): Span[] {
  const found: Span[] = [];
  for (let at = from; at + 8 <= to; ) {
    const short = file.readUInt32BE(at);
    const header = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(file.readBigUInt64BE(at + 8)) : short === 0 ? to - at : short;
    if (length < header || at + length > to) break;
    if (nameAt(file, at + 4) === name) found.push({ from: at + header, to: at + length });
    at += length;
  }
  return found;
}

/** The content of a box nested in others; an empty range where one of them is missing. */
export function within(file: Buffer, span: Span, path: readonly string[]): Span {
  return path.reduce((inside, name) => boxes(file, inside, name)[0] ?? { from: 0, to: 0 }, span);
}

/** A whole number of four bytes, or of eight where it is wide. */
export function numberAt(file: Buffer, at: number, isWide: boolean): bigint {
  return isWide ? file.readBigUInt64BE(at) : BigInt(file.readUInt32BE(at));
}

export function nameAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, at + 4);
}
