import type { EpochResult } from './charts.ts';

/** A table of figures. */
export interface FigureTable {
  readonly caption: string;
  readonly head: readonly string[];
  /** Each row has as many cells as the head; the first cell names the row. */
  readonly rows: readonly (readonly string[])[];
}

/** The content of charts and of lines of text as data, for a platform that draws its own. */
export interface Figures {
  /** Text shown with them; the message's whole text if absent. */
  readonly lead?: string;
  readonly table?: FigureTable;
  /** Learning curves: one entry an epoch. */
  readonly curves?: readonly EpochResult[];
  /** Confusion matrices, shown side by side. */
  readonly matrices?: readonly {
    readonly name: string;
    /** Counts: rows true, columns predicted, in label order. */
    readonly rows: readonly (readonly number[])[];
  }[];
}
