import type { PictureFormat } from '../picture-format.ts';
import type { DecodedFrames } from './frames.ts';

/** A task for the decoder's process. The file's bytes follow it. */
export interface DecoderTask {
  readonly format: PictureFormat;
  /** Length of the file. */
  readonly bytes: number;
  /** Bytes of padding at its end, on which a whole picture does not depend. */
  readonly padding: number;
  /** Whether the decoder finds bytes too many before the end of a JPEG if the picture is whole. */
  readonly hasSurplus: boolean;
  /** Most pixels of one frame. */
  readonly maxPixels: number;
  /** Longest side of the decoded picture; a larger one is shrunk. */
  readonly maxSide: number;
  /** Most bytes of memory that decoding may take, besides the process itself. */
  readonly maxBytes: number;
  /** Bytes of a TIFF's largest strip or row of tiles; 0 for other formats. */
  readonly blockBytes: number;
  /** Most frames of an animation, and their longest side. Where absent, only the first frame that shows something is decoded. */
  readonly frames?: { readonly most: number; readonly maxSide: number };
}

/** Width and height in pixels are those of the upright picture. */
export type DecoderAnswer =
  | {
      readonly kind: 'decoded';
      /** Of the whole picture. */
      readonly size: { readonly width: number; readonly height: number };
      /** Of the pixels that follow. */
      readonly width: number;
      readonly height: number;
      readonly bytes: number;
      /** Which frame of an animation it is, from 1. */
      readonly frame?: { readonly number: number; readonly of: number };
      /** Of an animation whose frames follow one after the other, each of `width` and `height`. */
      readonly frames?: Omit<DecodedFrames, 'width' | 'height' | 'pixels'>;
    }
  | { readonly kind: 'too-many-pixels'; readonly width: number; readonly height: number }
  /** @property bytes how many it would need, file included */
  | { readonly kind: 'too-costly'; readonly bytes: number }
  /** @property message the decoder's own */
  | { readonly kind: 'failed'; readonly message: string };
