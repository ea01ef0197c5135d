import { ChatFailed, UserError } from '../src/base/errors.ts';
import type { Settings } from '../src/settings/settings.ts';
import type { Cooldown, Refusal } from '../src/work/cooldown.ts';
import type { Access, Command, Options, Precondition } from './command.ts';
import type { Attachment, Channel, Request, User } from './request.ts';

/** @throws UserError 'not-allowed' where the person may not run the command with these options */
export async function requireAccess(request: Request, command: Command, options: Options): Promise<void> {
  const access: Access = typeof command.access === 'function' ? command.access(options) : command.access;
  if (access === 'admin' && !(await request.user.isAdmin())) {
    throw new UserError('not-allowed', `Only an admin can ask for /${command.name} like this.`);
  }
  if (access === 'operator' && !(await request.user.isOperator())) {
    const where = request.channel.isDirect ? ': ask me there, not in a direct message' : '';
    throw new UserError('not-allowed', `/${command.name} is for admins of the place that runs this bot${where}.`);
  }
}

/**
 * Checks a command's preconditions in their order, and completes its options. The channel's latest picture is looked up
 * at most once, and only where a precondition or the command needs it.
 * @returns the options to run with; undefined where the bot stays silent
 * @throws UserError of a precondition, or 'no-picture' where none was posted yet
 */
export async function prepare(request: Request, command: Command, options: Options): Promise<Options | undefined> {
  if (standsAlone(command, options)) return options;
  const option = command.options.find(({ type }) => type === 'picture');
  let latest: Promise<Attachment> | undefined;
  const picture = async () => {
    const given = option && options[option.name];
    if (typeof given === 'object') return given;
    if (option?.type !== 'picture' || !option.latest) return undefined;
    latest ??= latestPicture(request);
    return await latest;
  };
  for (const holds of command.preconditions ?? []) if (!(await holds(request, picture))) return undefined;
  return option === undefined ? options : { ...options, [option.name]: await picture() };
}

/** Whether an `alone` option was given: the command then does something else, and pictures do not matter. */
export function standsAlone(command: Command, options: Options): boolean {
  return command.options.some((option) => option.alone && options[option.name] !== undefined);
}

async function latestPicture(request: Request): Promise<Attachment> {
  const [latest] = await request.latestImages(1);
  if (latest !== undefined) return latest;
  throw new UserError('no-picture', 'There is no picture here yet. Post one, and I answer it.');
}

/** What decides whether the bot reads a photo. */
export interface PhotoRules {
  readonly settings: Settings;
  readonly cooldown: Cooldown;
  /** Whether the bot reads forwarded photos whose poster the platform hides. */
  readonly readsForwards: boolean;
}

/**
 * What must hold before a photo is read: the channel's mode allows it; its posters have not opted out, and are known
 * where the operator wants that; it is no answer of the bot's; the file is a picture, as far as can be told; and neither the person nor
 * the channel is over its limit.
 */
export function photoPreconditions(rules: PhotoRules): readonly Precondition[] {
  return [
    (request) => answersHere(request, rules),
    ofPhoto((request, photo) => posterIsKnown(request, photo, rules)),
    ofPhoto(isNoAnswer),
    ofPhoto((request, photo) => posterAgrees(request, photo, rules)),
    ofPhoto(isPicture),
    (request) => takeTurn(request, rules),
  ];
}

function ofPhoto(holds: (request: Request, photo: Attachment) => boolean | Promise<boolean>): Precondition {
  return async (request, picture) => {
    const photo = await picture();
    return photo === undefined || (await holds(request, photo));
  };
}

/**
 * Whether photos are answered in the request's channel.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'switched-off' where somebody asked, but an admin does not want any answers here
 */
export async function answersHere(request: Request, { settings }: Pick<PhotoRules, 'settings'>): Promise<boolean> {
  const mode = await settings.channelMode(request.platform, settingsId(request.channel));
  if (mode === 'on' || (mode === 'asked' && isAsked(request))) return true;
  if (!isAsked(request)) return false;
  throw new UserError('switched-off', 'An admin has switched me off in this channel. I read no photos here.');
}

/**
 * Whether everybody who posted a photo lets the bot read it: its poster, its first poster, the author of the message it was forwarded
 * from, and those whom the platform names when it is asked.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'opted-out' where somebody asked
 */
export async function posterAgrees(
  request: Request,
  photo: Attachment,
  { settings }: Pick<PhotoRules, 'settings'>,
): Promise<boolean> {
  const { postedBy: poster = request.user.id, firstPostedBy: first = poster, forwardedFrom: from = poster } = photo;
  const before = (await photo.postersBefore?.()) ?? [];
  for (const person of new Set([poster, first, from, ...before])) {
    if (!(await settings.hasOptedOut(request.platform, person))) continue;
    if (!isAsked(request)) return false;
    throw new UserError(
      'opted-out',
      person === request.user.id
        ? 'You opted out, so I read no photos that you post. If you want me to again, type /privacy opt-in.'
        : 'Whoever posted that picture does not want me to read it, so I do not.',
    );
  }
  return true;
}

/**
 * Whether a picture is a photo rather than one of the bot's own answers, which are never read.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'no-picture' where somebody asked
 */
async function isNoAnswer(request: Request, photo: Attachment): Promise<boolean> {
  if (!(await photo.isOwnAnswer?.())) return true;
  if (!isAsked(request)) return false;
  throw noPicture();
}

/** The error for somebody who asks about a message without a picture that the bot reads. */
export function noPicture(): UserError {
  return new UserError('no-picture', 'There is no picture in this message. Post a photo, or type /help.');
}

/**
 * Whether the poster of a photo is known, where the operator wants that.
 * @returns false where the bot stays silent, since nobody asked it
 * @throws UserError 'not-allowed' where somebody asked
 */
function posterIsKnown(request: Request, photo: Attachment, { readsForwards }: PhotoRules): boolean {
  if (readsForwards || photo.posterHidden !== true) return true;
  if (!isAsked(request)) return false;
  throw new UserError(
    'not-allowed',
    'That photo is forwarded or published, which hides who posted it and whether they opted out: I do not read those here.',
  );
}

/** Whether a file that nobody asked about is a picture. A file that somebody asked about is answered in any case. */
async function isPicture(request: Request, photo: Attachment): Promise<boolean> {
  if (photo.isPicture === undefined || isAsked(request)) return true;
  try {
    return await photo.isPicture(request.signal);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // The host fails for now: the file can be checked later.
    if (error.code === 'busy' && request.tryAgain) throw new ChatFailed(error);
    // The file cannot be loaded. Most likely it is no picture, and nobody waits for an answer.
    return false;
  }
}

/**
 * Whether this person and this channel are within their photos a minute; counts the photo if so.
 * @returns false where the bot stays silent, since it has told them already and nobody asked it
 * @throws UserError 'cooldown' that says when to try again
 */
async function takeTurn(request: Request, { cooldown }: PhotoRules): Promise<boolean> {
  if (request.user.alone || request.earlier) return true;
  const refusal = await cooldown.take(personKey(request.platform, request.user), channelKey(request));
  if (refusal === undefined) return true;
  if (refusal.alreadyReported && !isAsked(request)) return false;
  throw new UserError('cooldown', refusalText(refusal));
}

/** Id of the channel whose settings apply. */
export function settingsId(channel: Channel): string {
  return channel.settingsId ?? channel.id;
}

/** Whether the request is addressed to the bot, rather than to the other people in the channel. */
export function isAsked(request: Request): boolean {
  return request.command !== undefined || request.asked === true;
}

export function personKey(platform: string, user: User): string {
  return `${platform} ${user.id}`;
}

/** A key of the request's channel, unique among all platforms; for a thread, that of the channel it is in. */
export function channelKey({ platform, channel }: Request): string {
  return `${platform} ${settingsId(channel)}`;
}

function refusalText({ who, waitMs }: Refusal): string {
  const seconds = Math.ceil(waitMs / 1000);
  const whose = who === 'person' ? 'for one person' : 'in one channel';
  const when = `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  return `That is more photos than I read ${whose} in a minute. I can read the next one in ${when}: post it again then.`;
}
