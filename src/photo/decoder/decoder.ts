import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { startConfined, WorkerDied } from '../../base/workers.ts';
import type { RgbImage } from '../image.ts';
import type { DecoderAnswer, DecoderTask } from './task.ts';

export type Decoded = Exclude<DecoderAnswer, { kind: 'decoded' }> | DecodedPixels;
export interface DecodedPixels extends Extract<DecoderAnswer, { kind: 'decoded' }> {
  /** In shared memory; of several frames, the first. */
  readonly image: RgbImage;
  /** All of `bytes`. */
  readonly pixels: Uint8Array;
}

interface DecodeOptions {
  /** Aborts the decoding. Its reason is what the promise rejects with. */
  readonly signal: AbortSignal;
  /** Waits until nothing else holds much memory; absent for a picture of no more than DECODE_BYTES. */
  readonly alone?: (signal: AbortSignal) => Promise<void>;
  /** After this many milliseconds of decoding, a picture makes way for one that waits. */
  readonly patience: number;
  /** Makes the error that it is then rejected with. */
  readonly tooSlow: () => Error;
  /** Allocates this many bytes of shared memory for pixels. */
  readonly memory: (bytes: number) => Uint8Array;
}

/** A signal ended the process while it decoded: it exceeded its memory limit, or the decoder crashed. */
export class DecoderDied extends Error {
  override readonly name = 'DecoderDied';
}

/** Bytes that decoding one picture may take, including its file but not the process itself. docs/walk.md adds up all memory. */
export const DECODE_BYTES = 120_000_000;
/** The same for a picture that is decoded while no other is read. */
export const DECODE_ALONE_BYTES = 340_000_000;
/**
 * Bytes of writable memory that the process has, or has reserved for stacks, before its first picture; and how far it may exceed what was
 * estimated from a picture's header.
 */
const PROCESS_BYTES = 55_000_000;
const MARGIN_BYTES = 15_000_000;
/** How long an idle process is kept, in milliseconds. A new one starts in a fifth of a second. */
const IDLE_MS = 30_000;
/** Last characters of its standard error that are kept for error messages. */
const STDERR_KEPT = 2000;

interface Job {
  readonly task: DecoderTask;
  readonly file: readonly Uint8Array[];
  readonly options: DecodeOptions;
  readonly resolve: (decoded: Decoded) => void;
  readonly reject: (reason: unknown) => void;
  startedAt: number;
  /** Aborted when its time is over. */
  outOfPatience: AbortController;
}

/** A picture has waited too long for all other walks to end, so it goes behind the pictures that wait for the decoder. */
class StillWaits extends Error {}

/**
 * Decodes pictures in a process of its own, one at a time, first come first served. Native decoders cannot be interrupted, nor their memory
 * limited; a process can be ended, and its memory limited. It starts when there is something to decode and does not keep the bot alive.
 */
class Decoder {
  readonly #waiting: Job[] = [];
  #active: Job | undefined;
  #process: DecoderProcess | undefined;
  #patience: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @returns once the process is free for the next picture or has ended: no work goes on in the background
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

  /** Rejects a waiting job at once when its signal is aborted, without waiting for its turn. */
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

  /** Puts a picture behind those that wait for the decoder. */
  #again(job: Job): void {
    job.outOfPatience = new AbortController();
    this.#waiting.push(job);
  }

  async #run({ file, task, options, outOfPatience }: Job): Promise<Decoded> {
    const { memory, alone } = options;
    const signal = AbortSignal.any([options.signal, outOfPatience.signal]);
    signal.throwIfAborted();
    const maxBytes = alone ? DECODE_ALONE_BYTES : DECODE_BYTES;
    await this.#makeRoom(maxBytes, signal, alone).catch((error: unknown) => {
      throw outOfPatience.signal.aborted && !options.signal.aborted ? new StillWaits() : error;
    });
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
      // Frees its memory for other walks.
      if (alone) await this.#end();
    }
  }

  /** Waits until nothing is in the way of a process with this much memory. @throws the signal's reason */
  async #makeRoom(maxBytes: number, signal: AbortSignal, alone: DecodeOptions['alone']): Promise<void> {
    await alone?.(signal);
    // It may have died, or been told to end when its last answer was already on the way.
    if (this.#process?.maxBytes !== maxBytes || this.#process.isOver) await this.#end();
    signal.throwIfAborted();
  }

  /** Ends the idle process, which frees its memory. */
  async #end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.close();
  }

  /** Makes the picture that is being decoded give way once its time is over, if another waits. */
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
  #stderr = '';
  #onBytes: (chunk: Buffer) => void = () => {};

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    const most = PROCESS_BYTES + maxBytes + MARGIN_BYTES;
    this.#child = startConfined(new URL('./decoder-process.ts', import.meta.url), { maxBytes: most });
    this.#ended = once(this.#child, 'close').catch((error: unknown) => {
      this.#stderr = String(error);
    });
    this.#child.stdout.on('data', (chunk: Buffer) => {
      try {
        this.#onBytes(chunk);
      } catch (error) {
        // There is no memory for the pixels, or what came is no answer.
        this.end(error);
      }
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    // When the process ends while it is written to, its `close` event is what counts.
    this.#child.stdin.on('error', () => {});
    this.#keepAlive(false);
  }

  /** Whether it has ended or was told to. */
  get isOver(): boolean {
    return this.#endedBy !== undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends the idle process. @returns once it has ended; the program stays alive until then */
  async close(): Promise<void> {
    this.#keepAlive(true);
    this.end(new Error('nothing to decode'));
    await this.#ended;
  }

  /** Ends it at once, even while it decodes. @param reason what a decoding under way is rejected with */
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

  /** Rejects once the process has ended, not when it is told to: until then it holds its memory. */
  async #death(): Promise<never> {
    await this.#ended;
    if (this.#endedBy !== undefined) throw this.#endedBy.reason;
    const { exitCode, signalCode } = this.#child;
    if (signalCode !== null) throw new DecoderDied(`the decoder ended by ${signalCode}: ${this.#stderr}`);
    throw new WorkerDied(`the decoder ended by itself, with status ${exitCode}: ${this.#stderr}`);
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
        // The chunks are garbage now. If they were left until memory runs short, a full collection would run every photo or two, which
        // takes 10 to 20 ms of this thread's time. (`npm start` passes --expose-gc to Node.)
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

/** Decodes a picture in the decoder's process: see Decoder.decode. @param file consecutive parts of the file */
export function decodeApart(file: readonly Uint8Array[], task: DecoderTask, options: DecodeOptions): Promise<Decoded> {
  return decoder.decode(file, task, options);
}
