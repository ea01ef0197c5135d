/**
 * What a person asks and what they are told: the words that commands and chat platforms share. A platform turns each of
 * its events into one Request and each Reply back into a message; nothing here knows which platform that is.
 */
import type { Emotion } from '../src/emotion/labels.ts';
import type { Figures } from '../src/training/pictures/figures.ts';

/** A file that a person posted. Its bytes are not loaded until they are needed. */
export interface Attachment {
  /** Unique on its platform. */
  readonly id: string;
  /** The file's name as the person's device gave it: untrusted text. */
  readonly name: string;
  /** Bytes of the file, where its platform tells. */
  readonly size?: number;
  /** True where whoever posted it hid it behind a click; so is then what answers it. */
  readonly isSpoiler?: boolean;
  /** Who posted it, as in `User.id`, where that may be somebody else than the person who asks. */
  readonly postedBy?: string;
  /** Who posted it first, where somebody else may have shared it again: the photo is theirs. */
  readonly firstPostedBy?: string;
  /** Who posted the message that it is forwarded from, where the platform says so. */
  readonly forwardedFrom?: string;
  /** True where the platform hides who posted it, as of a forwarded message: `postedBy` is then whoever forwarded it. */
  readonly posterHidden?: boolean;
  /**
   * Asks whether this is a picture, where what the platform says of the file leaves that open; absent where it does not.
   * Loads no more of the file than that takes.
   */
  isPicture?(signal: AbortSignal): Promise<boolean>;
  /**
   * Loads the file.
   * @param options.maxBytes stop, with a UserError 'too-large', as soon as more than this has arrived
   * @param options.signal gives up with the signal's reason
   * @returns the file's bytes
   * @throws UserError 'too-large', or 'not-found' where the file has been deleted since; NotYet where its host is too busy or slow to be
   *   waited for by somebody who holds a place in the queue
   */
  fetch(options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /** Takes a smaller copy to keep instead of the file; present where the platform lets the file go once it has been fetched. */
  keep?(copy: { readonly bytes: Uint8Array; readonly mime: string }): void;
}

/** Who asked. The rights are functions since some platforms must be asked for them, and most requests need none. */
export interface User {
  /** Unique on its platform, stable over time. */
  readonly id: string;
  /** What others call them: untrusted text. The platform may have to be asked; the id where it does not say. */
  displayName(): Promise<string>;
  /** True where nobody else uses the bot, so that nobody waits behind this person: then there is no cooldown. */
  readonly alone?: boolean;
  /** Whether this person administers the server or workspace that the request came from; false in a direct message. */
  isAdmin(): Promise<boolean>;
  /** Whether this person is an admin of the place that the bot's operator runs it for. */
  isOperator(): Promise<boolean>;
}

/** A message of the bot's that has been sent. */
export interface Posted {
  /** Unique in its channel. */
  readonly id: string;
  /** Replaces the message's content. Resolves to false where somebody has deleted the message. */
  update(reply: Reply): Promise<boolean>;
  /** Deletes the message; nothing happens where it is gone already. */
  remove(): Promise<void>;
}

/** Stands for a message that reached nobody: what it answers is gone, or it could not be sent. */
export const NO_MESSAGE: Posted = { id: 'gone', update: async () => false, remove: async () => {} };

/** A place where people and the bot talk. */
export interface Channel {
  /** Unique on its platform. */
  readonly id: string;
  /** True where only one person and the bot are. */
  readonly isDirect: boolean;
  /** The channel whose settings hold here too: of a thread or forum post, its parent. Its own id unless told. */
  readonly settingsId?: string;
  /** The server or workspace that it is in; absent where it is in none, as a direct message. */
  readonly home?: string;
  /** What its settings are forgotten with once the bot is not there any more, e.g. its workspace; nothing unless told. */
  readonly places?: readonly string[];
  /** Sends an ordinary message, one that answers nothing: for what goes on after the request has been answered. */
  post(reply: Reply): Promise<Posted>;
}

/** What opinions are counted by: the channel's server or workspace; in a direct message the channel itself. */
export function placeOf({ id, home = id }: Pick<Channel, 'id' | 'home'>): string {
  return home;
}

/** A picture that goes out. */
export interface OutgoingPicture {
  readonly bytes: Uint8Array;
  /** Media type, e.g. 'image/jpeg'. */
  readonly mime: string;
  /** File name with its extension. */
  readonly name: string;
  /** What the picture shows, for those who do not see it. */
  readonly altText: string;
}

/** One person in an answer to a photo. */
export interface PersonLine {
  /** The number beside the box in the picture, from 1. */
  readonly number: number;
  readonly emotion: Emotion | 'unsure';
  /** What is said of this person, e.g. 'happy 93 %', or in a moving picture 'happy, then surprise'. */
  readonly text: string;
  /** The likeliest emotions: one, or two where the reading is unsure; none where the face cannot be read, or shows one
   * thing after the other. */
  readonly likeliest: readonly {
    readonly emotion: Emotion;
    /** 0..1. */
    readonly probability: number;
    /** The same in words, e.g. '93 %'. */
    readonly percent: string;
  }[];
}

/** The parts that the text of an answer to a photo is made of, for a platform that can lay them out. */
export interface PhotoCard {
  /** What was found, e.g. '7 people, mostly happy'. */
  readonly heading: string;
  /** Everybody who was found, up to 200 people. */
  readonly people: readonly PersonLine[];
  /** That there may be people whom the list lacks; absent where it names everyone. */
  readonly more?: string;
  /** That all this is a guess. */
  readonly notice: string;
}

/** What the bot says. */
export interface Reply {
  /** Everything, as plain text in lines: a platform that shows only this leaves nothing out. Not markup: escape it. */
  readonly text: string;
  readonly pictures?: readonly OutgoingPicture[];
  /** The same as `text`, in parts. */
  readonly card?: PhotoCard;
  /** What the text and the pictures show, for a platform that draws tables and charts of its own. */
  readonly figures?: Figures;
  /** The posted file that this answers. */
  readonly about?: Attachment;
  /** True where the poster (or an admin) should be offered a way to remove this reply. */
  readonly removable?: boolean;
  /** True where the poster (or an admin) should be asked whether the card is right, if the platform can. */
  readonly asksIfRight?: boolean;
  /** True where only the person who asked needs to see this, if the platform can show it so. */
  readonly private?: boolean;
}

/** What a person typed or chose after a command's name: text to take apart, or a value an option. */
export type CommandInput = string | Readonly<Record<string, unknown>>;

/** One message, command or menu entry that the bot should answer. */
export interface Request {
  /** The platform's name, for logs and settings. */
  readonly platform: string;
  /** Unique on its platform. */
  readonly id: string;
  /** The command that was asked for; absent for an ordinary message, whose attachments are then read. */
  readonly command?: { readonly name: string; readonly input: CommandInput };
  /**
   * True for an ordinary message that speaks to the bot: one that mentions it, or one between a person and the bot alone.
   * Where a channel is set to answers 'only when asked', this and commands are what asks.
   */
  readonly asked?: boolean;
  /** Present where the bot had begun to answer this before, and was ended or could not send the answer: its turn has been counted. */
  readonly earlier?: {
    /** Whether it was ended by this request itself, most likely: then the picture is left alone. */
    readonly brokeDown: boolean;
  };
  /** Has all of this answered later, without what has been said by then; absent where that is not possible. */
  readonly tryAgain?: () => void;
  /** The files of this message, in its order. */
  readonly attachments: readonly Attachment[];
  readonly user: User;
  readonly channel: Channel;
  /** Aborted when the answer is no longer wanted (message deleted) or can no longer be given (the bot stops). */
  readonly signal: AbortSignal;
  /** How this platform plays moving pictures; absent where it shows stills only. */
  readonly moving?: 'gif' | 'webp';
  /**
   * The pictures that people posted last in this channel, newest first, this message's own left out. Each says who posted
   * it, so that the wish of whoever posted it can be respected.
   * @param limit at most so many
   */
  latestImages(limit: number): Promise<readonly Attachment[]>;
  /** Answers; may be called several times. */
  reply(reply: Reply): Promise<Posted>;
  /** Says what is going on until the next reply, where the platform can. Never rejects. */
  progress(text: string): Promise<void>;
}
