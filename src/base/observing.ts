import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { codeOf, UserError } from './errors.ts';

/** The steps of an answer, in their order. */
export const STEPS = ['wait', 'download', 'decode', 'detect', 'crop', 'classify', 'draw', 'reply'] as const;

export type Step = (typeof STEPS)[number];

/** How a request ended; each picture of a message counts. */
export const OUTCOMES = ['answered', 'refused', 'failed', 'silent', 'gone'] as const;

/**
 * 'answered': a reply was sent; 'refused': a person's mistake, and they were told; 'failed': a bug; 'silent': nobody asked,
 * and nothing was posted; 'gone': removed by the person who asked, or given up because the bot is stopping.
 */
export type Outcome = (typeof OUTCOMES)[number];

/** An event that can be counted for metrics. It holds only codes and durations, nothing about people, channels or pictures. */
export type Happening =
  | { readonly kind: 'outcome'; readonly platform: string; readonly outcome: Outcome; readonly code?: string }
  | { readonly kind: 'step'; readonly step: Step; readonly seconds: number; readonly ended: boolean }
  | { readonly kind: 'download'; readonly bytes: number }
  | { readonly kind: 'failed-download'; readonly code: string }
  /** A person said what a reading should have been. */
  | { readonly kind: 'opinion'; readonly said: string; readonly meant: string };

/** Is called with each event. It must neither throw nor take long, since the work goes on only once it returns. */
export type Observer = (happening: Happening) => void;

interface RequestContext {
  readonly id: string;
  readonly observe: Observer;
}

/** Kept here instead of passing it through every function between a message and its picture: most of them neither log nor count. */
const contexts = new AsyncLocalStorage<RequestContext>();

/**
 * Runs the work on one request. All its log lines have one id, and all its events go to `observe`. If this is called during
 * the work on another request, the work belongs to that one.
 */
export function withinRequest<T>(observe: Observer, work: () => T): T {
  if (contexts.getStore() !== undefined) return work();
  return contexts.run({ id: randomBytes(4).toString('hex'), observe }, work);
}

/** The id of the current request, 8 hexadecimal digits; undefined outside of requests. */
export function requestId(): string | undefined {
  return contexts.getStore()?.id;
}

/** Binds `work` to the current request, wherever it is called from, e.g. by a queue when another request ends. */
export function bindToRequest<Args extends unknown[], T>(work: (...args: Args) => T): (...args: Args) => T {
  return AsyncResource.bind(work);
}

/** Reports an event of the current request; does nothing outside of requests. */
export function report(happening: Happening): void {
  contexts.getStore()?.observe(happening);
}

/** Starts to time a step. @returns a function to call once, at the end of the step */
export function beginStep(step: Step): (ended?: boolean) => void {
  const started = performance.now();
  return (ended = true) => report({ kind: 'step', step, seconds: (performance.now() - started) / 1000, ended });
}

/** Runs one step of the work on a request, and reports how long it took. */
export async function timeStep<T>(step: Step, work: () => Promise<T>): Promise<T> {
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

/** The code of a failure: that of a UserError, else the system's error code, else 'bug'. */
export function reasonCode(error: unknown): string {
  return error instanceof UserError ? error.code : (codeOf(error) ?? 'bug');
}
