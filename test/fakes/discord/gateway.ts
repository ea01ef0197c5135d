import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';

const MESSAGE_CONTENT = 1 << 15;

interface Sent {
  readonly op: 0;
  readonly s: number;
  readonly t: string;
  readonly d: unknown;
}

/** Discord's gateway: hello, identify, heartbeats, events with numbers, and resuming a session from the last one seen. */
export class FakeGateway {
  readonly identifies: { readonly intents: number; readonly token: string }[] = [];
  readonly resumes: { readonly session_id: string; readonly seq: number }[] = [];
  /** Whether the developer portal grants the MessageContent intent. */
  grantsContent = true;
  readonly #sockets = new Set<WebSocket>();
  readonly #server: WebSocketServer;
  readonly #sent: Sent[] = [];
  readonly #token: string;
  readonly #welcome: () => readonly (readonly [string, unknown])[];
  #session = 0;
  #intents = 0;

  /** @param welcome the events that follow a fresh session's start */
  constructor(server: Server, token: string, welcome: () => readonly (readonly [string, unknown])[]) {
    this.#token = token;
    this.#welcome = welcome;
    this.#server = new WebSocketServer({ server });
    this.#server.on('connection', (socket) => this.#greet(socket));
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Whether the session sees the content of every message. */
  get seesContent(): boolean {
    return (this.#intents & MESSAGE_CONTENT) !== 0;
  }

  /** Sends an event; to a session without a connection it is kept until that resumes. */
  dispatch(t: string, d: unknown): void {
    const event = this.#keep(t, d);
    for (const socket of this.#sockets) socket.send(JSON.stringify(event));
  }

  /** Sends the latest event of a kind once more. */
  repeat(kind: string): void {
    this.dispatch(kind, this.#sent.findLast(({ t }) => t === kind)!.d);
  }

  /** Asks clients to come back (opcode 7). */
  askToReconnect(): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify({ op: 7, d: null }));
  }

  /** Ends every connection and its session: what happens until the client is back is told to nobody. */
  forget(): void {
    this.#session += 1;
    for (const socket of this.#sockets) {
      this.#sockets.delete(socket);
      socket.terminate();
    }
  }

  /** Closes every connection with a code. */
  drop(code: number): void {
    for (const socket of this.#sockets) socket.close(code);
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  #keep(t: string, d: unknown): Sent {
    const event: Sent = { op: 0, s: this.#sent.length + 1, t, d };
    this.#sent.push(event);
    return event;
  }

  #greet(socket: WebSocket): void {
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('message', (data) => this.#receive(socket, JSON.parse(String(data))));
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: 41_250 } }));
  }

  #receive(socket: WebSocket, { op, d }: { op: number; d: never }): void {
    if (op === 1) socket.send(JSON.stringify({ op: 11 }));
    if (op === 2) this.#identify(socket, d);
    if (op === 6) this.#resume(socket, d);
  }

  #identify(socket: WebSocket, identify: { intents: number; token: string }): void {
    this.identifies.push(identify);
    const asksTooMuch = !this.grantsContent && (identify.intents & MESSAGE_CONTENT) !== 0;
    if (identify.token !== this.#token || asksTooMuch) {
      socket.close(asksTooMuch ? 4014 : 4004);
      return;
    }
    this.#intents = identify.intents;
    this.#session += 1;
    this.#sent.length = 0;
    this.#sockets.add(socket);
    for (const [t, d] of this.#welcome()) {
      const told = t === 'READY' ? { ...(d as object), session_id: `session-${this.#session}` } : d;
      socket.send(JSON.stringify(this.#keep(t, told)));
    }
  }

  #resume(socket: WebSocket, resume: { session_id: string; seq: number }): void {
    this.resumes.push(resume);
    if (resume.session_id !== `session-${this.#session}`) {
      socket.send(JSON.stringify({ op: 9, d: false }));
      return;
    }
    for (const event of this.#sent.filter(({ s }) => s > resume.seq)) socket.send(JSON.stringify(event));
    this.#sockets.add(socket);
    this.dispatch('RESUMED', {});
  }
}
