import type { EpochResult } from './charts.ts';

/** Some figures, in rows under a heading each. */
export interface FigureTable {
  readonly caption: string;
  readonly head: readonly string[];
  /** As many cells a row as the head has; the first names the row. */
  readonly rows: readonly (readonly string[])[];
}

/** What stands in charts and in lines of text, as data: for whoever can draw it in a way of its own. */
export interface Figures {
  /** What there is to say beside them; the whole text where absent. */
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
