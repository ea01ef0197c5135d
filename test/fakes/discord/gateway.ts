import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';

const MESSAGE_CONTENT = 1 << 15;

interface Sent {
  readonly op: 0;
  readonly s: number;
  readonly t: string;
  readonly d: unknown;
}

/** The session of an identified client; it outlives the connection. */
interface Session {
  readonly id: string;
  /** Its number, from 0, and how many there are. */
  readonly shard: readonly [number, number];
  readonly sent: Sent[];
  socket: WebSocket | undefined;
}

/**
 * Discord's gateway: hello, identify, heartbeats, events with numbers, and resuming a session from the last one seen. Several clients may
 * have the same token: each has a session of its own, and is told everything that is on its shard: direct messages on the first, a
 * server's events on its own.
 */
export class FakeGateway {
  readonly identifies: {
    readonly intents: number;
    readonly token: string;
    readonly shard?: readonly [number, number];
  }[] = [];
  readonly resumes: { readonly session_id: string; readonly seq: number }[] = [];
  /** Sessions that are refused as Discord refuses those that begin too soon after another. */
  tooSoon = 0;
  /** What a fresh session waits for before it is told of its servers, which Discord may take seconds for. */
  beforeServers: Promise<unknown> | undefined;
  /** Whether the developer portal grants the MessageContent intent. */
  grantsContent = true;
  readonly #sessions = new Map<string, Session>();
  readonly #server: WebSocketServer;
  /** The latest event of each kind. */
  readonly #latest = new Map<string, unknown>();
  readonly #token: string;
  readonly #welcome: () => readonly (readonly [string, unknown])[];
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
    return this.#open().length;
  }

  /** Whether the session that began last sees the content of every message. */
  get seesContent(): boolean {
    return (this.#intents & MESSAGE_CONTENT) !== 0;
  }

  /** Sends an event; for a session without a connection it is kept until that resumes. */
  dispatch(t: string, d: unknown): void {
    this.#latest.set(t, d);
    for (const session of this.#sessions.values()) if (isOn(session, d)) this.#send(session, t, d);
  }

  /** Sends the latest event of a kind once more. */
  repeat(kind: string): void {
    this.dispatch(kind, this.#latest.get(kind));
  }

  /** Asks clients to come back (opcode 7). */
  askToReconnect(): void {
    for (const socket of this.#open()) socket.send(JSON.stringify({ op: 7, d: null }));
  }

  /** Ends every connection and its session. Events until the client is back are lost. */
  forget(): void {
    const open = this.#open();
    this.#sessions.clear();
    for (const socket of open) socket.terminate();
  }

  /** Closes every connection with a code. */
  drop(code: number): void {
    for (const socket of this.#open()) socket.close(code);
  }

  close(): void {
    for (const socket of this.#open()) socket.terminate();
    this.#server.close();
  }

  #open(): WebSocket[] {
    return [...this.#sessions.values()].flatMap(({ socket }) => socket ?? []);
  }

  #send(session: Session, t: string, d: unknown): void {
    const event: Sent = { op: 0, s: session.sent.length + 1, t, d };
    session.sent.push(event);
    session.socket?.send(JSON.stringify(event));
  }

  #greet(socket: WebSocket): void {
    socket.on('close', () => {
      for (const session of this.#sessions.values()) if (session.socket === socket) session.socket = undefined;
    });
    socket.on('message', (data) => this.#receive(socket, JSON.parse(String(data))));
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: 41_250 } }));
  }

  #receive(socket: WebSocket, { op, d }: { op: number; d: never }): void {
    if (op === 1) socket.send(JSON.stringify({ op: 11 }));
    if (op === 2) this.#identify(socket, d);
    if (op === 6) this.#resume(socket, d);
  }

  #identify(socket: WebSocket, identify: FakeGateway['identifies'][number]): void {
    this.identifies.push(identify);
    const asksTooMuch = !this.grantsContent && (identify.intents & MESSAGE_CONTENT) !== 0;
    if (identify.token !== this.#token || asksTooMuch) {
      socket.close(asksTooMuch ? 4014 : 4004);
      return;
    }
    if (this.tooSoon > 0) {
      this.tooSoon -= 1;
      socket.send(JSON.stringify({ op: 9, d: false }));
      return;
    }
    this.#intents = identify.intents;
    const { shard = [0, 1] } = identify;
    const session: Session = { id: `session-${this.identifies.length}`, shard, sent: [], socket };
    this.#sessions.set(session.id, session);
    for (const [t, d] of this.#welcome()) {
      if (t === 'READY') this.#send(session, t, ready(d as Ready, session));
      else if (!isOn(session, d)) continue;
      else if (this.beforeServers) void this.beforeServers.then(() => this.#send(session, t, d));
      else this.#send(session, t, d);
    }
  }

  #resume(socket: WebSocket, resume: { session_id: string; seq: number }): void {
    this.resumes.push(resume);
    const session = this.#sessions.get(resume.session_id);
    if (session === undefined) {
      socket.send(JSON.stringify({ op: 9, d: false }));
      return;
    }
    for (const event of session.sent.filter(({ s }) => s > resume.seq)) socket.send(JSON.stringify(event));
    session.socket = socket;
    this.#send(session, 'RESUMED', {});
  }
}

interface Ready {
  readonly guilds: readonly { readonly id: string }[];
}

/** What a session is told when it begins: who it is, and which of the servers are on its shard. */
function ready(told: Ready, session: Session): object {
  const guilds = told.guilds.filter(({ id }) => shardOf(id, session) === session.shard[0]);
  return { ...told, guilds, session_id: session.id, shard: session.shard };
}

/** Whether a session gets an event: by the event's server, or, without one, as a direct message. */
function isOn(session: Session, data: unknown): boolean {
  const { guild_id: about, members, id } = data as { guild_id?: string; members?: unknown; id: string };
  const guild = about ?? (members === undefined ? undefined : id);
  return session.shard[0] === (guild === undefined ? 0 : shardOf(guild, session));
}

function shardOf(guild: string, { shard: [, count] }: Session): number {
  return Number((BigInt(guild) >> 22n) % BigInt(count));
}
