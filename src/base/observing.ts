import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { codeOf, UserError } from './errors.ts';

/** The steps of an answer, in their order. */
export const STEPS = ['wait', 'download', 'decode', 'detect', 'crop', 'classify', 'draw', 'reply'] as const;

export type Step = (typeof STEPS)[number];

/** How a request ended; each picture of a message counts. */
export const OUTCOMES = ['answered', 'refused', 'failed', 'silent', 'gone'] as const;

/**
 * 'answered'; 'refused': a person's mistake, said in words; 'failed': a bug; 'silent': nobody asked, and nothing was said; 'gone': removed
 * by whoever asked, or given up because the bot stops.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** Something that whoever watches the bot may want to count. Codes and durations only: nothing of people, places or pictures. */
export type Happening =
  | { readonly kind: 'outcome'; readonly platform: string; readonly outcome: Outcome; readonly code?: string }
  | { readonly kind: 'step'; readonly step: Step; readonly seconds: number; readonly ended: boolean }
  | { readonly kind: 'download'; readonly bytes: number }
  | { readonly kind: 'failed-download'; readonly code: string }
  /** Somebody said of a reading what it should have been. */
  | { readonly kind: 'opinion'; readonly said: string; readonly meant: string };

/** Is told what happens. Must neither throw nor take long: the work goes on once it returns. */
export type Observer = (happening: Happening) => void;

interface RequestContext {
  readonly id: string;
  readonly observe: Observer;
}

/** Not an argument of every function between a message and its picture: most of them neither log nor count. */
const contexts = new AsyncLocalStorage<RequestContext>();

/**
 * Runs the work on one request: all that it logs carries one id, and all that it reports goes to `observe`. Within another
 * request's work it joins that.
 */
export function withinRequest<T>(observe: Observer, work: () => T): T {
  if (contexts.getStore() !== undefined) return work();
  return contexts.run({ id: randomBytes(4).toString('hex'), observe }, work);
}

/** The id of the request that is worked on, 8 hexadecimal digits; undefined outside of any. */
export function requestId(): string | undefined {
  return contexts.getStore()?.id;
}

/** Has `work` belong to the present request wherever it is called from, such as a queue that another request's end moves on. */
export function keptInRequest<Args extends unknown[], T>(work: (...args: Args) => T): (...args: Args) => T {
  return AsyncResource.bind(work);
}

/** Tells whoever watches the present request; nothing happens outside of any. */
export function report(happening: Happening): void {
  contexts.getStore()?.observe(happening);
}

/** Begins to time a step. @returns to be called once, at its end */
export function beginStep(step: Step): (ended?: boolean) => void {
  const started = performance.now();
  return (ended = true) => report({ kind: 'step', step, seconds: (performance.now() - started) / 1000, ended });
}

/** Runs one step of the work on a request, and reports how long it took. */
export async function timed<T>(step: Step, work: () => Promise<T>): Promise<T> {
  const end = beginStep(step);
  try {
    const result = await work();
    end();
    return result;
  } catch (error) {
    end(false);
    throw error;
  }
}

/** A word for why something failed: a person's mistake by its code, the system's by its word, anything else as 'bug'. */
export function reasonCode(error: unknown): string {
  return error instanceof UserError ? error.code : (codeOf(error) ?? 'bug');
}
