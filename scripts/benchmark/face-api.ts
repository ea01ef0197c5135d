import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { startProcess } from '../../src/base/workers.ts';
import type { RgbImage } from '../../src/photo/image.ts';

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

/** face-api in a process of its own, waiting for work. */
export interface FaceApi {
  /** "face-api 1.7.15 (wasm, 1 thread)". */
  readonly name: string;
  /** Threads that it computes on, which may be fewer than were asked for. */
  readonly threads: number;
  /**
   * Reads faces with faceExpressionNet, all in one batch, so many times.
   * @param crops CROP_SIDE x CROP_SIDE pixels of 3 bytes each
   */
  read(crops: readonly Uint8Array[], times: number): Promise<ReadAnswer>;
  /** Finds faces with ssdMobilenetv1 and reads them with faceExpressionNet. */
  walk(image: RgbImage): Promise<WalkAnswer>;
  close(): Promise<void>;
}

interface FaceApiOptions {
  readonly threads: number;
  /** Says why it is left out. */
  readonly log: (sentence: string) => void;
  /** The package with the backend; tests put a missing one here. */
  readonly backend?: string;
}

/** Starts the peer; undefined where it cannot be loaded. */
export async function startFaceApi({
  threads,
  log,
  backend = '@tensorflow/tfjs-backend-wasm',
}: FaceApiOptions): Promise<FaceApi | undefined> {
  const script = new URL('./face-api-process.ts', import.meta.url);
  const child = startProcess(script, [String(threads), backend], {
    // What is sent are bytes, which JSON has no form for.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr!.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-4000);
  });
  const greeting = await answer<PeerGreeting>(child, () => complaint).catch((error: Error) => ({
    failure: error.message,
  }));
  if ('failure' in greeting) {
    await end(child);
    log(`face-api is left out: ${greeting.failure}.`);
    return undefined;
  }
  const ask = <Answer>(request: PeerRequest): Promise<Answer> => {
    const answered = answer<Answer>(child, () => complaint);
    // Where it has ended, `answered` fails and says why.
    child.send(request, () => {});
    return answered;
  };
  return {
    name: `face-api ${greeting.version} (wasm, ${greeting.threads} thread${greeting.threads === 1 ? '' : 's'})`,
    threads: greeting.threads,
    read: (crops, times) => ask<ReadAnswer>({ kind: 'read', crops, times }),
    walk: ({ width, height, data }) => ask<WalkAnswer>({ kind: 'walk', width, height, data }),
    close: () => end(child),
  };
}

/** The next message of a process. @throws where it ends instead, with the end of what it complained of */
async function answer<Answer>(child: ChildProcess, complaint: () => string): Promise<Answer> {
  const done = new AbortController();
  const { signal } = done;
  const ended = async (): Promise<never> => {
    if (!hasEnded(child)) await once(child, 'exit', { signal });
    throw new Error(
      `the process of face-api ended: ${complaint().trim() || `exit code ${child.exitCode ?? child.signalCode}`}`,
    );
  };
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended()]);
    return message;
  } finally {
    done.abort();
  }
}

/** Ends a process that waits for work: with its channel gone it has nothing left to do. */
async function end(child: ChildProcess): Promise<void> {
  const exit = hasEnded(child) ? undefined : once(child, 'exit');
  if (child.connected) child.disconnect();
  await exit;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
