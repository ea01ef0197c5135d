import { tooLarge } from '../base/errors.ts';

/**
 * Collects a stream, and stops reading it as soon as it is longer than allowed.
 * @param maxBytes most bytes that are kept
 * @throws UserError 'too-large'
 */
export async function readBounded(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
