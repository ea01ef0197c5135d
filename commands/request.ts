/**
 * The types that commands and chat platforms share: requests and replies. A platform turns each of its events into one
 * Request and each Reply into a message. Nothing here depends on a platform.
 */
import type { Emotion } from '../src/emotion/labels.ts';
import type { Figures } from '../src/training/pictures/figures.ts';

/** A file that a person posted. Its bytes are loaded only when they are needed. */
export interface Attachment {
  /** Unique on its platform. */
  readonly id: string;
  /** The file's name as the person's device gave it: untrusted text. */
  readonly name: string;
  /** Size of the file in bytes, where the platform says it. */
  readonly size?: number;
  /** True where the poster hid the file behind a click. The answer is then hidden too. */
  readonly isSpoiler?: boolean;
  /** The `User.id` of the poster, where that may be somebody other than the person who asks. */
  readonly postedBy?: string;
  /** The `User.id` of the first poster, to whom the photo belongs, where somebody else may have shared it again. */
  readonly firstPostedBy?: string;
  /** The `User.id` of the author of the message that it was forwarded from, where the platform says it. */
  readonly forwardedFrom?: string;
  /** True where the platform hides the poster, as it does for a forwarded message. `postedBy` is then the person who forwarded it. */
  readonly posterHidden?: boolean;
  /**
   * The `User.id`s of those who posted and forwarded it before, as far as the platform tells when it is asked; present where the poster is
   * hidden.
   * @throws ChatFailed where the platform cannot be asked
   */
  postersBefore?(): Promise<readonly string[]>;
  /**
   * Whether it is one of the bot's own answers, which somebody posted again; present only where the platform must be asked.
   * @throws ChatFailed where the platform cannot be asked
   */
  isOwnAnswer?(): Promise<boolean>;
  /**
   * Finds out whether the file is a picture; present only where the platform's description leaves that open.
   * Loads no more of the file than the check needs.
   */
  isPicture?(signal: AbortSignal): Promise<boolean>;
  /**
   * Loads the file.
   * @param options.maxBytes the largest size, in bytes: loading stops as soon as more than this has arrived
   * @param options.signal stops loading with the signal's reason
   * @returns the file's bytes
   * @throws UserError 'too-large', or 'not-found' where the file has been deleted since; NotYet where its host is too busy or slow: the
   *   photo should not keep its place in the queue while it waits
   */
  fetch(options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<Uint8Array>;
  /** Stores a smaller copy in place of the file; present where the platform drops the file once it has been fetched. */
  keep?(copy: { readonly bytes: Uint8Array; readonly mime: string }): void;
}

/** The person who asks. Rights are functions, since some platforms must be asked for them and most requests need none. */
export interface User {
  /** Unique on its platform, stable over time. */
  readonly id: string;
  /** The person's name in the chat: untrusted text. It may have to be asked of the platform; the id where the platform gives no name. */
  displayName(): Promise<string>;
  /** True where nobody else uses the bot. There is then no cooldown, since nobody waits behind this person. */
  readonly alone?: boolean;
  /** Whether this person administers the server or workspace that the request came from; false in a direct message. */
  isAdmin(): Promise<boolean>;
  /** Whether this person is an admin of the place that the bot's operator runs it for. */
  isOperator(): Promise<boolean>;
}

/** A message that the bot has sent. */
export interface Posted {
  /** Unique in its channel. */
  readonly id: string;
  /** Replaces the message's content. Resolves to false where somebody has deleted the message. */
  update(reply: Reply): Promise<boolean>;
  /** Deletes the message; does nothing where it is already deleted. */
  remove(): Promise<void>;
}

/** Stands for a message that was not sent: the message it answers is gone, or sending failed. */
export const NO_MESSAGE: Posted = { id: 'gone', update: async () => false, remove: async () => {} };

/** A place where people and the bot talk. */
export interface Channel {
  /** Unique on its platform. */
  readonly id: string;
  /** True where only one person and the bot are in the channel. */
  readonly isDirect: boolean;
  /** Id of the channel whose settings apply here: for a thread or forum post, its parent. The channel's own id where absent. */
  readonly settingsId?: string;
  /** The server or workspace that the channel is in; absent for a channel in neither, such as a direct message. */
  readonly home?: string;
  /** Places, e.g. the workspace, with which this channel's settings are deleted once the bot has left them; none where absent. */
  readonly places?: readonly string[];
  /** Sends an ordinary message that is no reply, for news after the request has been answered. */
  post(reply: Reply): Promise<Posted>;
}

/** The place that opinions are counted for: the channel's server or workspace; for a direct message, the channel itself. */
export function placeOf({ id, home = id }: Pick<Channel, 'id' | 'home'>): string {
  return home;
}

/** A picture in a reply. */
export interface OutgoingPicture {
  readonly bytes: Uint8Array;
  /** Media type, e.g. 'image/jpeg'. */
  readonly mime: string;
  /** File name with its extension. */
  readonly name: string;
  /** What the picture shows, for people who cannot see it. */
  readonly altText: string;
}

/** One person in an answer to a photo. */
export interface PersonLine {
  /** The number beside the box in the picture, from 1. */
  readonly number: number;
  readonly emotion: Emotion | 'unsure';
  /** The person's reading in words, e.g. 'happy 93 %', or in a moving picture 'happy, then surprise'. */
  readonly text: string;
  /**
   * The likeliest emotions: one, or two where the reading is unsure. Empty where the face cannot be read, or shows several
   * emotions one after the other.
   */
  readonly likeliest: readonly {
    readonly emotion: Emotion;
    /** 0..1. */
    readonly probability: number;
    /** The same in words, e.g. '93 %'. */
    readonly percent: string;
  }[];
}

/** The parts of the text that answers a photo, for a platform that can lay them out. */
export interface PhotoCard {
  /** What was found, e.g. '7 people, mostly happy'. */
  readonly heading: string;
  /** Every person found, up to 200. */
  readonly people: readonly PersonLine[];
  /** Says that the list may lack people; absent where it is complete. */
  readonly more?: string;
  /** Says that all of it is a guess. */
  readonly notice: string;
}

/** A reply of the bot. */
export interface Reply {
  /** The whole reply as lines of plain text, for a platform that shows only text. It is not markup: escape it. */
  readonly text: string;
  readonly pictures?: readonly OutgoingPicture[];
  /** The content of `text`, in parts. */
  readonly card?: PhotoCard;
  /** The content of the text and the pictures as data, for a platform that draws its own tables and charts. */
  readonly figures?: Figures;
  /** The posted file that this answers. */
  readonly about?: Attachment;
  /** True where the platform should offer the poster and admins a way to remove this reply. */
  readonly removable?: boolean;
  /** True where the platform, if it can, should ask the poster and admins whether the card is right. */
  readonly asksIfRight?: boolean;
  /** True where only the person who asked should see this reply, if the platform can do that. */
  readonly private?: boolean;
}

/** What a person typed or chose after a command's name: text to parse, or a value for each option. */
export type CommandInput = string | Readonly<Record<string, unknown>>;

/** One message, command or menu entry that the bot should answer. */
export interface Request {
  /** The platform's name, for logs and settings. */
  readonly platform: string;
  /** Unique on its platform. */
  readonly id: string;
  /** The command; absent for an ordinary message, whose attachments are then read. */
  readonly command?: { readonly name: string; readonly input: CommandInput };
  /**
   * True for an ordinary message to the bot: one that mentions it, or one in a direct message.
   * In a channel that is set to answers 'only when asked', the bot answers only such messages and commands.
   */
  readonly asked?: boolean;
  /** Present where the bot began to answer this request before, but was ended or could not send the answer. Its turn is counted already. */
  readonly earlier?: {
    /** Whether this request itself most likely ended the bot: then the picture is not read again. */
    readonly brokeDown: boolean;
  };
  /** Schedules the whole request for a later try, without the answers given by then; absent where that is not possible. */
  readonly tryAgain?: () => void;
  /** The files of this message, in the message's order. */
  readonly attachments: readonly Attachment[];
  readonly user: User;
  readonly channel: Channel;
  /** Aborts when the answer is no longer wanted (the message was deleted) or can no longer be given (the bot stops). */
  readonly signal: AbortSignal;
  /** The format of moving pictures that this platform plays; absent where it shows only still ones. */
  readonly moving?: 'gif' | 'webp';
  /**
   * The latest pictures that people posted in this channel, newest first, without those of this message. Each names its
   * poster, so that the bot can respect an opt-out.
   * @param limit the most pictures to return
   */
  latestImages(limit: number): Promise<readonly Attachment[]>;
  /** Sends a reply; may be called several times. */
  reply(reply: Reply): Promise<Posted>;
  /** Shows what the bot is doing until the next reply, where the platform can. Never rejects. */
  progress(text: string): Promise<void>;
}
