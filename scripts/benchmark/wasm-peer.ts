/** Code that the processes of the peers share: how they find TensorFlow.js' wasm backend, and how they answer requests. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { PeerGreeting } from './peer.ts';

// The peers are CommonJS modules, and `import` finds only some of their exports by name.
export const require = createRequire(import.meta.url);

/** The folder of an installed package. The package must export its package.json. */
export function folderOf(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

/** The folder of the wasm backend's files, with a separator at its end as the backend expects. */
export function wasmFolder(backend: string): string {
  return join(folderOf(backend), 'dist') + sep;
}

/** A loaded library, and the function that answers requests with it. */
interface LoadedPeer<Request> {
  readonly version: string;
  /** Threads that it computes on. */
  readonly threads: number;
  readonly answer: (request: Request) => Promise<object>;
}

/** Loads the library, sends a PeerGreeting, and from then on answers each request. */
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
