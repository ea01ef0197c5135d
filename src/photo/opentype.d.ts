/** The parts of opentype.js that are used here; the package has no type declarations. */
declare module 'opentype.js' {
  export interface Path {
    /** SVG path data, with so many decimals. */
    toPathData(decimals: number): string;
  }
  export interface Font {
    /** Font units in one em. */
    readonly unitsPerEm: number;
    readonly tables: { readonly os2: { readonly sCapHeight: number } };
    /** Outlines of a text whose baseline starts at (x, y), for a size in pixels an em. */
    getPath(text: string, x: number, y: number, size: number): Path;
    /** Width of a text in pixels, for a size in pixels an em. */
    getAdvanceWidth(text: string, size: number): number;
  }
  const opentype: {
    /** Reads a TrueType, OpenType or WOFF 1 font. */
    parse(bytes: ArrayBuffer): Font;
  };
  export default opentype;
}
