import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { startProcess } from '../../../base/workers.ts';
import type { HaarProposal } from './haar.ts';
import type { GrayTask } from './pass.ts';

/** The npm package of OpenCV's native binding. It is an optional peer, which `npm ci` neither loads nor builds. */
const PACKAGE = '@u4/opencv4nodejs';

/** A message from the process. */
export type NativeMessage =
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'found'; readonly proposals: HaarProposal[] }
  | { readonly kind: 'failed'; readonly reason: string };

/** OpenCV in a process of its own. */
export interface NativeOpenCv {
  /** OpenCV's version, e.g. '4.6.0'. */
  readonly version: string;
  /** Makes one pass; call it once at a time. @throws NativeOpenCvGone if the process has ended; Error with OpenCV's message */
  run(task: GrayTask): Promise<HaarProposal[]>;
  end(): void;
}

/** The process ended while it was needed: the native library crashed. */
export class NativeOpenCvGone extends Error {
  override readonly name = 'NativeOpenCvGone';
}

/** The path of the package's binary, or the reason why there is none, as text. */
function findBinary(): { readonly binary: string } | { readonly missing: string } {
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(PACKAGE);
  } catch {
    return { missing: `${PACKAGE} is not installed` };
  }
  // Its own entry is cjs/lib/opencv4nodejs.js.
  const binary = join(dirname(main), '../../build/Release/opencv4nodejs.node');
  return existsSync(binary) ? { binary } : { missing: `${PACKAGE} is installed, but not built` };
}

/**
 * Starts OpenCV if the binding is built. Never throws.
 * @param find finds the binary; tests give their own
 * @returns OpenCV, or the reason why it is not used, as text
 */
export async function startNativeOpenCv(find = findBinary): Promise<NativeOpenCv | { readonly missing: string }> {
  const found = find();
  if ('missing' in found) return found;
  try {
    const child = startProcess(new URL('./native-process.ts', import.meta.url), [found.binary], {
      serialization: 'advanced',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const said = await answerOf(child);
    if (said.kind === 'ready')
      return { version: said.version, run: (task) => ask(child, task), end: () => child.kill() };
    return { missing: `${PACKAGE} does not load: ${said.kind === 'failed' ? firstLine(said.reason) : said.kind}` };
  } catch (error) {
    return { missing: `${PACKAGE} does not load: ${(error as Error).message}` };
  }
}

async function ask(child: ChildProcess, task: GrayTask): Promise<HaarProposal[]> {
  const answer = answerOf(child);
  // The process may have ended already. Then answerOf rejects.
  if (child.connected) child.send(task, () => {});
  const said = await answer;
  if (said.kind === 'found') return said.proposals;
  throw new Error(`OpenCV: ${said.kind === 'failed' ? said.reason : said.kind}`);
}

/** The next message from the process. @throws NativeOpenCvGone */
function answerOf(child: ChildProcess): Promise<NativeMessage> {
  return new Promise((resolve, reject) => {
    const gone = (why: unknown) => settle(() => reject(new NativeOpenCvGone(`OpenCV’s process ended: ${why}`)));
    const onExit = (status: number | null, signal: string | null) => gone(signal ?? `status ${status}`);
    const onMessage = (message: unknown) => settle(() => resolve(message as NativeMessage));
    const settle = (then: () => void) => {
      child.off('message', onMessage).off('exit', onExit).off('error', gone);
      then();
    };
    child.once('message', onMessage).once('exit', onExit).once('error', gone);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
  });
}

function firstLine(text: string): string {
  return text.split('\n')[0]!;
}
