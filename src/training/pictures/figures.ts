import type { EpochResult } from './charts.ts';

/** A table of figures. */
export interface FigureTable {
  readonly caption: string;
  readonly head: readonly string[];
  /** As many cells a row as the head has; the first names the row. */
  readonly rows: readonly (readonly string[])[];
}

/** The content of charts and of lines of text as data, for a platform that draws its own. */
export interface Figures {
  /** Text that goes with them; where absent, the message's whole text. */
  readonly lead?: string;
  readonly table?: FigureTable;
  /** Learning curves: one entry an epoch. */
  readonly curves?: readonly EpochResult[];
  /** Confusion matrices to be seen side by side. */
  readonly matrices?: readonly {
    readonly name: string;
    /** Counts: rows true, columns predicted, in label order. */
    readonly rows: readonly (readonly number[])[];
  }[];
}
