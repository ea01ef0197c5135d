import type { WebSocket } from 'ws';

/** Slack waits so long for an acknowledgement, in milliseconds. */
const ACKNOWLEDGE_MS = 3000;

interface Envelope {
  readonly type: string;
  readonly payload: object;
}

/** An event on its way, until somebody has acknowledged it. */
interface Open {
  readonly envelope: Envelope;
  tries: number;
  socket: WebSocket | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Delivers events as Slack does to several sockets of one app. Each event goes to one of them, in turns, and to another one if the first
 * closes or does not acknowledge it in time. An event that no socket acknowledges is given up after the last try.
 */
export class Delivery {
  readonly #sockets: ReadonlySet<WebSocket>;
  readonly #againMs: readonly number[];
  readonly #newId: () => string;
  readonly #open = new Map<string, Open>();
  readonly #waiting = new Set<NodeJS.Timeout>();
  #turn = 0;

  /** @param againMs milliseconds before each further try */
  constructor(sockets: ReadonlySet<WebSocket>, againMs: readonly number[], newId: () => string) {
    this.#sockets = sockets;
    this.#againMs = againMs;
    this.#newId = newId;
  }

  /** @returns the envelope's id */
  send(envelope: Envelope): string {
    return this.#try({ envelope, tries: 0, socket: undefined, timer: undefined });
  }

  acknowledged(id: string): void {
    clearTimeout(this.#open.get(id)?.timer);
    this.#open.delete(id);
  }

  /** A socket has closed: whatever it has not acknowledged goes to another one. */
  closed(socket: WebSocket): void {
    for (const [id, open] of this.#open) if (open.socket === socket) this.#fail(id, open);
  }

  close(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    for (const timer of this.#waiting) clearTimeout(timer);
  }

  #try(open: Open): string {
    const id = this.#newId();
    const { envelope, tries } = open;
    this.#turn += 1;
    const sockets = [...this.#sockets];
    const socket = sockets[this.#turn % Math.max(1, sockets.length)];
    if (socket === undefined) {
      this.#again(open);
      return id;
    }
    open.socket = socket;
    open.timer = setTimeout(() => this.#fail(id, open), ACKNOWLEDGE_MS);
    this.#open.set(id, open);
    const retry = tries === 0 ? {} : { retry_attempt: tries, retry_reason: 'timeout' };
    socket.send(JSON.stringify({ ...envelope, ...retry, envelope_id: id, accepts_response_payload: true }));
    return id;
  }

  #fail(id: string, open: Open): void {
    clearTimeout(open.timer);
    this.#open.delete(id);
    this.#again(open);
  }

  #again(open: Open): void {
    const pause = this.#againMs[open.tries];
    if (pause === undefined) return;
    open.tries += 1;
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.#try(open);
    }, pause);
    this.#waiting.add(timer);
  }
}
