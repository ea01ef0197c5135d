import { type Peer, startPeer } from './peer.ts';

interface HumanOptions {
  /** Prints why Human is left out. */
  readonly log: (sentence: string) => void;
  /** The package with the library; tests name a missing one. */
  readonly library?: string;
}

/** Starts Human, which answers WalkRequests; undefined where it cannot be loaded. */
export async function startHuman({ log, library = '@vladmandic/human' }: HumanOptions): Promise<Peer | undefined> {
  const script = new URL('./human-process.ts', import.meta.url);
  return await startPeer({ name: 'Human', script, args: [library], log });
}
