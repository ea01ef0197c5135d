/** Memory for the bytes of large files, freed at once. If it waited for the garbage collector, several files would add up. */

/** By how many bytes the memory grows at a time. */
const STEP = 1024 * 1024;

/** Collects bytes that arrive in pieces in one buffer, so that nothing is copied at the end. */
export class GrowingBytes {
  readonly #buffer: ArrayBuffer;
  #length = 0;

  /** @param most largest number of bytes; memory is allocated as they arrive */
  constructor(most: number) {
    this.#buffer = new ArrayBuffer(0, { maxByteLength: most });
  }

  get length(): number {
    return this.#length;
  }

  /** @throws RangeError where the bytes would exceed the largest number */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.byteLength) {
      const stepped = Math.ceil(length / STEP) * STEP;
      this.#buffer.resize(length > this.#buffer.maxByteLength ? length : Math.min(stepped, this.#buffer.maxByteLength));
    }
    new Uint8Array(this.#buffer, this.#length, piece.length).set(piece);
    this.#length = length;
  }

  /** The bytes so far. Free their memory with `giveBack` when they are not needed any more. */
  bytes(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#buffer, 0, this.#length);
  }
}

/** A copy of bytes whose memory can be freed with `giveBack`, while the original stays. */
export function copyToGiveBack(bytes: Uint8Array): Buffer<ArrayBuffer> {
  const growing = new GrowingBytes(bytes.length);
  growing.append(bytes);
  return growing.bytes();
}

/** Frees the memory of GrowingBytes at once; views of it are empty from then on. Other bytes are left to the garbage collector. */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.resizable) buffer.resize(0);
}
