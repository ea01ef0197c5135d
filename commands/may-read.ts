import { UserError } from '../src/base/errors.ts';
import type { Settings } from '../src/settings/settings.ts';
import type { PhotoCooldown, Refusal } from '../src/work/cooldown.ts';
import type { Attachment, Channel, Request, User } from './request.ts';

/** What decides whether a photo is read. */
export interface PhotoRules {
  readonly settings: Settings;
  readonly cooldown: PhotoCooldown;
}

/**
 * Whether photos are answered in the request's channel.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'switched-off' where somebody asked, but an admin does not want any answers here
 */
export async function answersHere(request: Request, { settings }: PhotoRules): Promise<boolean> {
  const mode = await settings.channelMode(request.platform, settingsId(request.channel));
  if (mode === 'on' || (mode === 'asked' && isAsked(request))) return true;
  if (!isAsked(request)) return false;
  throw new UserError('switched-off', 'An admin has switched me off in this channel. I read no photos here.');
}

/**
 * Whether whoever posted a photo lets the bot read it.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'opted-out' where somebody asked
 */
export async function posterAgrees(request: Request, photo: Attachment, { settings }: PhotoRules): Promise<boolean> {
  const poster = photo.postedBy ?? request.user.id;
  if (!(await settings.hasOptedOut(request.platform, poster))) return true;
  if (!isAsked(request)) return false;
  throw new UserError(
    'opted-out',
    poster === request.user.id
      ? 'You opted out, so I read no photos that you post. If you want me to again, type /privacy opt-in.'
      : 'Whoever posted that picture does not want me to read it, so I do not.',
  );
}

/**
 * Whether it is not too much yet for this person and this channel; counts the photo if so.
 * @returns false where the bot stays silent, since it has said so already and nobody asked it
 * @throws UserError 'cooldown' that says when to try again
 */
export function takeTurn(request: Request, { cooldown }: PhotoRules): boolean {
  if (request.user.alone) return true;
  const refusal = cooldown.take(personKey(request.platform, request.user), channelKey(request));
  if (refusal === undefined) return true;
  if (refusal.told && !isAsked(request)) return false;
  throw new UserError('cooldown', refusalText(refusal));
}

/** The channel whose settings hold. */
export function settingsId(channel: Channel): string {
  return channel.settingsId ?? channel.id;
}

/** Whether somebody speaks to the bot, rather than to the others in the channel. */
function isAsked(request: Request): boolean {
  return request.command !== undefined || request.asked === true;
}

function personKey(platform: string, user: User): string {
  return `${platform} ${user.id}`;
}

function channelKey({ platform, channel }: Request): string {
  return `${platform} ${settingsId(channel)}`;
}

function refusalText({ who, waitMs }: Refusal): string {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const whose = who === 'person' ? 'for one person' : 'in one channel';
  const when = `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  return `That is more photos than I read ${whose} in a minute. I can read the next one in ${when}: post it again then.`;
}
