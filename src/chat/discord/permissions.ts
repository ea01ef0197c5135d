import { PermissionFlagsBits, type PermissionsBitField, type SendableChannels } from 'discord.js';

/** What the bot needs in a channel, in the words of Discord's settings. */
const NEEDED = {
  ViewChannel: 'View Channel',
  SendMessages: 'Send Messages',
  SendMessagesInThreads: 'Send Messages in Threads',
  AttachFiles: 'Attach Files',
  ReadMessageHistory: 'Read Message History',
} as const;

type Needed = keyof typeof NEEDED;

/** The right that Discord's own settings ask for; administrators have it too. */
export const ADMIN = PermissionFlagsBits.ManageGuild;
/** Who may remove the bot's replies besides those who asked for them: whoever may remove anyone's messages. */
export const MODERATOR = PermissionFlagsBits.ManageMessages;

/** Everything that the bot needs, for the link that invites it. */
export const NEEDED_PERMISSIONS = (Object.keys(NEEDED) as Needed[]).map((name) => PermissionFlagsBits[name]);

/** Whether permissions are those of an admin. */
export function isAdmin(permissions: Readonly<PermissionsBitField> | null | undefined): boolean {
  return permissions?.has(ADMIN) === true;
}

/** What the bot lacks in a channel, e.g. '‘Attach Files’ and ‘Send Messages’'; everything it needs where that is unknown. */
export function missingInWords(channel: SendableChannels): string {
  const relevant = (Object.keys(NEEDED) as Needed[]).filter(
    (name) => name !== (channel.isThread() ? 'SendMessages' : 'SendMessagesInThreads'),
  );
  const have = permissionsIn(channel);
  const missing = have ? relevant.filter((name) => !have.has(PermissionFlagsBits[name])) : [];
  const names = (missing.length > 0 ? missing : relevant).map((name) => `‘${NEEDED[name]}’`);
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Whether the bot may read what was posted before; true where that is unknown. */
export function mayReadBack(channel: SendableChannels): boolean {
  return permissionsIn(channel)?.has(PermissionFlagsBits.ReadMessageHistory) ?? true;
}

/** Whether the bot may write there without having been asked; true where that is unknown. */
export function maySpeak(channel: SendableChannels): boolean {
  const send = channel.isThread() ? PermissionFlagsBits.SendMessagesInThreads : PermissionFlagsBits.SendMessages;
  return permissionsIn(channel)?.has([PermissionFlagsBits.ViewChannel, send]) ?? true;
}

/** The bot's permissions in a channel; undefined in a direct message and where the server was not announced. */
function permissionsIn(channel: SendableChannels): Readonly<PermissionsBitField> | undefined {
  if (channel.isDMBased() || channel.guild.members.me === null) return undefined;
  return channel.permissionsFor(channel.client.user) ?? undefined;
}
