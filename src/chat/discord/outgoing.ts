import { createHash } from 'node:crypto';
import {
  ActionRowBuilder,
  AttachmentBuilder,
  ButtonBuilder,
  ButtonStyle,
  ComponentType,
  type Guild,
  type Message,
  MessageFlags,
} from 'discord.js';
import sharp from 'sharp';
import type { OutgoingPicture, PhotoCard, Reply } from '../../../commands/request.ts';
import { inPieces } from '../pieces.ts';
import { lettersOf } from '../right.ts';
import { DiscordAttachment, outgoingName } from './attachment.ts';
import { isTooLarge } from './errors.ts';
import { rightButtons } from './right-buttons.ts';

const MIB = 2 ** 20;
/** Largest upload where nothing is boosted: https://discord.com/developers/docs/reference#uploading-files. */
const UPLOAD_BYTES = 10 * MIB;
/** Largest upload of servers by boost level (premium tier). */
const UPLOAD_BYTES_BY_TIER: Readonly<Record<number, number>> = { 2: 50 * MIB, 3: 100 * MIB };
/** How often a picture is halved where Discord finds it too large although it keeps to the limit. */
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
export interface Delivery {
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
  delivery: Delivery,
  send: (outgoing: Outgoing, part: number) => Promise<Message>,
): Promise<[Message, ...Message[]]> {
  const texts = layOut(reply);
  const first = await sendFirst(reply, texts[0]!, delivery, (outgoing) => send(outgoing, 0));
  const rest: Message[] = [];
  for (const text of texts.slice(1)) rest.push(await send(plainMessage(text), rest.length + 1));
  return [first, ...rest];
}

async function sendFirst(
  reply: Reply,
  text: string,
  delivery: Delivery,
  send: (outgoing: Outgoing) => Promise<Message>,
): Promise<Message> {
  let pictureBytes = Math.min(mostPictureBytes(reply, delivery), largest(reply.pictures ?? []));
  for (let halvings = 0; ; halvings++, pictureBytes = Math.floor(pictureBytes / 2)) {
    try {
      return await send(await toOutgoing(reply, text, delivery, pictureBytes));
    } catch (error) {
      if (!isTooLarge(error) || halvings === MAX_HALVINGS || !reply.pictures?.length) throw error;
    }
  }
}

/** The bound is one a file, but a request of many files has one of its own. */
function mostPictureBytes(reply: Reply, delivery: Delivery): number {
  return Math.floor(delivery.uploadBytes / Math.max(1, reply.pictures?.length ?? 0));
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
  delivery: Delivery,
  pictureBytes = mostPictureBytes(reply, delivery),
): Promise<Outgoing> {
  const about = reply.about instanceof DiscordAttachment ? reply.about : undefined;
  const pictures = reply.pictures ?? [];
  const fitting = await Promise.all(pictures.map((picture) => fitPicture(picture, pictureBytes)));
  const sent = fitting.filter((picture) => picture !== undefined);
  const people = [delivery.askedBy, ...(about?.source ? [about.source.authorId] : [])];
  return {
    ...plainMessage(sent.length < pictures.length ? withNote(text) : text),
    files: [
      ...sent.map((picture) => toFile(picture, about?.isSpoiler === true)),
      ...(isCrowd(reply) ? [listOf(reply, about?.isSpoiler === true)] : []),
    ],
    components: reply.removable ? [buttonRow(reply, people, about)] : [],
  };
}

/** Remove, and where its poster is asked whether the answer is right, the buttons for that. */
function buttonRow(reply: Reply, people: string[], about?: DiscordAttachment): ActionRowBuilder<ButtonBuilder> {
  const source = about?.source && { source: about.source.messageId, picture: about.id };
  const letters = lettersOf(reply);
  return removeButtonRow({ people, ...source }).addComponents(letters ? rightButtons(people, letters) : []);
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

/**
 * Has Discord post a message once: within minutes of another one of the bot's with the same nonce, it answers with that
 * one. So nothing is said twice by a call that is tried again after a server's error, or by a second process with the same
 * token that was told of the same message.
 */
export function onlyOnce(key: string): { readonly nonce: string; readonly enforceNonce: true } {
  // 25 characters at most.
  return { nonce: createHash('sha256').update(key).digest('hex').slice(0, 24), enforceNonce: true };
}

function toFile(picture: OutgoingPicture, isSpoiler: boolean): AttachmentBuilder {
  return new AttachmentBuilder(Buffer.from(picture.bytes), {
    name: outgoingName(picture.name, isSpoiler),
    description: picture.altText.slice(0, 1024),
  });
}

/** People that the message itself names; of more than that, the list with everybody is a text file, which Discord unfolds below it. */
const MAX_PEOPLE_IN_MESSAGE = 20;

function isCrowd({ card, pictures }: Pick<Reply, 'card' | 'pictures'>): boolean {
  // Where no file goes out, the text goes on in further messages.
  return card !== undefined && card.people.length > MAX_PEOPLE_IN_MESSAGE && (pictures?.length ?? 0) > 0;
}

/** All that a reply says, as a text file named after its picture. */
function listOf({ text, pictures }: Reply, isSpoiler: boolean): AttachmentBuilder {
  const name = `${pictures![0]!.name.replace(/\.[^.]*$/, '')}.txt`;
  return new AttachmentBuilder(Buffer.from(`${text}\n`), { name: outgoingName(name, isSpoiler) });
}

/** Longest text of a message, in UTF-16 units. */
export const MAX_TEXT = 2000;

/**
 * A reply's words in Discord's markup, in as many messages as they need.
 * @returns at least one text, each within MAX_TEXT
 */
export function layOut(reply: Pick<Reply, 'text' | 'card' | 'pictures'>): string[] {
  if (reply.card === undefined) return inPieces(escapeMarkup(reply.text), MAX_TEXT);
  const most = isCrowd(reply) ? MAX_PEOPLE_IN_MESSAGE : reply.card.people.length;
  return inPieces(layOutCard(reply.card, most), MAX_TEXT);
}

/** Bold heading, a numbered list, the notice in small print. @param most people that the list names */
function layOutCard(card: PhotoCard, most: number): string {
  const others = card.people.length - most;
  return [
    `**${escapeMarkup(card.heading)}**`,
    ...card.people.slice(0, most).map((person) => `${person.number}. ${escapeMarkup(person.text)}`),
    ...(others > 0 ? [`And ${others} more: everybody is in the list below.`] : []),
    ...(card.more ? [escapeMarkup(card.more)] : []),
    `-# ${escapeMarkup(card.notice)}`,
  ].join('\n');
}

/** Text that shows as it is written: names of files come from strangers, and must not become mentions, links or headings. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(/[\\*_~`|<>[\]#]/g, '\\$&').replaceAll(/^(\s*)([-+])/gm, '$1\\$2');
}

/** What is tried to make a picture smaller, from the least harm to the most: JPEG quality and a part of each side. */
const ATTEMPTS = [
  { quality: 80, part: 1 },
  { quality: 65, part: 1 },
  { quality: 60, part: 0.75 },
  { quality: 55, part: 0.5 },
  { quality: 50, part: 0.33 },
  { quality: 40, part: 0.2 },
] as const;

/**
 * A picture within a server's limit: as it is where it fits, else recompressed, else shrunk as well.
 * @param maxBytes largest file that the server takes
 * @returns undefined where not even a fifth of its sides fits
 */
export async function fitPicture(picture: OutgoingPicture, maxBytes: number): Promise<OutgoingPicture | undefined> {
  if (picture.bytes.length <= maxBytes) return picture;
  const { width } = await sharp(picture.bytes).metadata();
  for (const { quality, part } of ATTEMPTS) {
    const bytes = await sharp(picture.bytes)
      .flatten({ background: 'white' })
      .resize(Math.max(1, Math.round(width * part)))
      .jpeg({ quality })
      .toBuffer();
    if (bytes.length <= maxBytes) {
      return { ...picture, bytes, mime: 'image/jpeg', name: `${picture.name.replace(/\.[^.]*$/, '')}.jpg` };
    }
  }
  return undefined;
}

/**
 * What a Remove button stands for. All of it is in the button's own id, which Discord keeps with the message: the button
 * works after a restart, and nothing about anyone has to be stored.
 */
export interface RemoveButton {
  /** Who may remove the reply, besides admins: who asked for it, and who posted the picture. */
  readonly people: readonly string[];
  /** The message that holds the picture; absent where the picture came with a command. */
  readonly source?: string;
  /** That picture's own id; absent in answers of an early version too. */
  readonly picture?: string;
}

// At most 91 characters with ids of 20 digits; Discord takes 100.
const ID = /^remove:(\d*(?:,\d+)*):(\d*)(?::(\d+))?$/;

/** The button as a row of components under a message. */
export function removeButtonRow(button: RemoveButton): ActionRowBuilder<ButtonBuilder> {
  const people = [...new Set(button.people)].join(',');
  return new ActionRowBuilder<ButtonBuilder>().addComponents(
    new ButtonBuilder()
      .setCustomId(`remove:${people}:${button.source ?? ''}${button.picture === undefined ? '' : `:${button.picture}`}`)
      .setLabel('Remove')
      .setStyle(ButtonStyle.Secondary),
  );
}

/** What a button's id stands for; undefined where it is no Remove button. */
export function parseRemoveButton(customId: string): RemoveButton | undefined {
  const [, people, source, picture] = ID.exec(customId) ?? [];
  if (people === undefined) return undefined;
  return {
    people: people.split(',').filter((id) => id !== ''),
    ...(source && { source }),
    ...(picture && { picture }),
  };
}

/** The Remove button of one of the bot's answers: what it is about. */
export function buttonOf(message: Message): RemoveButton | undefined {
  for (const row of message.components) {
    if (row.type !== ComponentType.ActionRow) continue;
    for (const { customId } of row.components) {
      const button = customId ? parseRemoveButton(customId) : undefined;
      if (button !== undefined) return button;
    }
  }
  return undefined;
}
