/** What the processes of the peers share: TensorFlow.js' wasm backend, and the way to be asked. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { PeerGreeting } from './peer.ts';

// The peers are CommonJS, of whose exports `import` finds only some by name.
export const require = createRequire(import.meta.url);

/** The folder of an installed package that lets its package.json be looked at. */
export function folderOf(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

/** Where a package with the wasm backend has its files, as the backend wants to be told. */
export function wasmFolder(backend: string): string {
  return join(folderOf(backend), 'dist') + sep;
}

/** A library that has been loaded, and how it answers. */
interface LoadedPeer<Request> {
  readonly version: string;
  /** Threads that it computes on. */
  readonly threads: number;
  readonly answer: (request: Request) => Promise<object>;
}

/** Loads the library, says hello with a PeerGreeting, and from then on answers one request after the other. */
export async function servePeer<Request>(load: () => Promise<LoadedPeer<Request>>): Promise<void> {
  try {
    const { version, threads, answer } = await load();
    process.on('message', async (request: Request) => {
      process.send?.(await answer(request));
    });
    greet({ version, threads });
  } catch (error) {
    greet({ failure: String((error as Error).message ?? error).split('\n')[0]! });
  }
}

function greet(greeting: PeerGreeting): void {
  process.send?.(greeting);
}
