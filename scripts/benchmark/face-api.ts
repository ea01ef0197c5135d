import type { RgbImage } from '../../src/photo/image.ts';
import { startPeer, type WalkAnswer, type WalkRequest } from './peer.ts';

/** face-api's detectors, each with its default options. */
type FaceApiDetector = 'ssdMobilenetv1' | 'tinyFaceDetector';

/** A request to face-api's process. */
export type FaceApiRequest =
  /** Reads crops of CROP_SIDE x CROP_SIDE pixels in one batch, `times` times. */
  | { readonly kind: 'read'; readonly crops: readonly Uint8Array[]; readonly times: number }
  /** Finds the faces of a picture and reads them. */
  | (WalkRequest & { readonly detector: FaceApiDetector });

/** Side of faceExpressionNet's input pictures, in pixels. It scales pictures of other sizes first. */
export const CROP_SIDE = 112;

/** Milliseconds for all repetitions together. */
export interface ReadAnswer {
  readonly milliseconds: number;
}

/** face-api in a process of its own that waits for requests. */
export interface FaceApi {
  /** "face-api 1.7.15 (wasm, 1 thread)". */
  readonly name: string;
  /** Threads that it computes on; may be fewer than were asked for. */
  readonly threads: number;
  /**
   * Reads faces with faceExpressionNet, all in one batch, `times` times.
   * @param crops CROP_SIDE x CROP_SIDE pixels of 3 bytes each
   */
  read(crops: readonly Uint8Array[], times: number): Promise<ReadAnswer>;
  /** Finds faces with a detector and reads them with faceExpressionNet. */
  walk(image: RgbImage, detector: FaceApiDetector): Promise<WalkAnswer>;
  close(): Promise<void>;
}

interface FaceApiOptions {
  readonly threads: number;
  /** Prints why face-api is left out. */
  readonly log: (sentence: string) => void;
  /** The package with the backend; tests name a missing one. */
  readonly backend?: string;
}

/** Starts face-api; undefined where it cannot be loaded. */
export async function startFaceApi({
  threads,
  log,
  backend = '@tensorflow/tfjs-backend-wasm',
}: FaceApiOptions): Promise<FaceApi | undefined> {
  const script = new URL('./face-api-process.ts', import.meta.url);
  const peer = await startPeer({ name: 'face-api', script, args: [String(threads), backend], log });
  if (!peer) return undefined;
  const ask = <Answer>(request: FaceApiRequest) => peer.ask<Answer>(request);
  return {
    name: peer.name,
    threads: peer.threads,
    read: (crops, times) => ask<ReadAnswer>({ kind: 'read', crops, times }),
    walk: ({ width, height, data }, detector) => ask<WalkAnswer>({ kind: 'walk', width, height, data, detector }),
    close: () => peer.close(),
  };
}
