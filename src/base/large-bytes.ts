/** Bytes of a file that is large for a moment: memory that waits for the garbage collector would add up, file upon file. */

/** Bytes by which memory grows: the system is asked for it that often. */
const STEP = 1024 * 1024;

/** Bytes that come in piece by piece, in one place from the beginning: nothing is copied together in the end. */
export class GrowingBytes {
  readonly #buffer: ArrayBuffer;
  #length = 0;

  /** @param most bytes that there may be; memory is taken as they come */
  constructor(most: number) {
    this.#buffer = new ArrayBuffer(0, { maxByteLength: most });
  }

  get length(): number {
    return this.#length;
  }

  /** @throws RangeError where it is more than there may be */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.byteLength) {
      const stepped = Math.ceil(length / STEP) * STEP;
      this.#buffer.resize(length > this.#buffer.maxByteLength ? length : Math.min(stepped, this.#buffer.maxByteLength));
    }
    new Uint8Array(this.#buffer, this.#length, piece.length).set(piece);
    this.#length = length;
  }

  /** What has come in; give its memory back with `giveBack` where it is not needed any more. */
  bytes(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#buffer, 0, this.#length);
  }
}

/** A copy of bytes that others keep, for whoever gives its memory back. */
export function copyToGiveBack(bytes: Uint8Array): Buffer<ArrayBuffer> {
  const growing = new GrowingBytes(bytes.length);
  growing.append(bytes);
  return growing.bytes();
}

/** Frees the memory of GrowingBytes at once: whoever still looks at them sees none. Other bytes are left to the garbage collector. */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.resizable) buffer.resize(0);
}
