/** Payloads of Discord's API and gateway, as far as this bot uses them. */

/** Discord's first second, in milliseconds. */
const EPOCH = 1_420_070_400_000n;
let counter = 0n;

/** An id as Discord makes them: its upper bits are the time. */
export function snowflake(at = Date.now()): string {
  counter += 1n;
  return String(((BigInt(at) - EPOCH) << 22n) | (counter & 0x3fffffn));
}

/** Permission bits that the tests name. */
export const PERMISSIONS = {
  ViewChannel: 1n << 10n,
  SendMessages: 1n << 11n,
  ManageMessages: 1n << 13n,
  AttachFiles: 1n << 15n,
  ReadMessageHistory: 1n << 16n,
  ManageGuild: 1n << 5n,
  SendMessagesInThreads: 1n << 38n,
} as const;

export type Permission = keyof typeof PERMISSIONS;

/** The permissions of everyone in the fake's servers. */
export const USUAL_PERMISSIONS = bits(
  'ViewChannel',
  'SendMessages',
  'AttachFiles',
  'ReadMessageHistory',
  'SendMessagesInThreads',
);

export function bits(...permissions: readonly Permission[]): bigint {
  return permissions.reduce((sum, name) => sum | PERMISSIONS[name], 0n);
}

export interface FakeUser {
  readonly id: string;
  readonly username: string;
  readonly bot: boolean;
  readonly discriminator: '0';
  readonly avatar: null;
}

export function user(username: string, options: { readonly bot?: boolean } = {}): FakeUser {
  return { id: snowflake(), username, bot: options.bot === true, discriminator: '0', avatar: null };
}

export interface FakeChannel {
  readonly id: string;
  readonly guildId?: string;
  /** 0 text, 1 direct message, 11 thread, 15 forum. */
  readonly type: 0 | 1 | 11 | 15;
  readonly name: string;
  readonly parentId?: string;
  /** What the bot may not do here. */
  readonly denied: readonly Permission[];
  /** Takes no message at all from the bot: a person who closed their direct messages. */
  readonly closed?: boolean;
  readonly recipient?: FakeUser;
  /** Its latest message, in what tells of the channel. */
  readonly lastMessageId?: string | undefined;
}

export interface FakeFile {
  readonly id: string;
  readonly filename: string;
  readonly description?: string;
  readonly contentType?: string | null;
  /** 8 marks a spoiler. */
  readonly flags?: number;
  readonly url: string;
  readonly size: number;
  /** What went out; absent for files that people posted. */
  readonly bytes?: Buffer;
}

export interface FakeMessage {
  readonly id: string;
  readonly channel: FakeChannel;
  readonly author: FakeUser;
  readonly content: string;
  readonly files: readonly FakeFile[];
  readonly mentions: readonly FakeUser[];
  /** Permissions that the author's role gives, in a server. */
  readonly rolePermissions?: bigint;
  readonly webhookId?: string;
  readonly flags: number;
  readonly reference?: { readonly message_id: string; readonly fail_if_not_exists: boolean };
  /** Of a person's reply: the message that it is to. */
  readonly repliesTo?: FakeMessage;
  /** Of a forward: the message that it shows, without saying whose it is. */
  readonly forwards?: FakeMessage;
  /** Of a message that a followed channel publishes: the one there, without saying whose it is. */
  readonly publishes?: FakeMessage;
  readonly components: readonly unknown[];
  readonly allowedMentions?: unknown;
  readonly nonce?: string;
  /** What it answers, where that is a command. */
  readonly interaction?: { readonly id: string; readonly user: FakeUser };
  readonly edits: number;
}

export function channelPayload(channel: FakeChannel, meId: string) {
  const { id, type, name, guildId, parentId, denied, recipient } = channel;
  const last_message_id = channel.lastMessageId ?? null;
  if (type === 1) return { id, type, recipients: [recipient], last_message_id, flags: 0 };
  const common = { id, type, name, guild_id: guildId, position: 0, flags: 0, nsfw: false, last_message_id };
  if (type === 11) {
    return {
      ...common,
      parent_id: parentId,
      owner_id: meId,
      message_count: 0,
      member_count: 1,
      rate_limit_per_user: 0,
      thread_metadata: { archived: false, locked: false, auto_archive_duration: 60, archive_timestamp: now() },
    };
  }
  const overwrites = denied.length > 0 ? [{ id: meId, type: 1, allow: '0', deny: String(bits(...denied)) }] : [];
  return { ...common, permission_overwrites: overwrites, ...(type === 15 && { available_tags: [] }) };
}

/** A channel as interactions carry it. */
export function partialChannelPayload(channel: FakeChannel, meId: string) {
  const { permission_overwrites, ...rest } = { permission_overwrites: undefined, ...channelPayload(channel, meId) };
  return rest;
}

export function filePayload({ id, filename, description, contentType, flags, url, size }: FakeFile) {
  return {
    id,
    filename,
    size,
    url,
    proxy_url: url,
    ...(flags !== undefined && { flags }),
    ...(contentType !== null && { content_type: contentType ?? 'image/png' }),
    ...(description !== undefined && { description }),
  };
}

/** @param isVisible false where the bot lacks the MessageContent intent and is not spoken to */
export function messagePayload(message: FakeMessage, isVisible = true): object {
  const { id, channel, author, mentions, webhookId, flags, nonce, repliesTo, forwards, publishes } = message;
  const referred = message.reference?.message_id ?? repliesTo?.id;
  return {
    id,
    channel_id: channel.id,
    author,
    content: isVisible ? message.content : '',
    attachments: isVisible ? message.files.map(filePayload) : [],
    components: isVisible ? message.components : [],
    embeds: [],
    mentions,
    mention_roles: [],
    mention_everyone: false,
    pinned: false,
    tts: false,
    type: referred === undefined ? 0 : 19,
    flags,
    timestamp: now(),
    edited_timestamp: message.edits > 0 ? now() : null,
    ...(webhookId !== undefined && { webhook_id: webhookId }),
    ...(referred !== undefined && { message_reference: { channel_id: channel.id, message_id: referred } }),
    ...(forwards && {
      message_reference: { type: 1, channel_id: forwards.channel.id, message_id: forwards.id },
      message_snapshots: isVisible ? [snapshotPayload(forwards)] : [],
    }),
    ...(publishes && { message_reference: { type: 0, channel_id: publishes.channel.id, message_id: publishes.id } }),
    ...(repliesTo && { referenced_message: messagePayload(repliesTo, isVisible) }),
    ...(nonce !== undefined && { nonce }),
    ...(message.interaction && {
      interaction_metadata: {
        id: message.interaction.id,
        type: 2,
        user: message.interaction.user,
        authorizing_integration_owners: {},
      },
    }),
  };
}

/** A message as a forward shows it: neither its id nor its author. */
function snapshotPayload(message: FakeMessage) {
  const { content, flags } = message;
  const attachments = message.files.map(filePayload);
  const times = { timestamp: now(), edited_timestamp: null };
  return { message: { type: 0, content, attachments, embeds: [], flags, mentions: [], mention_roles: [], ...times } };
}

export interface FakeGuild {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly premiumTier: number;
  /** A role for each set of permissions that a member has, besides everyone's. */
  readonly roles: Map<bigint, string>;
  /** The role that Discord made for the bot when it was invited. */
  readonly botRole: string;
}

export function rolePayload(id: string, permissions: bigint) {
  return {
    id,
    name: id,
    permissions: String(permissions),
    color: 0,
    colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
    position: 1,
    hoist: false,
    managed: false,
    mentionable: false,
    flags: 0,
  };
}

function botRolePayload(id: string, me: FakeUser) {
  return { ...rolePayload(id, 0n), name: me.username, managed: true, tags: { bot_id: me.id } };
}

export function memberPayload(roles: readonly string[]) {
  return { roles, joined_at: now(), deaf: false, mute: false, flags: 0, nick: null };
}

export function guildPayload(guild: FakeGuild, channels: readonly FakeChannel[], me: FakeUser) {
  const ofGuild = channels.filter((channel) => channel.guildId === guild.id);
  const roles = [...guild.roles].map(([permissions, id]) => rolePayload(id, permissions));
  return {
    id: guild.id,
    name: guild.name,
    owner_id: guild.ownerId,
    premium_tier: guild.premiumTier,
    roles: [rolePayload(guild.id, USUAL_PERMISSIONS), botRolePayload(guild.botRole, me), ...roles],
    channels: ofGuild.filter(({ type }) => type !== 11).map((channel) => channelPayload(channel, me.id)),
    threads: ofGuild.filter(({ type }) => type === 11).map((channel) => channelPayload(channel, me.id)),
    members: [{ user: me, ...memberPayload([guild.botRole]) }],
    emojis: [],
    stickers: [],
    features: [],
    presences: [],
    voice_states: [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
    member_count: 1,
    large: false,
    preferred_locale: 'en-US',
    system_channel_flags: 0,
    verification_level: 0,
    explicit_content_filter: 0,
    default_message_notifications: 0,
    mfa_level: 0,
    nsfw_level: 0,
  };
}

function now(): string {
  return new Date().toISOString();
}
