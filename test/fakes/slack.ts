import { createHmac } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { bodyOf } from './body.ts';
import { Delivery } from './slack/delivery.ts';
import { ALL_SCOPES, METHOD_SCOPES } from './slack/scopes.ts';

export interface FakeFile {
  readonly id: string;
  readonly name: string;
  readonly mimetype: string;
  readonly size: number;
  readonly url_private: string;
  /** Who put it on Slack. */
  readonly user: string;
}

/** All that an event says of a file of another workspace. */
export interface FakeStub {
  readonly id: string;
  readonly mode: 'file_access';
  readonly file_access: 'check_file_info';
}

export interface FakeMessage {
  readonly ts: string;
  readonly channel: string;
  readonly user: string;
  text: string;
  readonly thread_ts?: string;
  readonly subtype?: string;
  files: readonly { id: string; name?: string; mimetype?: string; mode?: string }[];
  readonly attachments?: readonly object[];
  blocks?: readonly {
    type: string;
    elements?: { action_id: string; value: string }[];
    text?: { text: string };
  }[];
}

export interface FakeUpload {
  readonly filename: string;
  readonly altText: string | undefined;
  bytes?: Buffer;
}

/** A workspace, or an organisation, that has installed the app. */
export interface FakeInstall {
  readonly token: string;
  /** Absent for an organisation's. */
  readonly teamId?: string;
  readonly enterpriseId?: string;
  /** What comes with a token that rotates. */
  readonly refreshToken?: string;
}

/** Where an event comes from. */
export interface FakeWorkspace {
  readonly teamId: string;
  readonly enterpriseId?: string;
  /** The whole organisation has installed the app. */
  readonly isOrganisations?: boolean;
}

interface Call {
  readonly method: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const CHANNEL = 'C1';
const BOT_USER = 'UBOT';

/** A Slack on loopback: Web API, file host, Socket Mode, response URLs; and what people and Slack do with them. */
export class FakeSlack {
  readonly token = 'xoxb-1-fake';
  readonly appToken = 'xapp-1-fake';
  readonly signingSecret = 'abc123';
  readonly clientId = '12.34';
  readonly clientSecret = 'def456';
  readonly channel = CHANNEL;
  readonly me = BOT_USER;
  readonly calls: Call[] = [];
  readonly acks: string[] = [];
  readonly responses: { readonly text: string; readonly response_type: string }[] = [];
  readonly uploads = new Map<string, FakeUpload>();
  readonly messages: FakeMessage[] = [];
  readonly ephemeral: {
    readonly channel: string;
    readonly user: string;
    readonly text: string;
    readonly thread_ts?: string;
    readonly at: number;
  }[] = [];
  /** Windows that the bot opened. */
  readonly views: Record<string, unknown>[] = [];
  readonly deletedFiles: string[] = [];
  readonly fileRequests: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** Users beside the ordinary ones: admins, bots. */
  readonly users = new Map<string, Record<string, unknown>>([['UADMIN', { is_admin: true }]]);
  readonly files = new Map<string, FakeFile & { readonly bytes: Buffer }>();
  /** Answers of methods that come before the usual ones, each once; 'method token' for those to one token only. */
  readonly next = new Map<string, Answer[]>();
  readonly sockets = new Set<WebSocket>();
  /** Those beside the one of `token`, by the code that each is installed with. */
  readonly installs = new Map<string, FakeInstall>();
  /** Where people are. */
  workspace: FakeWorkspace = { teamId: 'T1' };
  /** Scopes that the token lacks. */
  readonly lacking = new Set<string>();
  /** Channels that the bot is in. */
  readonly joined = new Set([CHANNEL, 'D1']);
  /** Intercepts every method of the Web API, and 'file' and 'upload'. It may wait, fail, or fail after the call has succeeded. */
  between: ((method: string, done: () => Answer) => Promise<Answer>) | undefined;
  /** Where signed requests go; over the socket where there is none. */
  httpTarget: string | undefined;
  /** The workspace belongs to an Enterprise organisation: its file host redirects to another one. */
  isGrid = false;
  /** The bot's token is a whole organisation's, and names no workspace. */
  isOrganisations = false;
  /** Seconds that the bot token lives; a token that does not rotate has none. */
  expiresIn: number | undefined;
  /** An upload's message may have words only. */
  refusesBlocks = false;
  /** The bot is told of its own uploads, as of everybody's. */
  tellsOwnUploads = true;
  /** How the response URL answers. */
  responseStatus = 200;
  connections = 0;
  /** How many sockets are closed without a word as soon as they are open. */
  turnsAway = 0;
  origin = '';
  /** The other file host. */
  filesOrigin = '';
  #count = 0;
  #delivery: Delivery | undefined;
  readonly #delays = new Map<string, number>();
  readonly #server: http.Server;
  readonly #filesServer: http.Server;
  readonly #wss: WebSocketServer;

  private constructor() {
    this.#server = http.createServer((request, response) => void this.#onRequest(request, response));
    this.#filesServer = http.createServer((request, response) => this.#onFileRequest(request, response));
    this.#wss = new WebSocketServer({ server: this.#server });
    this.#wss.on('connection', (socket) => {
      if (this.turnsAway > 0) {
        this.turnsAway -= 1;
        socket.terminate();
        return;
      }
      this.sockets.add(socket);
      socket.on('close', () => {
        this.sockets.delete(socket);
        this.#delivery?.closed(socket);
      });
      socket.on('message', (data) => {
        const { envelope_id: id } = JSON.parse(String(data)) as { envelope_id: string };
        this.acks.push(id);
        this.#delivery?.acknowledged(id);
      });
      socket.send(JSON.stringify({ type: 'hello', num_connections: 1 }));
    });
  }

  static async start(): Promise<FakeSlack> {
    const fake = new FakeSlack();
    fake.origin = await listen(fake.#server);
    fake.filesOrigin = await listen(fake.#filesServer);
    return fake;
  }

  /**
   * From now on an event goes to one of the sockets only, as on Slack, and is sent again where nobody acknowledges it.
   * @param againMs milliseconds before each further try
   */
  deliverOnce(againMs: readonly number[]): void {
    this.#delivery = new Delivery(this.sockets, againMs, () => `env${++this.#count}`);
  }

  async close(): Promise<void> {
    this.#delivery?.close();
    for (const socket of this.sockets) socket.terminate();
    this.#wss.close();
    for (const server of [this.#server, this.#filesServer]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  /** Has a method answer after so many milliseconds. */
  delay(method: string, milliseconds: number): void {
    this.#delays.set(method, milliseconds);
  }

  /** Calls of a method so far. */
  callsTo(method: string): Call[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** What the bot has said, uploads included. */
  said(channel = CHANNEL): FakeMessage[] {
    return this.messages.filter((message) => message.user === BOT_USER && message.channel === channel);
  }

  /** What the bot has answered with pictures. */
  answers(channel = CHANNEL): FakeMessage[] {
    return this.said(channel).filter(({ files }) => files.length > 0);
  }

  /** Puts a file on the file host. */
  file(bytes: Buffer, name = 'photo.png', mimetype = 'image/png', user = 'U5'): FakeFile {
    const id = `FIN${++this.#count}`;
    const url = `${this.origin}/files-pri/T1-${id}/${name}`;
    const file = { id, name, mimetype, size: bytes.length, url_private: url, user };
    this.files.set(id, { ...file, bytes });
    return file;
  }

  /** Puts a file on a partner's file host. */
  stub(...file: Parameters<FakeSlack['file']>): FakeStub {
    return { id: this.file(...file).id, mode: 'file_access', file_access: 'check_file_info' };
  }

  /** What a message looks like inside of one that forwards it. */
  shared(message: FakeMessage, fields: Record<string, unknown> = { is_share: true }): object {
    const { channel, ts, user, text, files } = message;
    return {
      id: 1,
      is_msg_unfurl: true,
      author_id: user,
      channel_id: channel,
      ts,
      text,
      fallback: text,
      files,
      ...fields,
    };
  }

  /** Somebody posts a message. @returns it */
  post(fields: Record<string, unknown> = {}, eventId?: string): FakeMessage {
    const channel = (fields.channel as string | undefined) ?? CHANNEL;
    const message = {
      ...(Array.isArray(fields.files) && { subtype: 'file_share' }),
      user: 'U5',
      text: '',
      ts: this.#ts(),
      files: [],
      ...fields,
      channel,
    } as FakeMessage;
    this.messages.push(message);
    this.event({ type: 'message', ...message }, eventId);
    return message;
  }

  /** Somebody deletes a message; one with a thread leaves a tombstone. */
  remove(message: FakeMessage): void {
    const { channel, ts } = message;
    const hasThread = this.messages.some((other) => other.thread_ts === ts && other.ts !== ts);
    if (hasThread) {
      const tombstone = {
        ts,
        thread_ts: ts,
        subtype: 'tombstone',
        user: 'USLACKBOT',
        text: 'This message was deleted.',
      };
      this.event({
        type: 'message',
        subtype: 'message_changed',
        channel,
        message: tombstone,
        previous_message: message,
      });
    } else {
      this.messages.splice(this.messages.indexOf(message), 1);
      this.event({ type: 'message', subtype: 'message_deleted', channel, deleted_ts: ts, previous_message: message });
    }
  }

  /** Somebody deletes one file of a message: the message stays, with a tombstone in the file's place. */
  removeFile(message: FakeMessage, fileId: string): void {
    const before = { ...message };
    message.files = message.files.map((file) => (file.id === fileId ? { id: fileId, mode: 'tombstone' } : file));
    const { channel } = message;
    this.event({ type: 'message', subtype: 'message_changed', channel, message, previous_message: before });
  }

  /** Somebody deletes a file, wherever it has been shared. */
  deleteFile(id: string): void {
    this.files.delete(id);
    this.event({ type: 'file_deleted', file_id: id, event_ts: this.#ts() });
  }

  event(event: Record<string, unknown>, eventId = `Ev${++this.#count}`, retry = 0): string {
    const payload = {
      type: 'event_callback',
      ...this.#place(),
      api_app_id: 'A1',
      event_id: eventId,
      event,
      authorizations: [
        { ...this.#place(), user_id: BOT_USER, is_bot: true, is_enterprise_install: this.#isOrganisations },
      ],
    };
    return this.#send('events_api', payload, retry);
  }

  command(command: string, text = '', userId = 'U5', channel = CHANNEL, trigger = `tr${++this.#count}`): string {
    return this.#send('slash_commands', {
      command,
      text,
      user_id: userId,
      user_name: 'ada',
      ...this.#place(),
      channel_id: channel,
      trigger_id: trigger,
      response_url: `${this.origin}/respond`,
      is_enterprise_install: String(this.#isOrganisations),
    });
  }

  shortcut(callbackId: string, message: FakeMessage, userId = 'U6'): string {
    return this.#interactive({
      type: 'message_action',
      callback_id: callbackId,
      message_ts: message.ts,
      message,
      channel: { id: message.channel, name: 'general' },
      user: { id: userId, name: 'ada' },
    });
  }

  /** Somebody presses a button of a message: the first one, unless another is named by its action id. */
  press(message: FakeMessage, userId: string, actionId?: string): string {
    const buttons = message.blocks!.flatMap(({ elements = [] }) => elements);
    const button = buttons.find(({ action_id: id }) => actionId === undefined || id === actionId)!;
    return this.#interactive({
      type: 'block_actions',
      actions: [{ ...button, type: 'button', block_id: 'b' }],
      message,
      container: { type: 'message', message_ts: message.ts, channel_id: message.channel },
      channel: { id: message.channel, name: 'general' },
      user: { id: userId, username: 'ada' },
    });
  }

  /** Somebody sends a window that the bot opened, with what they chose by block. */
  submit(view: Readonly<Record<string, unknown>>, chosen: Readonly<Record<string, string>>, userId: string): string {
    const values = Object.fromEntries(
      (view.blocks as { block_id: string; element: { action_id: string } }[]).map(({ block_id: id, element }) => [
        id,
        {
          [element.action_id]: {
            type: 'static_select',
            selected_option: chosen[id] === undefined ? null : { value: chosen[id] },
          },
        },
      ]),
    );
    return this.#interactive({
      type: 'view_submission',
      // A window belongs to no channel, so nothing can be said in one.
      response_url: undefined,
      view: { id: 'V1', ...view, state: { values } },
      user: { id: userId, username: 'ada' },
    });
  }

  /** Slack asks the bot to connect anew. */
  refresh(): void {
    for (const socket of this.sockets) socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }));
  }

  /** A request as Slack signs it. */
  async signed(
    body: string,
    options: { contentType?: string; signature?: string; at?: number } = {},
  ): Promise<Response> {
    const at = options.at ?? Math.floor(Date.now() / 1000);
    const digest = createHmac('sha256', this.signingSecret).update(`v0:${at}:${body}`).digest('hex');
    return await fetch(this.httpTarget!, {
      method: 'POST',
      body,
      headers: {
        'content-type': options.contentType ?? 'application/json',
        'x-slack-request-timestamp': String(at),
        'x-slack-signature': options.signature ?? `v0=${digest}`,
      },
    });
  }

  get #isOrganisations(): boolean {
    return this.workspace.isOrganisations === true;
  }

  #place(): { readonly team_id: string; readonly enterprise_id?: string } {
    const { teamId, enterpriseId } = this.workspace;
    return { team_id: teamId, ...(enterpriseId && { enterprise_id: enterpriseId }) };
  }

  /** Whose token an authorization has. */
  #installOf(authorization: string | undefined): FakeInstall | undefined {
    const own = {
      token: this.token,
      ...(!this.isOrganisations && { teamId: 'T1' }),
      ...((this.isGrid || this.isOrganisations) && { enterpriseId: 'E1' }),
    };
    return [own, ...this.installs.values()].find(({ token }) => authorization === `Bearer ${token}`);
  }

  #interactive(payload: Record<string, unknown>): string {
    return this.#send('interactive', {
      team: { id: this.workspace.teamId, domain: 't' },
      ...(this.workspace.enterpriseId && { enterprise: { id: this.workspace.enterpriseId } }),
      trigger_id: `tr${++this.#count}`,
      response_url: `${this.origin}/respond`,
      is_enterprise_install: this.#isOrganisations,
      ...payload,
    });
  }

  #send(type: string, payload: Record<string, unknown>, retry = 0): string {
    if (this.#delivery && type === 'events_api') return this.#delivery.send({ type, payload });
    const id = `env${++this.#count}`;
    if (this.httpTarget === undefined) {
      const envelope = { type, envelope_id: id, payload, retry_attempt: retry, accepts_response_payload: true };
      for (const socket of this.sockets) socket.send(JSON.stringify(envelope));
      return id;
    }
    const form = 'application/x-www-form-urlencoded';
    const sent =
      type === 'events_api'
        ? this.signed(JSON.stringify(payload))
        : type === 'interactive'
          ? this.signed(new URLSearchParams({ payload: JSON.stringify(payload) }).toString(), { contentType: form })
          : this.signed(new URLSearchParams(payload as Record<string, string>).toString(), { contentType: form });
    // A connection that the bot has closed is an event that it has not acknowledged.
    sent.then(
      ({ status }) => status === 200 && this.acks.push(id),
      () => {},
    );
    return id;
  }

  #ts(): string {
    const now = Date.now();
    const micros = (now % 1000) * 1000 + (++this.#count % 1000);
    return `${Math.floor(now / 1000)}.${String(micros).padStart(6, '0')}`;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await bodyOf(request);
    if (raw === undefined) return;
    const { pathname } = new URL(request.url!, this.origin);
    const send = ({ status = 200, headers = {}, body = '' }: Answer) => {
      const isText = typeof body === 'string' || Buffer.isBuffer(body);
      response.writeHead(status, { ...(!isText && { 'content-type': 'application/json' }), ...headers });
      response.end(isText ? body : JSON.stringify(body));
    };
    const type = request.headers['content-type'] ?? '';
    if (pathname.startsWith('/api/')) {
      const method = pathname.slice('/api/'.length);
      const body = Object.fromEntries(new URLSearchParams(raw.toString()));
      this.calls.push({ method, authorization: request.headers.authorization, body });
      await delay(this.#delays.get(method) ?? 0);
      const token = request.headers.authorization?.slice('Bearer '.length);
      const first = (this.next.get(`${method} ${token}`) ?? this.next.get(method))?.shift();
      const headers = { 'x-oauth-scopes': ALL_SCOPES.filter((scope) => !this.lacking.has(scope)).join(',') };
      const done = () => first ?? { headers, body: this.#call(method, body, request.headers.authorization) };
      return send(this.between ? await this.between(method, done) : done());
    }
    if (pathname.startsWith('/upload/')) {
      const failure = await this.#failureOf('upload');
      if (failure) return send(failure);
      const form = await new Response(raw, { headers: { 'content-type': type } }).formData();
      const upload = this.uploads.get(pathname.slice('/upload/'.length))!;
      upload.bytes = Buffer.from(await (form.get('body') as Blob).arrayBuffer());
      return send({ body: 'OK' });
    }
    if (pathname.startsWith('/files-pri/')) {
      const first = this.next.get('file')?.shift() ?? (await this.#failureOf('file'));
      if (!first && !this.isGrid) return this.#onFileRequest(request, response);
      this.fileRequests.push({ path: pathname, authorization: request.headers.authorization });
      return send(first ?? { status: 302, headers: { location: `${this.filesOrigin}${pathname}` } });
    }
    if (pathname === '/respond') {
      if (this.responseStatus !== 200) return send({ status: this.responseStatus, body: 'expired_url' });
      this.responses.push(JSON.parse(raw.toString()));
      return send({ body: 'ok' });
    }
    send({ status: 404 });
  }

  /** The interceptor's answer to a call to the file hosts; undefined where it lets the call through. */
  async #failureOf(method: 'upload' | 'file'): Promise<Answer | undefined> {
    const answer = await this.between?.(method, () => ({ status: 200 }));
    return answer?.status === 200 ? undefined : answer;
  }

  /** Gives a file, or sends whoever may not read it to the workspace's login page. */
  #onFileRequest(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url!, this.origin).pathname;
    const { authorization } = request.headers;
    this.fileRequests.push({ path, authorization });
    const file = this.files.get(/T1-(\w+)/.exec(path)?.[1] ?? '');
    if (this.#installOf(authorization) === undefined || this.lacking.has('files:read')) {
      response.writeHead(302, { location: `https://testers.slack.com/?redir=${encodeURIComponent(path)}` }).end();
    } else {
      response.writeHead(file ? 200 : 404).end(file?.bytes);
    }
  }

  #call(method: string, body: Readonly<Record<string, string>>, authorization: string | undefined): unknown {
    const fail = (error: string, more = {}) => ({ ok: false, error, ...more });
    const scopes = METHOD_SCOPES[method];
    if (scopes === undefined) return fail('unknown_method');
    if (method === 'oauth.v2.access') {
      if (body.client_id !== this.clientId) return fail('invalid_client_id');
      if (body.client_secret !== this.clientSecret) return fail('bad_client_secret');
      return this.#install(body) ?? fail('invalid_code');
    }
    const install = this.#installOf(authorization);
    const isOwner = authorization === `Bearer ${this.appToken}` && method === 'apps.connections.open';
    if (install === undefined && !isOwner) return fail('invalid_auth');
    const { teamId, enterpriseId } = install ?? {};
    const needed = scopes.find((scope) => this.lacking.has(scope));
    if (needed) return fail('missing_scope', { needed, provided: 'commands' });
    const channel = body.channel ?? body.channel_id ?? '';
    const isIn = this.joined.has(channel) || channel.startsWith('U');
    if (channel !== '' && !isIn && method !== 'chat.getPermalink') return fail('not_in_channel');
    const find = () => this.messages.find((message) => message.channel === channel && message.ts === body.ts);
    switch (method) {
      case 'auth.test':
        return {
          ok: true,
          user_id: BOT_USER,
          bot_id: 'BBOT',
          ...(teamId && { team_id: teamId }),
          team: 'Testers',
          user: 'emotions',
          ...(enterpriseId && { enterprise_id: enterpriseId, is_enterprise_install: teamId === undefined }),
          ...(this.expiresIn !== undefined && { expires_in: this.expiresIn }),
        };
      case 'apps.connections.open':
        this.connections++;
        return { ok: true, url: `${this.origin.replace('http', 'ws')}/link` };
      case 'users.info':
        return {
          ok: true,
          user: {
            id: body.user,
            team_id: teamId ?? this.workspace.teamId,
            is_bot: false,
            ...this.users.get(body.user!),
          },
        };
      case 'chat.postMessage': {
        const message = this.#say(channel, body.text ?? '', body.thread_ts, [], JSON.parse(body.blocks ?? '[]'));
        return { ok: true, ts: message.ts, channel };
      }
      case 'chat.postEphemeral':
        // Slack says 'ok', but shows it in a thread only where that has replies.
        if (
          body.thread_ts !== undefined &&
          !this.messages.some(({ thread_ts: of, ts }) => of === body.thread_ts && ts !== of)
        )
          return { ok: true };
        this.ephemeral.push({
          channel,
          user: body.user!,
          text: body.text!,
          ...(body.thread_ts !== undefined && { thread_ts: body.thread_ts }),
          at: Date.now(),
        });
        return { ok: true };
      case 'chat.update': {
        const message = find();
        if (message === undefined) return fail('message_not_found');
        message.text = body.text!;
        if (body.blocks !== undefined) message.blocks = JSON.parse(body.blocks) as FakeMessage['blocks'];
        return { ok: true };
      }
      case 'views.open':
        this.views.push(JSON.parse(body.view!) as Record<string, unknown>);
        return { ok: true };
      case 'chat.delete': {
        const message = find();
        if (message === undefined) return fail('message_not_found');
        this.messages.splice(this.messages.indexOf(message), 1);
        return { ok: true };
      }
      case 'chat.getPermalink':
        return { ok: true, permalink: `https://t.slack.com/archives/${channel}/p${body.message_ts}` };
      case 'conversations.history': {
        const top = this.messages.filter((one) => one.channel === channel && (one.thread_ts ?? one.ts) === one.ts);
        const page = pageOf(top.reverse(), body);
        return { ok: true, ...page, messages: page.messages.map((one) => this.#withReplies(one)) };
      }
      case 'conversations.replies': {
        const { ts: parent, oldest = '0' } = body;
        const inThread = this.messages.filter(
          (one) => one.channel === channel && (one.ts === parent || one.thread_ts === parent),
        );
        // The thread's first message always comes along.
        const isLater = (ts: string) => ts > oldest || (ts === oldest && body.inclusive === 'true');
        const later = inThread.filter(({ ts }) => isLater(ts) || ts === parent);
        return inThread.length > 0 ? { ok: true, ...pageOf(later, body) } : fail('thread_not_found');
      }
      case 'files.getUploadURLExternal': {
        const id = `FOUT${++this.#count}`;
        this.uploads.set(id, { filename: body.filename!, altText: body.alt_txt });
        return { ok: true, upload_url: `${this.origin}/upload/${id}`, file_id: id };
      }
      case 'files.completeUploadExternal': {
        const files = (JSON.parse(body.files!) as { id: string }[]).map(({ id }) => ({ id, mimetype: 'image/jpeg' }));
        const blocks: NonNullable<FakeMessage['blocks']> = JSON.parse(body.blocks ?? '[]');
        const words = body.initial_comment;
        if (blocks.length > 0 && this.refusesBlocks && words === undefined) return fail('invalid_blocks');
        const text = words ?? blocks.map((block) => block.text?.text ?? '').join('');
        const message = this.#say(channel, text, body.thread_ts, files, words === undefined ? blocks : []);
        if (this.tellsOwnUploads) this.event({ type: 'message', ...message, subtype: 'file_share' });
        return { ok: true, files: files.map(({ id }) => ({ id })) };
      }
      case 'files.info': {
        const id = body.file!;
        const { bytes: _, ...file } = this.files.get(id) ?? {};
        const isThere = this.files.has(id) || (this.uploads.has(id) && !this.deletedFiles.includes(id));
        if (!isThere) return fail('file_not_found');
        const shares = { public: {}, private: {} } as Record<string, Record<string, object[]>>;
        for (const { channel: where, ts, thread_ts, files } of this.messages) {
          const list = shares[where.startsWith('C') ? 'public' : 'private']!;
          if (files.some((one) => one.id === id)) list[where] = [...(list[where] ?? []), { ts, thread_ts }];
        }
        return { ok: true, file: { id, ...file, shares } };
      }
      case 'files.delete':
        if (!this.uploads.has(body.file!)) return fail('file_not_found');
        this.deletedFiles.push(body.file!);
        return { ok: true };
      default:
        return fail('unknown_method');
    }
  }

  /** The answer to an installation code, which works once. */
  #install({ code = '', client_id: id, client_secret: secret }: Readonly<Record<string, string>>): unknown {
    const install = this.installs.get(code);
    if (install === undefined || id !== this.clientId || secret !== this.clientSecret) return undefined;
    const { token, teamId, enterpriseId, refreshToken } = install;
    return {
      ok: true,
      ...(refreshToken !== undefined && { refresh_token: refreshToken, expires_in: 43_200 }),
      access_token: token,
      token_type: 'bot',
      scope: 'chat:write,files:read',
      bot_user_id: BOT_USER,
      app_id: 'A1',
      team: teamId === undefined ? null : { id: teamId, name: 'Testers' },
      enterprise: enterpriseId === undefined ? null : { id: enterpriseId, name: 'Organisation' },
      is_enterprise_install: teamId === undefined,
      authed_user: { id: 'U5' },
    };
  }

  /** A message as a look at its channel shows it: the first one of a thread tells of its replies. */
  #withReplies(message: FakeMessage): object {
    const { channel, ts } = message;
    const replies = this.messages.filter((one) => one.channel === channel && one.thread_ts === ts && one.ts !== ts);
    if (replies.length === 0) return message;
    return { ...message, thread_ts: ts, reply_count: replies.length, latest_reply: replies.at(-1)!.ts };
  }

  #say(
    channel: string,
    text: string,
    thread: string | undefined,
    files: FakeMessage['files'],
    blocks: FakeMessage['blocks'],
  ): FakeMessage {
    const message = {
      ts: this.#ts(),
      channel,
      user: BOT_USER,
      text,
      ...(thread && { thread_ts: thread }),
      files,
      blocks,
    };
    this.messages.push(message as FakeMessage);
    return message as FakeMessage;
  }
}

/** @returns where the server is */
async function listen(server: http.Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** One page of a list of messages, and where the next one begins. */
function pageOf(messages: readonly FakeMessage[], { cursor = '0', limit = '100' }: Readonly<Record<string, string>>) {
  const end = Number(cursor) + Number(limit);
  const next = end < messages.length ? String(end) : '';
  return { messages: messages.slice(Number(cursor), end), response_metadata: { next_cursor: next } };
}
