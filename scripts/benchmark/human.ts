import { type Peer, startPeer } from './peer.ts';

interface HumanOptions {
  /** Says why it is left out. */
  readonly log: (sentence: string) => void;
  /** The package with the library; tests put a missing one here. */
  readonly library?: string;
}

/** Starts Human, which answers WalkRequests; undefined where it cannot be loaded. */
export async function startHuman({ log, library = '@vladmandic/human' }: HumanOptions): Promise<Peer | undefined> {
  const script = new URL('./human-process.ts', import.meta.url);
  return await startPeer({ name: 'Human', script, args: [library], log });
}
