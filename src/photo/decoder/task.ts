import type { PictureFormat } from '../picture-format.ts';
import type { DecodedFrames } from './frames.ts';

/** What the process is asked for; the file's bytes follow. */
export interface DecoderTask {
  readonly format: PictureFormat;
  /** Length of the file. */
  readonly bytes: number;
  /** Bytes at its end that may be anything where the picture is whole. */
  readonly anything: number;
  /** Most pixels of one frame. */
  readonly maxPixels: number;
  /** Longest side of what is wanted; a larger picture is shrunk. */
  readonly maxSide: number;
  /** Most bytes that may be needed beside the process itself. */
  readonly maxBytes: number;
  /** Bytes of the largest tile or strip of a TIFF, with those beside it; 0 for other formats. */
  readonly blockBytes: number;
  /** Most frames of an animation, where they are wanted rather than the first one that shows something. */
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
