/** What one photo may cost. Beyond a limit the walk ends with a UserError instead of a slow or a dead process. */
export interface PhotoLimits {
  /** Largest file, in bytes. */
  readonly maxBytes: number;
  /** Most pixels (width * height of one frame) that are decoded. */
  readonly maxPixels: number;
  /** Longest time for the whole walk, in milliseconds. */
  readonly maxMilliseconds: number;
}

/**
 * - 32 MiB holds a 12-megapixel PNG and any JPEG that a phone makes.
 * - 8192 * 8192 pixels (67 MP) let 50- and 64-megapixel phone photos in and keep the decoded picture below 200 MB.
 * - 30 s is several times what a large photo takes on two busy cores; a person waits no longer than that anyway.
 */
export const DEFAULT_LIMITS: PhotoLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxPixels: 8192 * 8192,
  maxMilliseconds: 30_000,
};
