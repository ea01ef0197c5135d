import { setTimeout as delay } from 'node:timers/promises';
import QuickLRU from 'quick-lru';
import { brokeDown, NotYet, UserError } from '../src/base/errors.ts';
import { giveBack } from '../src/base/large-bytes.ts';
import { beginStep, bindToRequest, timeStep } from '../src/base/observing.ts';
import { WorkerDied } from '../src/base/workers.ts';
import type { Frame } from '../src/photo/decode.ts';
import type { Rectangle } from '../src/photo/faces/box.ts';
import type { FramesRead, PersonReading } from '../src/photo/picture/describe.ts';
import type { OpinionCounts, Opinions } from '../src/settings/opinions.ts';
import { CHANNEL_MODES, type ChannelMode, type Settings } from '../src/settings/settings.ts';
import { type FairQueue, type HoldSlot, isLarge, LARGE_BYTES } from '../src/work/queue.ts';
import { type Command, defineCommand } from './command.ts';
import { photoReply, shortName } from './photo-reply.ts';
import {
  answersHere,
  channelKey,
  type PhotoRules,
  personKey,
  photoPreconditions,
  posterAgrees,
  settingsId,
} from './preconditions.ts';
import { placeOf, type Request } from './request.ts';
import { statsReply } from './stats-reply.ts';

/** A photo that has been read, as far as an answer needs it. */
export interface AnsweredPhoto {
  /** In the order of their numbers. Only programs are shown the boxes, which are in pixels. */
  readonly faces: readonly (PersonReading & { readonly box?: Rectangle })[];
  /** Size of the upright photo, in pixels, for programs. */
  readonly width?: number;
  readonly height?: number;
  /** How long reading took, for programs. */
  readonly milliseconds?: number;
  /** Whether there may be more people in the photo than were found. */
  readonly more?: boolean;
  /** Which frame of an animation was read. */
  readonly frame?: Frame;
  /** How many frames of an animation were read, and how many it has; present where people were followed through it. */
  readonly frames?: FramesRead;
  /** The upright photo at the annotated picture's size, without boxes; present where it was asked for. */
  readonly copy?: { readonly bytes: Uint8Array; readonly mime: string };
  /** The annotated picture, without the original's metadata. */
  readonly picture?: { readonly bytes: Uint8Array; readonly mime: string; readonly altText: string };
}

/** What the command needs to read photos. */
export interface PhotoServices extends PhotoRules {
  /**
   * Finds the faces in a picture file, reads their emotions and draws both.
   * @param bytes the file. The reader owns it from here on, and frees its memory where it can as soon as the file is decoded.
   * @param hold keeps the photo's slot in the queue until the last step has really ended
   * @param moving the format of the answer to an animation; a still picture where absent
   * @param withCopy whether to return a copy of the photo too
   * @throws UserError where the bytes are not a picture that can be read
   */
  readPhoto(
    bytes: Uint8Array,
    signal: AbortSignal,
    hold: HoldSlot,
    moving?: Request['moving'],
    withCopy?: boolean,
  ): Promise<AnsweredPhoto>;
  /** Photos are loaded and read in this queue, which bounds how many are in memory at a time. */
  readonly queue: FairQueue;
  /** The largest file that is loaded, in bytes. */
  readonly maxBytes: number;
  /** What people think of the readings; absent where nobody is asked. */
  readonly opinions?: Opinions;
}

/** How many pictures the bot remembers as set aside, at least. */
const MAX_SET_ASIDE = 1000;

/** How often a photo whose host is busy or slow leaves its place in the queue, joins the queue's end and is tried again. */
const MOST_PAUSES = 2;
/** The longest pause that a host may ask for, in milliseconds. Beyond it, the person is told to post again later. */
const LONGEST_PAUSE_MS = 60_000;

/** The answer to an admin who sets a channel's mode; everyone in the channel sees it. */
const MODE_SET: Readonly<Record<ChannelMode, string>> = {
  on: 'From now on I answer every photo that is posted here.',
  asked: 'From now on I read photos here only when somebody asks me to, with /emotions or by naming me in the message.',
  off: 'From now on I read no photos here. /emotions channel:on takes that back.',
};

/**
 * `/emotions` answers the given picture, or the latest in the channel, with the annotated picture and its people. With the `channel`
 * option, an admin sets which photos the bot answers in this channel.
 */
export function emotionsCommand(services: PhotoServices): Command {
  /** Pictures that crashed the process which read them. The bot does not read them again until it is restarted. */
  const setAside = new QuickLRU<string, true>({ maxSize: MAX_SET_ASIDE });
  return defineCommand({
    name: 'emotions',
    description: 'Reads the faces in a picture: this one, or the latest posted here',
    options: [
      { name: 'image', type: 'picture', latest: true, description: 'The picture to read' },
      {
        name: 'channel',
        type: 'choice',
        choices: CHANNEL_MODES,
        alone: true,
        description: 'For admins: answer all photos in this channel, only when asked, or none',
      },
      {
        name: 'stats',
        type: 'switch',
        alone: true,
        description: 'For admins: how often people agree with the readings',
      },
    ],
    access: ({ channel, stats }) => (channel === undefined && stats === undefined ? 'everyone' : 'admin'),
    preconditions: photoPreconditions(services),
    async run(request, { channel, stats, image: photo }) {
      if (channel !== undefined) {
        await setMode(request, channel, services.settings);
        return;
      }
      if (stats !== undefined) {
        await request.reply(await statsReply(await countsOf(request, services.opinions)));
        return;
      }
      if (photo === undefined) throw new Error('/emotions runs without the latest picture');
      const pictureKey = `${request.platform} ${photo.id}`;
      if (request.earlier?.brokeDown || setAside.has(pictureKey)) throw brokeDown();
      await request.progress(`Looking for faces in ${shortName(photo.name)}…`);
      const turn = {
        signal: request.signal,
        channel: channelKey(request),
        person: personKey(request.platform, request.user),
        large: isLarge(photo.size),
      };
      const maxBytes = turn.large ? services.maxBytes : Math.min(services.maxBytes, LARGE_BYTES);
      // Checked again and again: somebody may opt out, or switch the bot off, while a photo waits in the queue, is being loaded or read.
      const isStillWanted = async () =>
        (await answersHere(request, services)) && (await posterAgrees(request, photo, services));
      const work = async (hold: HoldSlot) => {
        if (!(await isStillWanted())) return undefined;
        const bytes = await timeStep('download', () => photo.fetch({ maxBytes, signal: request.signal }));
        if (!(await isStillWanted())) {
          giveBack(bytes);
          return undefined;
        }
        return await services.readPhoto(bytes, request.signal, hold, request.moving, photo.keep !== undefined);
      };
      const inTurn = () => {
        const endWait = beginStep('wait');
        const begun = (hold: HoldSlot) => {
          endWait();
          return work(hold);
        };
        return services.queue.run(bindToRequest(begun), turn);
      };
      const reading = await withPauses(inTurn, request.signal).catch((error: unknown) => {
        if (!(error instanceof WorkerDied)) throw error;
        setAside.set(pictureKey, true);
        throw brokeDown({ cause: error });
      });
      request.signal.throwIfAborted();
      if (reading === undefined || !(await isStillWanted())) return;
      if (reading.copy) photo.keep?.(reading.copy);
      const picture = reading.picture && {
        ...reading.picture,
        name: `${shortName(photo.name).replace(/\.[^.]*$/, '')}-emotions.${extension(reading.picture.mime)}`,
      };
      await request.reply(
        photoReply(photo, reading.faces, picture, {
          named: request.attachments.length > 1,
          more: reading.more ?? false,
          asksIfRight: services.opinions !== undefined,
          ...(reading.frame && { frame: reading.frame }),
          ...(reading.frames && { frames: reading.frames }),
        }),
      );
    },
  });
}

/**
 * Repeats work that throws NotYet, after the pause that it names. During the pause it holds no place in the queue.
 * @throws the signal's reason
 */
async function withPauses<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauses = 0; ; pauses++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NotYet) || pauses === MOST_PAUSES || error.pauseMs > LONGEST_PAUSE_MS) throw error;
      await delay(error.pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function countsOf({ platform, channel }: Request, opinions: Opinions | undefined): Promise<OpinionCounts> {
  if (opinions === undefined) {
    throw new UserError('switched-off', 'Nobody is asked whether I am right: whoever runs me has set OPINIONS=off.');
  }
  return await opinions.counts(platform, placeOf(channel));
}

async function setMode(request: Request, mode: ChannelMode, settings: Settings): Promise<void> {
  const { places } = request.channel;
  await settings.setChannelMode(request.platform, settingsId(request.channel), mode, places);
  await request.reply({ text: MODE_SET[mode] });
}

function extension(mime: string): string {
  return mime === 'image/jpeg' ? 'jpg' : (mime.split('/')[1] ?? 'bin');
}
