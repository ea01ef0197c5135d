import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { startConfined, WorkerDied } from '../../base/workers.ts';
import type { RgbImage } from '../image.ts';
import type { DecoderAnswer, DecoderTask } from './task.ts';

export type Decoded = Exclude<DecoderAnswer, { kind: 'decoded' }> | DecodedPixels;
export interface DecodedPixels extends Extract<DecoderAnswer, { kind: 'decoded' }> {
  /** In shared memory; of frames, the first. */
  readonly image: RgbImage;
  /** All of `bytes`. */
  readonly pixels: Uint8Array;
}

interface DecodeOptions {
  /** Why it has to end now is the signal's reason. */
  readonly signal: AbortSignal;
  /** Waits until nothing else holds much memory; absent for a picture of no more than DECODE_BYTES. */
  readonly alone?: (signal: AbortSignal) => Promise<void>;
  /** A picture that has been decoded for this long, in milliseconds, makes way for one that waits. */
  readonly patience: number;
  /** What it is then rejected with. */
  readonly tooSlow: () => Error;
  /** Gives shared memory for so many bytes of pixels. */
  readonly memory: (bytes: number) => Uint8Array;
}

/** The process was ended by the system while it decoded: it took more memory than it may, or the decoder itself broke down. */
export class DecoderDied extends Error {
  override readonly name = 'DecoderDied';
}

/** Bytes that decoding one picture may take, its file included, beside the process itself; docs/walk.md has the sum of all that is in memory. */
export const DECODE_BYTES = 120_000_000;
/** The same of a picture that is decoded while no other is read. */
export const DECODE_ALONE_BYTES = 340_000_000;
/**
 * Bytes of writable memory that the process has, or has set aside for stacks, before its first picture; and how much more than a picture's
 * header promised the system lets it have.
 */
const PROCESS_BYTES = 55_000_000;
const MARGIN_BYTES = 15_000_000;
/** How long a process without work is kept, in milliseconds: it starts in a fifth of a second. */
const IDLE_MS = 30_000;
/** Characters of its last words that are kept, for whoever looks for a bug. */
const LAST_WORDS = 2000;

interface Job {
  readonly task: DecoderTask;
  readonly file: readonly Uint8Array[];
  readonly options: DecodeOptions;
  readonly resolve: (decoded: Decoded) => void;
  readonly reject: (reason: unknown) => void;
  startedAt: number;
  /** Fires when it has had its time. */
  outOfPatience: AbortController;
}

/** A picture waited for all others to be read for so long that those which came meanwhile are decoded first. */
class StillWaits extends Error {}

/**
 * Decodes pictures in a process of its own, one at a time, first come first served. Native decoders cannot be interrupted, and what they
 * take is theirs to say: a process can be ended, and bounded. It starts when there is something to decode and keeps no process alive.
 */
class Decoder {
  readonly #waiting: Job[] = [];
  #active: Job | undefined;
  #process: DecoderProcess | undefined;
  #patience: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @returns once the process is free for the next picture, or has ended: nothing goes on behind it
   * @throws the signal's reason, `tooSlow()`, DecoderDied
   */
  decode(file: readonly Uint8Array[], task: DecoderTask, options: DecodeOptions): Promise<Decoded> {
    return new Promise((resolve, reject) => {
      const job = { task, file, options, resolve, reject, startedAt: 0, outOfPatience: new AbortController() };
      this.#waiting.push(job);
      options.signal.addEventListener('abort', () => this.#forget(job), { once: true });
      this.#next();
      this.#watchPatience();
    });
  }

  /** Nobody wants it any more: it need not wait for its turn to hear so. */
  #forget(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    job.reject(job.options.signal.reason);
  }

  #next(): void {
    if (this.#active !== undefined) return;
    const job = this.#waiting.shift();
    if (job === undefined) {
      this.#rest();
      return;
    }
    this.#active = job;
    job.startedAt = performance.now();
    clearTimeout(this.#idle);
    const settle = (then: () => void) => {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#active = undefined;
      then();
      this.#next();
      this.#watchPatience();
    };
    this.#run(job).then(
      (decoded) => settle(() => job.resolve(decoded)),
      (error: unknown) => settle(() => (error instanceof StillWaits ? this.#again(job) : job.reject(error))),
    );
  }

  /** Puts a picture behind those that wait. */
  #again(job: Job): void {
    job.outOfPatience = new AbortController();
    this.#waiting.push(job);
  }

  async #run({ file, task, options, outOfPatience }: Job): Promise<Decoded> {
    const { memory, alone } = options;
    const signal = AbortSignal.any([options.signal, outOfPatience.signal]);
    signal.throwIfAborted();
    await alone?.(signal).catch((error: unknown) => {
      throw outOfPatience.signal.aborted && !options.signal.aborted ? new StillWaits() : error;
    });
    const maxBytes = alone ? DECODE_ALONE_BYTES : DECODE_BYTES;
    if (this.#process?.maxBytes !== maxBytes) await this.#end();
    const process = this.#process ?? new DecoderProcess(maxBytes);
    this.#process = process;
    const stop = () => process.end(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await process.decode(file, task, memory);
    } catch (error) {
      this.#process = undefined;
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      // What it had room for is wanted by others now.
      if (alone) await this.#end();
    }
  }

  /** Ends the process, which has nothing to do; its memory is free then. */
  async #end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.close();
  }

  /** Has the picture that is being decoded make way once it has had its time and another waits. */
  #watchPatience(): void {
    const job = this.#active;
    if (job === undefined || this.#waiting.length === 0 || this.#patience !== undefined) return;
    const left = job.startedAt + job.options.patience - performance.now();
    if (left === Number.POSITIVE_INFINITY) return;
    this.#patience = setTimeout(() => job.outOfPatience.abort(job.options.tooSlow()), Math.max(0, left));
  }

  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#end(), IDLE_MS).unref();
  }
}

/** The process and what it is doing. */
class DecoderProcess {
  /** Most bytes that a picture may take in it. */
  readonly maxBytes: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  #endedBy: { readonly reason: unknown } | undefined;
  #lastWords = '';
  #onBytes: (chunk: Buffer) => void = () => {};

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    const most = PROCESS_BYTES + maxBytes + MARGIN_BYTES;
    this.#child = startConfined(new URL('./decoder-process.ts', import.meta.url), { maxBytes: most });
    this.#ended = once(this.#child, 'close').catch((error: unknown) => {
      this.#lastWords = String(error);
    });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#onBytes(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
    // A process that ends while it is written to is noticed by its end.
    this.#child.stdin.on('error', () => {});
    this.#keepAlive(false);
  }

  /** Ends it, which has nothing to do. @returns once it has ended: the program waits for that */
  async close(): Promise<void> {
    this.#keepAlive(true);
    this.end(new Error('nothing to decode'));
    await this.#ended;
  }

  /** Ends it at once, whatever it does. @param reason what a decoding under way is rejected with */
  end(reason: unknown): void {
    this.#endedBy ??= { reason };
    this.#child.kill('SIGKILL');
  }

  async decode(file: readonly Uint8Array[], task: DecoderTask, memory: DecodeOptions['memory']): Promise<Decoded> {
    this.#keepAlive(true);
    try {
      const answer = this.#answer(memory);
      const text = Buffer.from(JSON.stringify(task));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      this.#child.stdin.write(Buffer.concat([length, text]));
      for (const part of file) this.#child.stdin.write(part);
      return await Promise.race([answer, this.#death()]);
    } finally {
      this.#keepAlive(false);
    }
  }

  /** Rejects when it has ended, and not before: until then it holds its memory. */
  async #death(): Promise<never> {
    await this.#ended;
    if (this.#endedBy !== undefined) throw this.#endedBy.reason;
    const { exitCode, signalCode } = this.#child;
    if (signalCode !== null) throw new DecoderDied(`the decoder ended by ${signalCode}: ${this.#lastWords}`);
    throw new WorkerDied(`the decoder ended by itself, with status ${exitCode}: ${this.#lastWords}`);
  }

  #answer(memory: DecodeOptions['memory']): Promise<Decoded> {
    return new Promise((resolve) => {
      let header = Buffer.alloc(0);
      let decoded: DecodedPixels | undefined;
      let filled = 0;
      this.#onBytes = (bytes) => {
        let chunk = bytes;
        if (decoded === undefined) {
          header = Buffer.concat([header, chunk]);
          if (header.length < 4 || header.length < 4 + header.readUInt32BE()) return;
          const end = 4 + header.readUInt32BE();
          const answer = JSON.parse(header.toString('utf8', 4, end)) as DecoderAnswer;
          if (answer.kind !== 'decoded') return resolve(answer);
          const { width, height, bytes: length } = answer;
          const pixels = memory(length);
          decoded = { ...answer, pixels, image: { width, height, data: pixels.subarray(0, width * height * 3) } };
          chunk = header.subarray(end);
        }
        decoded.pixels.set(chunk, filled);
        filled += chunk.length;
        if (filled < decoded.bytes) return;
        resolve(decoded);
        // The pieces that it came in are not needed any more. Where they are left until memory runs short, all that is older is looked
        // through for each photo or two: 10 to 20 ms of this thread's time. (`npm start` gives Node's --expose-gc.)
        globalThis.gc?.({ type: 'minor' });
      };
    });
  }

  /** Whether the program waits for the process before it ends. */
  #keepAlive(does: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const handle of [this.#child, stdin, stdout, stderr] as { ref?(): void; unref?(): void }[]) {
      if (does) handle.ref?.();
      else handle.unref?.();
    }
  }
}

const decoder = new Decoder();

/** Decodes a picture in the decoder's process: see Decoder.decode. @param file its parts, one after the other */
export function decodeApart(file: readonly Uint8Array[], task: DecoderTask, options: DecodeOptions): Promise<Decoded> {
  return decoder.decode(file, task, options);
}
