/** The parts of opentype.js that are used here; the package has no type declarations. */
declare module 'opentype.js/dist/opentype.mjs' {
  /** Commands of SVG path data, coordinates in pixels. */
  export type PathCommand =
    | { readonly type: 'M' | 'L'; readonly x: number; readonly y: number }
    | { readonly type: 'Q'; readonly x1: number; readonly y1: number; readonly x: number; readonly y: number }
    | {
        readonly type: 'C';
        readonly x1: number;
        readonly y1: number;
        readonly x2: number;
        readonly y2: number;
        readonly x: number;
        readonly y: number;
      }
    | { readonly type: 'Z' };
  export interface Path {
    readonly commands: readonly PathCommand[];
  }
  export interface Font {
    /** Font units in one em. */
    readonly unitsPerEm: number;
    readonly tables: { readonly os2: { readonly sCapHeight: number } };
    /** Outlines of a text whose baseline starts at (x, y), for a size in pixels per em. */
    getPath(text: string, x: number, y: number, size: number): Path;
    /** Width of a text in pixels, for a size in pixels per em. */
    getAdvanceWidth(text: string, size: number): number;
  }
  /** Reads a TrueType, OpenType or WOFF 1 font. */
  export function parse(bytes: ArrayBuffer): Font;
}
