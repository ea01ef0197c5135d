/** The one part of vega-scenegraph that is used here; the package has no types of its own. */
declare module 'vega-scenegraph' {
  interface TextItem {
    readonly text?: unknown;
    readonly fontSize?: number;
  }

  /** How Vega measures text, to lay out axes, legends and titles. `width` may be replaced. */
  export const textMetrics: { width: (item: TextItem, text: unknown) => number };

  /** The font size of an item in pixels, or its default of 11. */
  export function fontSize(item: TextItem): number;
}
