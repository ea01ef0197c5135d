import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { startProcess } from '../../src/base/workers.ts';
import type { RgbImage } from '../../src/photo/image.ts';
import { endsWithThis } from '../children.ts';

/**
 * Asks a peer to find and read the faces of a picture. Pixels are 3 bytes each (red, green, blue), row by row.
 * @property detector the detector to use, where the peer has several
 */
export interface WalkRequest extends RgbImage {
  readonly kind: 'walk';
  readonly detector?: string;
}

/** A peer's answer to a WalkRequest. */
export interface WalkAnswer {
  /** Time from the pixels in memory to a reading of every face. */
  readonly milliseconds: number;
  /** Faces that were found and read. */
  readonly faces: number;
}

/** The first message of a peer's process. */
export type PeerGreeting =
  | { readonly version: string; readonly threads: number }
  /** Says why the library cannot be loaded. */
  | { readonly failure: string };

interface PeerOptions {
  /** Its name, for people. */
  readonly name: string;
  /** The TypeScript file of its process, which calls `servePeer`. */
  readonly script: URL;
  readonly args: readonly string[];
  /** Prints why the peer is left out. */
  readonly log: (sentence: string) => void;
}

/** Another project's library, in a process of its own that waits for requests. */
export interface Peer {
  /** "face-api 1.7.15 (wasm, 1 thread)". */
  readonly name: string;
  /** Threads that it computes on; may be fewer than were asked for. */
  readonly threads: number;
  /** Sends a request. @throws Error where the process ends instead of answering, with the last lines of its standard error */
  ask<Answer>(request: object): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts a peer; undefined where it cannot be loaded. */
export async function startPeer({ name, script, args, log }: PeerOptions): Promise<Peer | undefined> {
  const child = endsWithThis(
    startProcess(script, args, {
      // Requests contain bytes, which JSON cannot carry.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    }),
  );
  let complaint = '';
  child.stderr!.on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-4000);
  });
  const answer = async <Answer>(): Promise<Answer> => {
    const done = new AbortController();
    const { signal } = done;
    const ended = async (): Promise<never> => {
      if (!hasEnded(child)) await once(child, 'exit', { signal });
      const why = complaint.trim() || `exit code ${child.exitCode ?? child.signalCode}`;
      throw new Error(`the process of ${name} ended: ${why}`);
    };
    try {
      const [message] = await Promise.race([once(child, 'message', { signal }), ended()]);
      return message;
    } finally {
      done.abort();
    }
  };
  const greeting = await answer<PeerGreeting>().catch((error: Error) => ({ failure: error.message }));
  if ('failure' in greeting) {
    await end(child);
    log(`${name} is left out: ${greeting.failure}.`);
    return undefined;
  }
  const { version, threads } = greeting;
  return {
    name: `${name} ${version} (wasm, ${threads} thread${threads === 1 ? '' : 's'})`,
    threads,
    async ask<Answer>(request: object) {
      const answered = answer<Answer>();
      // If the process has ended, `answered` rejects and says why.
      child.send(request, () => {});
      return await answered;
    },
    close: () => end(child),
  };
}

/** Ends a process that waits for requests, by closing its channel: nothing then keeps it alive. */
async function end(child: ChildProcess): Promise<void> {
  const exit = hasEnded(child) ? undefined : once(child, 'exit');
  if (child.connected) child.disconnect();
  await exit;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
