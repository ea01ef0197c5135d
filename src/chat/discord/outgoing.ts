import {
  type ActionRowBuilder,
  AttachmentBuilder,
  type ButtonBuilder,
  type Guild,
  type Message,
  MessageFlags,
} from 'discord.js';
import type { OutgoingPicture, Reply } from '../../../commands/request.ts';
import { DiscordAttachment, outgoingName } from './attachment.ts';
import { isTooLarge } from './errors.ts';
import { fitPicture } from './fit-picture.ts';
import { removeButtonRow } from './remove-button.ts';
import { layOut, MAX_TEXT } from './text.ts';

const MIB = 2 ** 20;
/** Largest upload where nothing is boosted: https://discord.com/developers/docs/reference#uploading-files. */
const UPLOAD_BYTES = 10 * MIB;
/** Largest upload of servers by boost level (premium tier). */
const UPLOAD_BYTES_BY_TIER: Readonly<Record<number, number>> = { 2: 50 * MIB, 3: 100 * MIB };
/** How often a picture is halved that Discord finds too large although it keeps to the limit. */
const MAX_HALVINGS = 3;

/** A message's content, as every way of sending one takes it. */
export interface Outgoing {
  readonly content: string;
  readonly files: AttachmentBuilder[];
  readonly components: ActionRowBuilder<ButtonBuilder>[];
  readonly allowedMentions: { readonly parse: []; readonly repliedUser: false };
  readonly flags: MessageFlags.SuppressEmbeds;
}

/** What sending a reply depends on besides the reply. */
export interface Terms {
  /** Who asked, and so may remove the reply. */
  readonly askedBy: string;
  /** Largest file, in bytes. */
  readonly uploadBytes: number;
}

/** Largest file that the bot may upload to a server, or to a direct message where there is none. */
export function uploadBytes(guild: Guild | null): number {
  return UPLOAD_BYTES_BY_TIER[guild?.premiumTier ?? 0] ?? UPLOAD_BYTES;
}

/**
 * Sends a reply as one message, or as several where its text is longer than Discord takes; pictures that turn out too
 * large are made smaller.
 * @param send sends one message; `part` counts from 0
 * @returns what was sent, in order
 */
export async function deliver(
  reply: Reply,
  terms: Terms,
  send: (outgoing: Outgoing, part: number) => Promise<Message>,
): Promise<[Message, ...Message[]]> {
  const texts = layOut(reply);
  const first = await sendFirst(reply, texts[0]!, terms, (outgoing) => send(outgoing, 0));
  const rest: Message[] = [];
  for (const text of texts.slice(1)) rest.push(await send(plainMessage(text), rest.length + 1));
  return [first, ...rest];
}

async function sendFirst(
  reply: Reply,
  text: string,
  terms: Terms,
  send: (outgoing: Outgoing) => Promise<Message>,
): Promise<Message> {
  let pictureBytes = Math.min(mostPictureBytes(reply, terms), largest(reply.pictures ?? []));
  for (let halvings = 0; ; halvings++, pictureBytes = Math.floor(pictureBytes / 2)) {
    try {
      return await send(await toOutgoing(reply, text, terms, pictureBytes));
    } catch (error) {
      if (!isTooLarge(error) || halvings === MAX_HALVINGS || !reply.pictures?.length) throw error;
    }
  }
}

/** The bound is one a file, but a request of many files has one of its own. */
function mostPictureBytes(reply: Reply, terms: Terms): number {
  return Math.floor(terms.uploadBytes / Math.max(1, reply.pictures?.length ?? 0));
}

function largest(pictures: readonly OutgoingPicture[]): number {
  return Math.max(0, ...pictures.map(({ bytes }) => bytes.length));
}

/**
 * A reply's first message: its text so far as it fits, its pictures and its button.
 * @param pictureBytes largest picture, in bytes; what the place takes unless told
 */
export async function toOutgoing(
  reply: Reply,
  text: string,
  terms: Terms,
  pictureBytes = mostPictureBytes(reply, terms),
): Promise<Outgoing> {
  const about = reply.about instanceof DiscordAttachment ? reply.about : undefined;
  const pictures = reply.pictures ?? [];
  const fitting = await Promise.all(pictures.map((picture) => fitPicture(picture, pictureBytes)));
  const sent = fitting.filter((picture) => picture !== undefined);
  const people = [terms.askedBy, ...(about?.source ? [about.source.authorId] : [])];
  return {
    ...plainMessage(sent.length < pictures.length ? withNote(text) : text),
    files: sent.map((picture) => toFile(picture, about?.isSpoiler === true)),
    components: reply.removable
      ? [removeButtonRow({ people, ...(about?.source && { source: about.source.messageId }) })]
      : [],
  };
}

/** Says that a picture is missing, where there is room for that. */
function withNote(text: string): string {
  const note = 'The picture is larger than this place takes.';
  return text.length + 1 + note.length <= MAX_TEXT ? `${text}\n${note}` : text;
}

/** A message of nothing but text, which pings nobody and shows no previews of addresses. */
export function plainMessage(content: string): Outgoing {
  return {
    content,
    files: [],
    components: [],
    allowedMentions: { parse: [], repliedUser: false },
    flags: MessageFlags.SuppressEmbeds,
  };
}

function toFile(picture: OutgoingPicture, isSpoiler: boolean): AttachmentBuilder {
  return new AttachmentBuilder(Buffer.from(picture.bytes), {
    name: outgoingName(picture.name, isSpoiler),
    description: picture.altText.slice(0, 1024),
  });
}
