/** First bytes of the formats that browsers show; `at` counts from the file's start. */
const SIGNATURES: readonly { readonly mime: string; readonly at: number; readonly text: string }[] = [
  { mime: 'image/jpeg', at: 0, text: '\xff\xd8\xff' },
  { mime: 'image/png', at: 0, text: '\x89PNG\r\n\x1a\n' },
  { mime: 'image/gif', at: 0, text: 'GIF8' },
  { mime: 'image/webp', at: 8, text: 'WEBP' },
  { mime: 'image/avif', at: 4, text: 'ftypavif' },
  { mime: 'image/bmp', at: 0, text: 'BM' },
];

/**
 * The media type to show a file as, decided by its bytes and never by its name or what the sender says it is.
 * @returns undefined for everything that is not a raster picture that browsers show: SVG, above all, may hold scripts
 */
export function browserPictureType(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  return SIGNATURES.find(({ at, text }) => start.startsWith(text, at))?.mime;
}
