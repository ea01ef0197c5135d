import {
  type BaseInteraction,
  OAuth2Scopes,
  PermissionFlagsBits,
  PermissionsBitField,
  type SendableChannels,
  type User,
} from 'discord.js';
import type { Logger } from '../../base/log.ts';
import { closedChannels } from '../claims.ts';
import { isLocked, isUnreachable } from './errors.ts';
import { escapeMarkup, onlyOnce, plainMessage } from './outgoing.ts';

/** The permissions that the bot needs in a channel, with their names in Discord's settings. */
const NEEDED = {
  ViewChannel: 'View Channel',
  SendMessages: 'Send Messages',
  SendMessagesInThreads: 'Send Messages in Threads',
  AttachFiles: 'Attach Files',
  ReadMessageHistory: 'Read Message History',
} as const;

type Needed = keyof typeof NEEDED;

/** The permission to change a server's settings, which makes a person an admin for the bot; administrators have it too. */
export const ADMIN = PermissionFlagsBits.ManageGuild;
/** The permission to remove anyone's messages, which lets a person remove the bot's replies too. */
const MODERATOR = PermissionFlagsBits.ManageMessages;

/** Whether the person who clicked may remove an answer: the people named in its button may, and those who may remove anyone's messages. */
export function mayRemove(
  { user, memberPermissions }: Pick<BaseInteraction, 'user' | 'memberPermissions'>,
  people: readonly string[],
): boolean {
  return people.includes(user.id) || memberPermissions?.any([ADMIN, MODERATOR]) === true;
}

/** All permissions that the bot needs, for the link that invites it. */
const NEEDED_PERMISSIONS = (Object.keys(NEEDED) as Needed[]).map((name) => PermissionFlagsBits[name]);

/** Whether permissions are those of an admin. */
export function isAdmin(permissions: Readonly<PermissionsBitField> | null | undefined): boolean {
  return permissions?.has(ADMIN) === true;
}

/**
 * The permissions that the bot lacks in a channel, e.g. '‘Attach Files’ and ‘Send Messages’'. Names all that it needs where that is
 * unknown.
 */
export function missingInWords(channel: SendableChannels): string {
  const relevant = (Object.keys(NEEDED) as Needed[]).filter(
    (name) => name !== (channel.isThread() ? 'SendMessages' : 'SendMessagesInThreads'),
  );
  const have = permissionsIn(channel);
  const missing = have ? relevant.filter((name) => !have.has(PermissionFlagsBits[name])) : [];
  const names = (missing.length > 0 ? missing : relevant).map((name) => `‘${NEEDED[name]}’`);
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Whether the bot may read earlier messages; true where that is unknown. */
export function mayReadBack(channel: SendableChannels): boolean {
  return permissionsIn(channel)?.has(PermissionFlagsBits.ReadMessageHistory) ?? true;
}

/** Whether the bot may post in a channel; true where that is unknown. */
export function maySpeak(channel: SendableChannels): boolean {
  const send = channel.isThread() ? PermissionFlagsBits.SendMessagesInThreads : PermissionFlagsBits.SendMessages;
  return permissionsIn(channel)?.has([PermissionFlagsBits.ViewChannel, send]) ?? true;
}

/** The bot's permissions in a channel; undefined in a direct message and where the server was not announced. */
function permissionsIn(channel: SendableChannels): Readonly<PermissionsBitField> | undefined {
  if (channel.isDMBased() || channel.guild.members.me === null) return undefined;
  return channel.permissionsFor(channel.client.user) ?? undefined;
}

/** The page on which an admin adds the bot to a server, with the permissions that it needs and no other. */
export function inviteLink(applicationId: string): string {
  const url = new URL('https://discord.com/oauth2/authorize');
  url.searchParams.set('client_id', applicationId);
  url.searchParams.set('scope', [OAuth2Scopes.Bot, OAuth2Scopes.ApplicationsCommands].join(' '));
  url.searchParams.set('permissions', String(new PermissionsBitField(NEEDED_PERMISSIONS).bitfield));
  return url.href;
}

/** Tells people in direct messages what the bot cannot say in the channel. */
export class Refusals {
  readonly #log: Logger;
  readonly #closed = closedChannels();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Tells a person why no answer comes; `closedChannels` says how often.
   * @param about id of the message or interaction that cannot be answered
   * @param isAsked whether the person addressed the bot
   * @param error Discord's refusal, where it may be another one than for a missing permission
   */
  async explain(
    user: User,
    channel: SendableChannels,
    about: string,
    isAsked: boolean,
    error?: unknown,
  ): Promise<void> {
    const missing = isLocked(error) ? undefined : missingInWords(channel);
    this.#log.warn({ platform: 'discord', channel: channel.id, missing }, 'a channel is closed to the bot');
    if (!this.#closed.claim([channel.id]) && !isAsked) return;
    const name = channel.isDMBased() ? 'there' : `in #${escapeMarkup(channel.name)}`;
    const why =
      missing === undefined
        ? 'the thread is locked.'
        : `I lack the permission ${missing}. Ask an admin of the server to give it to me.`;
    await this.writeTo(user, `I cannot answer your picture ${name}: ${why}`, about);
  }

  /**
   * Sends a direct message, where the person accepts those.
   * @param about id of the message or interaction that it is about. It is sent once for each, see `onlyOnce`
   */
  async writeTo(user: User, text: string, about: string): Promise<void> {
    try {
      await user.send({ ...plainMessage(text), ...onlyOnce(about) });
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      this.#log.info({ platform: 'discord' }, 'a person accepts no direct messages');
    }
  }
}
