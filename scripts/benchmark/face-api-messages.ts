/** What the peer's process is asked; pixels are 3 bytes each (red, green, blue), row by row. */
export type PeerRequest =
  /** Reads crops of CROP_SIDE x CROP_SIDE pixels in one batch, so many times. */
  | { readonly kind: 'read'; readonly crops: readonly Uint8Array[]; readonly times: number }
  /** Finds the faces of a picture and reads them. */
  | { readonly kind: 'walk'; readonly width: number; readonly height: number; readonly data: Uint8Array };

/** Side of the pictures that faceExpressionNet computes on, in pixels. Others it scales to this first. */
export const CROP_SIDE = 112;

/** Milliseconds that reading took, all times together. */
export interface ReadAnswer {
  readonly milliseconds: number;
}

/** What walking through a picture took, in milliseconds, and how many faces were found and read. */
export interface WalkAnswer {
  /** From the pixels in memory to the boxes. */
  readonly detect: number;
  /** From the boxes to the readings. */
  readonly read: number;
  readonly faces: number;
}

/** The first message of the peer's process. */
export type PeerGreeting =
  | { readonly version: string; readonly threads: number }
  /** Why it cannot be loaded, for people. */
  | { readonly failure: string };
