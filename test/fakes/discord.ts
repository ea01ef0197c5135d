import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeGateway } from './discord/gateway.ts';
import { type Answer, type Call, readCall, refusal, writeAnswer } from './discord/http.ts';
import {
  bits,
  channelPayload,
  type FakeChannel,
  type FakeFile,
  type FakeGuild,
  type FakeMessage,
  type FakeUser,
  filePayload,
  guildPayload,
  memberPayload,
  messagePayload,
  type Permission,
  partialChannelPayload,
  rolePayload,
  snowflake,
  USUAL_PERMISSIONS,
  user,
} from './discord/payloads.ts';

export type { FakeChannel, FakeFile, FakeMessage, FakeUser } from './discord/payloads.ts';

/** Discord takes the first answer to an interaction within this time. */
const ACKNOWLEDGE_MS = 3000;
const EPHEMERAL = 64;
const LOADING = 128;
/** The flag of a message that a followed channel publishes. */
const CROSSPOST = 2;

/** A command, menu entry or click that was sent to the bot. */
export interface FakeInteraction {
  readonly id: string;
  readonly token: string;
  readonly channel: FakeChannel;
  readonly user: FakeUser;
  readonly sentAt: number;
  /** The message that a clicked button is on. */
  readonly message?: FakeMessage;
  /** Milliseconds until the bot's first answer. */
  acknowledgedAfter?: number;
  /** 'deferred' shows "is thinking…". */
  state: 'waiting' | 'deferred' | 'answered';
  originalId?: string;
  /** The message that shows "is thinking…". */
  thinkingId?: string;
  isExpired: boolean;
}

/** Part of what happens once, for the tests of failures. */
interface Failure {
  readonly method: string;
  readonly path: RegExp;
  readonly answer: Answer;
  times: number;
}

/** A Discord on loopback: REST, gateway and file host, with one application, one server and the people that tests add. */
export class FakeDiscord {
  readonly token = 'MTAwMA.fake-token.which-must-stay-secret';
  readonly me: FakeUser = user('emotion-bot', { bot: true });
  readonly guild: FakeGuild;
  readonly general: FakeChannel;
  readonly calls: Call[] = [];
  /** Files that were loaded whole, by their path. */
  readonly wholeFiles: string[] = [];
  readonly interactions = new Map<string, FakeInteraction>();
  readonly messages = new Map<string, FakeMessage>();
  /** Commands that were registered, by '' for everywhere or by server. */
  readonly registered = new Map<string, unknown[]>();
  readonly gateway: FakeGateway;
  readonly origin: string;
  /** Largest file, in bytes, that this Discord takes and announces with interactions. */
  uploadLimit = 10 * 1024 * 1024;
  /** How many shards it tells a bot to have. */
  recommendedShards = 1;
  /** Intercepts every call, also those for files. It may wait, fail, or fail after the call has succeeded. */
  between: ((call: Call, done: () => Answer) => Promise<Answer>) | undefined;
  readonly #guilds: FakeGuild[] = [];
  readonly #channels = new Map<string, FakeChannel>();
  readonly #hosted = new Map<string, Buffer>();
  readonly #redirects = new Map<string, string>();
  readonly #failures: Failure[] = [];
  readonly #server: Server;

  static async start(): Promise<FakeDiscord> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new FakeDiscord(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.guild = this.addGuild('Friends');
    this.general = this.addChannel('general');
    this.gateway = new FakeGateway(server, this.token, () => [
      ['READY', this.#ready()],
      ...this.#guilds.map(
        (guild) =>
          [
            'GUILD_CREATE',
            guildPayload(
              guild,
              this.#allChannels().map((channel) => this.#withLast(channel)),
              this.me,
            ),
          ] as const,
      ),
    ]);
    server.on('request', async (request, response) => {
      const call = await readCall(request);
      if (call === undefined) return;
      const host = call.path.startsWith('/attachments/');
      const done = () =>
        host ? this.#fileAnswer(call, request.headers.range) : (this.#failure(call) ?? this.#answer(call));
      if (!host) this.calls.push(call);
      writeAnswer(response, this.between ? await this.between(call, done) : done());
    });
  }

  async close(): Promise<void> {
    this.gateway.close();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  // What there is.

  addGuild(name: string, options: { readonly premiumTier?: number; readonly id?: string } = {}): FakeGuild {
    const guild = {
      id: options.id ?? snowflake(),
      name,
      ownerId: snowflake(),
      premiumTier: options.premiumTier ?? 0,
      roles: new Map<bigint, string>(),
      botRole: snowflake(),
    };
    this.#guilds.push(guild);
    return guild;
  }

  /** Takes the bot out of its servers, before it connects. */
  leaveAll(): void {
    this.#guilds.length = 0;
  }

  addChannel(name: string, options: Partial<FakeChannel> = {}): FakeChannel {
    const channel = { id: snowflake(), guildId: this.guild.id, type: 0 as const, name, denied: [], ...options };
    this.#channels.set(channel.id, channel);
    return channel;
  }

  /** A thread that people open now, on a message where one is given, or a post in a forum. */
  openThread(parent: FakeChannel, on?: FakeMessage): FakeChannel {
    const { id = snowflake() } = on ?? {};
    const thread = this.addChannel('thread', { id, type: 11, parentId: parent.id, denied: parent.denied });
    this.gateway.dispatch('THREAD_CREATE', { ...channelPayload(thread, this.me.id), newly_created: true });
    return thread;
  }

  /** The conversation of a person and the bot alone. */
  directChannel(person: FakeUser): FakeChannel {
    const open = this.#allChannels().find(({ recipient }) => recipient?.id === person.id);
    if (open) return open;
    const channel = { id: snowflake(), type: 1 as const, name: '', denied: [], recipient: person };
    this.#channels.set(channel.id, channel);
    return channel;
  }

  /** A person who takes no direct messages. */
  closeDirectChannel(person: FakeUser): void {
    const channel = this.directChannel(person);
    this.#channels.set(channel.id, { ...channel, closed: true });
  }

  file(bytes: Buffer, filename = 'photo.png', options: Partial<FakeFile> = {}): FakeFile {
    const id = snowflake();
    const path = `/attachments/${this.general.id}/${id}/${filename}`;
    this.#hosted.set(path, bytes);
    return { id, filename, url: `${this.origin}${path}?ex=1&is=2&hm=3`, size: bytes.length, ...options };
  }

  /** Makes the host of a file send whoever loads it somewhere else. */
  redirect(file: FakeFile, location: string): void {
    this.#redirects.set(new URL(file.url).pathname, location);
  }

  // What people do.

  post(
    options: {
      readonly id?: string;
      readonly channel?: FakeChannel;
      readonly author?: FakeUser;
      readonly content?: string;
      readonly files?: readonly FakeFile[];
      readonly mentions?: readonly FakeUser[];
      readonly permissions?: readonly Permission[];
      readonly webhookId?: string;
      readonly repliesTo?: FakeMessage;
      readonly forwards?: FakeMessage;
      readonly publishes?: FakeMessage;
    } = {},
  ): FakeMessage {
    const message: FakeMessage = {
      id: options.id ?? snowflake(),
      channel: options.channel ?? this.general,
      author: options.author ?? user('ann'),
      content: options.content ?? '',
      files: options.files ?? [],
      mentions: options.mentions ?? [],
      rolePermissions: bits(...(options.permissions ?? [])),
      ...(options.webhookId !== undefined && { webhookId: options.webhookId }),
      ...(options.repliesTo && { repliesTo: options.repliesTo }),
      ...(options.forwards && { forwards: options.forwards }),
      ...(options.publishes && { publishes: options.publishes }),
      flags: options.publishes ? CROSSPOST : 0,
      components: [],
      edits: 0,
    };
    this.messages.set(message.id, message);
    this.#announce(message);
    return message;
  }

  remove(...messages: readonly FakeMessage[]): void {
    for (const { id } of messages) this.messages.delete(id);
    const [first] = messages;
    const where = { channel_id: first!.channel.id, guild_id: first!.channel.guildId };
    if (messages.length === 1) this.gateway.dispatch('MESSAGE_DELETE', { id: first!.id, ...where });
    else this.gateway.dispatch('MESSAGE_DELETE_BULK', { ids: messages.map(({ id }) => id), ...where });
  }

  /** A person changes their message, e.g. takes a file out. */
  edit(message: FakeMessage, change: Partial<Pick<FakeMessage, 'content' | 'files'>>): FakeMessage {
    const edited = { ...message, ...change, edits: message.edits + 1 };
    this.messages.set(message.id, edited);
    const payload = messagePayload(edited, this.#isVisible(edited));
    const { guildId } = message.channel;
    this.gateway.dispatch('MESSAGE_UPDATE', { ...payload, ...(guildId !== undefined && { guild_id: guildId }) });
    return edited;
  }

  command(name: string, options: CommandOptions = {}): FakeInteraction {
    const files = Object.entries(options.files ?? {});
    const given = [
      ...Object.entries(options.input ?? {}).map(([key, value]) => ({ name: key, type: optionType(value), value })),
      ...files.map(([key, file]) => ({ name: key, type: 11, value: file.id })),
    ];
    const attachments = Object.fromEntries(files.map(([, file]) => [file.id, filePayload(file)]));
    const data = { id: snowflake(), name, type: 1, options: given, resolved: { attachments } };
    return this.#interact(2, data, options);
  }

  menu(target: FakeMessage, options: CommandOptions = {}): FakeInteraction {
    const data = {
      id: snowflake(),
      name: 'Read emotions',
      type: 3,
      target_id: target.id,
      resolved: { messages: { [target.id]: messagePayload(target) } },
    };
    return this.#interact(2, data, { channel: target.channel, ...options });
  }

  /** Clicks a button under a message: the first one, unless another is named by its label. */
  click(message: FakeMessage, options: CommandOptions = {}, label?: string): FakeInteraction {
    const [row] = message.components as { components: { custom_id: string; label: string }[] }[];
    const button = row!.components.find((candidate) => label === undefined || candidate.label === label)!;
    const data = { custom_id: button.custom_id, component_type: 2 };
    return this.#interact(3, data, { channel: message.channel, ...options }, message);
  }

  /** Chooses from the first list under a message. */
  choose(message: FakeMessage, value: string, options: CommandOptions = {}): FakeInteraction {
    const [row] = message.components as { components: { custom_id: string }[] }[];
    const data = { custom_id: row!.components[0]!.custom_id, component_type: 3, values: [value] };
    return this.#interact(3, data, { channel: message.channel, ...options }, message);
  }

  // What happens to the bot.

  /** Answers the next calls to a path with something else. */
  fail(method: string, path: RegExp, answer: Answer, times = 1): void {
    this.#failures.push({ method, path, answer, times });
  }

  /** Stops accepting an interaction's token, as Discord does after 15 minutes. */
  expire(interaction: FakeInteraction): void {
    interaction.isExpired = true;
  }

  // What the bot did.

  /** The bot's messages that are there now, oldest first. */
  said(channel?: FakeChannel): FakeMessage[] {
    return [...this.messages.values()].filter(
      (message) => message.author.id === this.me.id && (channel === undefined || message.channel.id === channel.id),
    );
  }

  /** Whether only one person sees a message. */
  isPrivate(message: FakeMessage): boolean {
    return (message.flags & EPHEMERAL) !== 0;
  }

  callsTo(method: string, path: RegExp): Call[] {
    return this.calls.filter((call) => call.method === method && path.test(call.path));
  }

  #allChannels(): FakeChannel[] {
    return [...this.#channels.values()];
  }

  #withLast(channel: FakeChannel): FakeChannel {
    const ids = [...this.messages.values()].filter((message) => message.channel.id === channel.id).map(({ id }) => id);
    return { ...channel, lastMessageId: ids.sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1))[0] };
  }

  #ready() {
    return {
      v: 10,
      user: this.me,
      guilds: this.#guilds.map(({ id }) => ({ id, unavailable: true })),
      resume_gateway_url: this.origin.replace('http', 'ws'),
      application: { id: this.me.id, flags: 0 },
    };
  }

  #announce(message: FakeMessage): void {
    const { channel, rolePermissions = 0n } = message;
    const guild = this.#guilds.find(({ id }) => id === channel.guildId);
    const payload = messagePayload(message, this.#isVisible(message));
    if (guild === undefined) {
      this.gateway.dispatch('MESSAGE_CREATE', { ...payload, channel_type: channel.type });
      return;
    }
    const member = memberPayload(rolePermissions === 0n ? [] : [this.#role(guild, rolePermissions)]);
    this.gateway.dispatch('MESSAGE_CREATE', { ...payload, guild_id: guild.id, member });
  }

  #isVisible(message: FakeMessage): boolean {
    const concernsMe = [message.author, ...message.mentions].some(({ id }) => id === this.me.id);
    return this.gateway.seesContent || message.channel.type === 1 || concernsMe;
  }

  #role(guild: FakeGuild, permissions: bigint): string {
    const known = guild.roles.get(permissions);
    if (known !== undefined) return known;
    const id = snowflake();
    guild.roles.set(permissions, id);
    this.gateway.dispatch('GUILD_ROLE_CREATE', { guild_id: guild.id, role: rolePayload(id, permissions) });
    return id;
  }

  #interact(type: 2 | 3, data: unknown, options: CommandOptions, message?: FakeMessage): FakeInteraction {
    const channel = options.channel ?? this.general;
    const interaction: FakeInteraction = {
      id: snowflake(),
      token: `token-${snowflake()}`,
      channel,
      user: options.by ?? user('ann'),
      sentAt: Date.now(),
      ...(message && { message, originalId: message.id }),
      state: 'waiting',
      isExpired: false,
    };
    this.interactions.set(interaction.token, interaction);
    const permissions = String(USUAL_PERMISSIONS | bits(...(options.permissions ?? [])));
    this.gateway.dispatch('INTERACTION_CREATE', {
      id: interaction.id,
      application_id: this.me.id,
      type,
      token: interaction.token,
      version: 1,
      data,
      // Without permission overwrites: an interaction tells of its channel in part only.
      channel: partialChannelPayload(channel, this.me.id),
      channel_id: channel.id,
      locale: 'en-US',
      entitlements: [],
      authorizing_integration_owners: {},
      attachment_size_limit: this.uploadLimit,
      app_permissions: String(USUAL_PERMISSIONS),
      ...(message && { message: messagePayload(message) }),
      ...(channel.guildId === undefined
        ? { user: interaction.user, context: 1 }
        : {
            guild_id: channel.guildId,
            context: 0,
            member: { user: interaction.user, ...memberPayload([]), permissions },
          }),
    });
    return interaction;
  }

  #fileAnswer({ path }: Call, range = ''): Answer {
    const location = this.#redirects.get(path);
    if (location !== undefined) return { status: 302, headers: { location } };
    const bytes = this.#hosted.get(path);
    if (bytes === undefined) return { status: 404 };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    if (to === undefined) this.wholeFiles.push(path);
    return from === undefined
      ? { status: 200, body: bytes }
      : { status: 206, body: bytes.subarray(Number(from), Number(to) + 1) };
  }

  #failure(call: Call): Answer | undefined {
    const failure = this.#failures.find(({ method, path }) => method === call.method && path.test(call.path));
    if (failure === undefined) return undefined;
    failure.times -= 1;
    if (failure.times === 0) this.#failures.splice(this.#failures.indexOf(failure), 1);
    return failure.answer;
  }

  #answer(call: Call): Answer {
    const { method, path } = call;
    for (const [pattern, handler] of this.#routes) {
      const match = pattern.exec(`${method} ${path}`);
      if (!match) continue;
      // Interactions carry their own token; everything else needs the bot's.
      const needsToken = !/ \/(webhooks|interactions)\//.test(`${method} ${path}`);
      if (needsToken && call.authorization !== `Bot ${this.token}`) return refusal(401, 0, '401: Unauthorized');
      return handler(call, match.slice(1));
    }
    return refusal(404, 0, `404: Not Found ${method} ${path}`);
  }

  readonly #routes: readonly (readonly [RegExp, (call: Call, parts: string[]) => Answer])[] = [
    [/^GET \/gateway\/bot$/, () => this.#gatewayAddress()],
    [/^GET \/applications\/@me$/, () => ok(this.#application())],
    [/^GET \/applications\/\d+\/commands$/, () => ok(this.registered.get('') ?? [])],
    [/^GET \/applications\/\d+\/guilds\/(\d+)\/commands$/, (_, [guild]) => ok(this.registered.get(guild!) ?? [])],
    [/^PUT \/applications\/\d+\/commands$/, ({ json }) => this.#register('', json)],
    [/^PUT \/applications\/\d+\/guilds\/(\d+)\/commands$/, ({ json }, [guild]) => this.#register(guild!, json)],
    [/^GET \/users\/@me$/, () => ok(this.me)],
    [/^GET \/guilds\/(\d+)$/, (_, [id]) => this.#getGuild(id!)],
    [/^GET \/guilds\/(\d+)\/members\/(\d+)$/, (_, [id, person]) => this.#getMember(id!, person!)],
    [/^GET \/channels\/(\d+)$/, (_, [id]) => this.#getChannel(id!)],
    [/^POST \/users\/@me\/channels$/, ({ json }) => this.#openDirectChannel(json.recipient_id)],
    [/^POST \/channels\/(\d+)\/typing$/, () => ({ status: 204 })],
    [/^GET \/channels\/(\d+)\/messages$/, ({ query }, [id]) => this.#list(id!, query)],
    [/^GET \/channels\/(\d+)\/messages\/(\d+)$/, (_, [channel, id]) => this.#getMessage(channel!, id!)],
    [/^POST \/channels\/(\d+)\/messages$/, (call, [id]) => this.#send(id!, call)],
    [/^PATCH \/channels\/\d+\/messages\/(\d+)$/, (call, [id]) => this.#edit(id!, call)],
    [/^DELETE \/channels\/\d+\/messages\/(\d+)$/, (_, [id]) => this.#delete(id!)],
    [/^POST \/interactions\/\d+\/([^/]+)\/callback$/, (call, [token]) => this.#callback(token!, call)],
    [/^POST \/webhooks\/\d+\/([^/]+)$/, (call, [token]) => this.#followUp(token!, call)],
    [
      /^(PATCH|DELETE) \/webhooks\/\d+\/([^/]+)\/messages\/(.+)$/,
      (call, [, token, id]) => this.#ofToken(token!, id!, call),
    ],
  ];

  #application() {
    const { id, username: name } = this.me;
    // The flag GatewayMessageContentLimited.
    const flags = this.gateway.grantsContent ? 1 << 19 : 0;
    return { id, name, flags, approximate_guild_count: this.#guilds.length };
  }

  #gatewayAddress(): Answer {
    const session_start_limit = { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 16 };
    return ok({ url: this.origin.replace('http', 'ws'), shards: this.recommendedShards, session_start_limit });
  }

  #register(scope: string, commands: Record<string, unknown>[]): Answer {
    const stored = commands.map((command) => ({
      id: snowflake(),
      application_id: this.me.id,
      version: '1',
      ...command,
    }));
    this.registered.set(scope, stored);
    return ok(stored);
  }

  #getChannel(id: string): Answer {
    const channel = this.#channels.get(id);
    return channel ? ok(channelPayload(this.#withLast(channel), this.me.id)) : refusal(404, 10003, 'Unknown Channel');
  }

  #getGuild(id: string): Answer {
    const guild = this.#guilds.find((one) => one.id === id);
    if (guild === undefined) return refusal(404, 10004, 'Unknown Guild');
    // Its channels and members come over the gateway only.
    const { channels, threads, members, ...rest } = guildPayload(guild, [], this.me);
    return ok(rest);
  }

  #getMember(guildId: string, person: string): Answer {
    const guild = this.#guilds.find(({ id }) => id === guildId);
    if (guild === undefined || person !== this.me.id) return refusal(404, 10007, 'Unknown Member');
    return ok({ user: this.me, ...memberPayload([guild.botRole]) });
  }

  #thinking(interaction: FakeInteraction): FakeMessage {
    const { channel, thinkingId } = interaction;
    const nothing = { content: '', files: [], mentions: [], components: [], edits: 0 };
    return { id: thinkingId!, channel, author: this.me, flags: LOADING, interaction, ...nothing };
  }

  #getMessage(channelId: string, id: string): Answer {
    const message = this.messages.get(id);
    if (this.#channels.get(channelId)?.denied.includes('ViewChannel')) return refusal(403, 50001, 'Missing Access');
    if (message?.channel.id !== channelId) return refusal(404, 10008, 'Unknown Message');
    return ok(messagePayload(message, this.#isVisible(message)));
  }

  #openDirectChannel(recipientId: string): Answer {
    const people = [...this.messages.values()].map(({ author }) => author);
    const asking = [...this.interactions.values()].map((interaction) => interaction.user);
    const person = [...people, ...asking].find(({ id }) => id === recipientId)!;
    return ok(channelPayload(this.directChannel(person), this.me.id));
  }

  #list(channelId: string, query: URLSearchParams): Answer {
    const channel = this.#channels.get(channelId)!;
    if (channel.denied.includes('ReadMessageHistory')) return ok([]);
    if (channel.denied.includes('ViewChannel')) return refusal(403, 50001, 'Missing Access');
    const [before, after] = [query.get('before'), query.get('after')];
    const thinking = [...this.interactions.values()].flatMap((one) =>
      one.state === 'deferred' ? [this.#thinking(one)] : [],
    );
    const found = [...this.messages.values(), ...thinking]
      .filter((message) => message.channel.id === channelId && !this.isPrivate(message))
      .filter(({ id }) => before === null || BigInt(id) < BigInt(before))
      .filter(({ id }) => after === null || BigInt(id) > BigInt(after))
      .sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? 1 : -1));
    const limit = Number(query.get('limit') ?? 50);
    const page = after === null ? found.slice(0, limit) : found.slice(-limit);
    return ok(page.map((message) => messagePayload(message, this.#isVisible(message))));
  }

  #send(channelId: string, call: Call): Answer {
    const channel = this.#channels.get(channelId);
    if (channel === undefined) return refusal(404, 10003, 'Unknown Channel');
    const refused = this.#refuse(channel, call);
    if (refused) return refused;
    const { nonce, enforce_nonce: enforced } = call.json;
    const twin = enforced && [...this.messages.values()].find((message) => message.nonce === nonce);
    return ok(messagePayload(twin || this.#store(channel, call)));
  }

  #refuse(channel: FakeChannel, { json, files }: Call): Answer | undefined {
    const lacks = (permission: Permission) => channel.denied.includes(permission);
    const reference = json.message_reference?.message_id;
    if (channel.closed) return refusal(403, 50007, 'Cannot send messages to this user');
    if (lacks('ViewChannel')) return refusal(403, 50001, 'Missing Access');
    if (lacks(channel.type === 11 ? 'SendMessagesInThreads' : 'SendMessages')) {
      return refusal(403, 50013, 'Missing Permissions');
    }
    if (files.length > 0 && lacks('AttachFiles')) return refusal(403, 50013, 'Missing Permissions');
    if (reference !== undefined && lacks('ReadMessageHistory')) {
      return refusal(400, 160002, 'Cannot reply without permission to read message history');
    }
    if (reference !== undefined && !this.messages.has(reference)) {
      const unknown = { code: 'MESSAGE_REFERENCE_UNKNOWN_MESSAGE', message: 'Unknown message' };
      return refusal(400, 50035, 'Invalid Form Body', { message_reference: { _errors: [unknown] } });
    }
    return this.#refuseContent({ json, files });
  }

  #refuseContent({ json, files }: Pick<Call, 'json' | 'files'>): Answer | undefined {
    if ((json.content ?? '').length > 2000) return refusal(400, 50035, 'Invalid Form Body');
    if (!json.content && files.length === 0) return refusal(400, 50006, 'Cannot send an empty message');
    if (files.some(({ bytes }) => bytes.length > this.uploadLimit)) {
      return refusal(413, 40005, 'Request entity too large');
    }
    return undefined;
  }

  #store(
    channel: FakeChannel,
    call: Pick<Call, 'json' | 'files'>,
    flags = 0,
    interaction?: FakeInteraction,
  ): FakeMessage {
    const { json } = call;
    const message: FakeMessage = {
      id: snowflake(),
      channel,
      author: this.me,
      content: json.content ?? '',
      files: this.#receivedFiles(call),
      mentions: [],
      flags: (json.flags ?? 0) | flags,
      ...(json.message_reference && { reference: json.message_reference }),
      components: json.components ?? [],
      allowedMentions: json.allowed_mentions,
      ...(json.nonce !== undefined && { nonce: json.nonce }),
      ...(interaction && { interaction }),
      edits: 0,
    };
    this.messages.set(message.id, message);
    this.#announce(message);
    return message;
  }

  #receivedFiles({ json, files }: Pick<Call, 'json' | 'files'>): FakeFile[] {
    return files.map(({ filename, type, bytes }, k) => ({
      ...this.file(bytes, filename),
      contentType: type || 'image/jpeg',
      description: json.attachments[k].description,
      bytes,
    }));
  }

  #edit(id: string, call: Call): Answer {
    const message = this.messages.get(id);
    if (message === undefined) return refusal(404, 10008, 'Unknown Message');
    const refused = this.#refuseContent({ ...call, json: { content: message.content, ...call.json } });
    if (refused) return refused;
    const { json } = call;
    const edited: FakeMessage = {
      ...message,
      content: json.content ?? message.content,
      files: json.attachments ? this.#receivedFiles(call) : message.files,
      components: json.components ?? message.components,
      flags: message.flags | (json.flags ?? 0),
      allowedMentions: json.allowed_mentions,
      edits: message.edits + 1,
    };
    this.messages.set(id, edited);
    this.gateway.dispatch('MESSAGE_UPDATE', { ...messagePayload(edited), guild_id: message.channel.guildId });
    return ok(messagePayload(edited));
  }

  #delete(id: string): Answer {
    const thinking = [...this.interactions.values()].find(({ thinkingId }) => thinkingId === id);
    if (thinking?.state === 'deferred') {
      thinking.state = 'answered';
      return { status: 204 };
    }
    const message = this.messages.get(id);
    if (message === undefined) return refusal(404, 10008, 'Unknown Message');
    this.remove(message);
    return { status: 204 };
  }

  #callback(token: string, call: Call): Answer {
    const interaction = this.interactions.get(token)!;
    const after = Date.now() - interaction.sentAt;
    if (interaction.isExpired || after > ACKNOWLEDGE_MS) return refusal(404, 10062, 'Unknown interaction');
    if (interaction.state !== 'waiting') return refusal(400, 40060, 'Interaction has already been acknowledged');
    interaction.acknowledgedAfter = after;
    const { type, data = {} } = call.json;
    if (type === 5) {
      // The placeholder is a message already, which everyone sees as "is thinking…".
      interaction.state = 'deferred';
      interaction.thinkingId = snowflake();
      return { status: 204 };
    }
    interaction.state = 'answered';
    if (type === 6) return { status: 204 };
    if (type === 7) {
      const edited = this.#edit(interaction.message!.id, { ...call, json: data });
      return edited.status === undefined || edited.status < 300 ? { status: 204 } : edited;
    }
    const refused = this.#refuseContent({ json: data, files: call.files });
    if (refused) return refused;
    const message = this.#store(interaction.channel, { json: data, files: call.files }, 0, interaction);
    interaction.originalId = message.id;
    const callback = { id: interaction.id, type: 2, response_message_id: message.id };
    return call.query.get('with_response') === 'true'
      ? ok({ interaction: callback, resource: { type, message: messagePayload(message) } })
      : { status: 204 };
  }

  #followUp(token: string, call: Call): Answer {
    const interaction = this.interactions.get(token)!;
    if (interaction.isExpired) return refusal(401, 50027, 'Invalid Webhook Token');
    const refused = this.#refuseContent(call);
    return refused ?? ok(messagePayload(this.#store(interaction.channel, call, 0, interaction)));
  }

  #ofToken(token: string, id: string, call: Call): Answer {
    const interaction = this.interactions.get(token)!;
    if (interaction.isExpired) return refusal(401, 50027, 'Invalid Webhook Token');
    const messageId = id === '@original' ? interaction.originalId : id;
    if (messageId === undefined && interaction.state === 'deferred') {
      interaction.state = 'answered';
      if (call.method === 'DELETE') return { status: 204 };
      const refused = this.#refuseContent(call);
      if (refused) {
        interaction.state = 'deferred';
        return refused;
      }
      const message = this.#store(interaction.channel, call, 0, interaction);
      interaction.originalId = message.id;
      return ok(messagePayload(message));
    }
    return call.method === 'DELETE' ? this.#delete(messageId ?? '') : this.#edit(messageId ?? '', call);
  }
}

interface CommandOptions {
  readonly input?: Readonly<Record<string, string | number | boolean>>;
  readonly files?: Readonly<Record<string, FakeFile>>;
  readonly by?: FakeUser;
  readonly channel?: FakeChannel;
  readonly permissions?: readonly Permission[];
}

function optionType(value: string | number | boolean): number {
  if (typeof value === 'string') return 3;
  if (typeof value === 'boolean') return 5;
  return Number.isInteger(value) ? 4 : 10;
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}
