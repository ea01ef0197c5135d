import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Length of a key in bytes. */
const KEY_BYTES = 32;
/** Lengths in bytes of the nonce and of the authentication tag, from NIST SP 800-38D for GCM. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** Version of the format, in case there is ever another. */
const FORM = '1';

/**
 * Parses a key: 32 bytes, as 64 hexadecimal digits or in base64.
 * @returns undefined where the text is no key, e.g. too short
 */
export function keyFrom(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.length === KEY_BYTES ? key : undefined;
}

/** A text cannot be decrypted: its key is not given, or it was changed. */
export class Unopened extends Error {
  override readonly name = 'Unopened';
  readonly reason: 'no-key' | 'changed';

  constructor(reason: Unopened['reason'], options?: ErrorOptions) {
    super(reason === 'no-key' ? 'it was sealed with another key' : 'it was changed since it was sealed', options);
    this.reason = reason;
  }
}

/**
 * Encrypts texts with AES-256-GCM, so that nobody without the key can read or change them. It decrypts texts of all its keys, and
 * encrypts with the first one.
 */
export class Sealer {
  readonly #keys: readonly { readonly id: string; readonly key: Buffer }[];

  /** @param keys at least one, from `keyFrom`; the first one encrypts */
  constructor(keys: readonly Buffer[]) {
    if (keys.length === 0) throw new Error('there is no key to seal with');
    this.#keys = keys.map((key) => ({ id: createHash('sha256').update(key).digest('hex').slice(0, 8), key }));
  }

  /** Encrypts a text. @param place where it is stored; with another place it cannot be decrypted */
  seal(text: string, place: string): string {
    const { id, key } = this.#keys[0]!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return [FORM, id, Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')].join('.');
  }

  /**
   * Decrypts a text.
   * @returns the text, and whether it was encrypted with another key than the first
   * @throws Unopened
   */
  open(sealed: string, place: string): { readonly text: string; readonly isOld: boolean } {
    const [form, id, body = ''] = sealed.split('.');
    const key = this.#keys.find((known) => known.id === id);
    if (form !== FORM || key === undefined) throw new Unopened('no-key');
    const bytes = Buffer.from(body, 'base64url');
    try {
      const decipher = createDecipheriv(CIPHER, key.key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return { text: text.toString('utf8'), isOld: key !== this.#keys[0] };
    } catch (cause) {
      throw new Unopened('changed', { cause });
    }
  }
}
