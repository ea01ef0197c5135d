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
import { inPieces } from '../split-text.ts';
import { lettersOf } from '../was-it-right.ts';
import { DiscordAttachment, outgoingName } from './attachment.ts';
import { isTooLarge } from './errors.ts';
import { rightButtons } from './was-it-right-buttons.ts';

const MIB = 2 ** 20;
/** Largest upload in bytes, to a server without boosts: https://discord.com/developers/docs/reference#uploading-files. */
const UPLOAD_BYTES = 10 * MIB;
/** Largest upload in bytes, by a server's boost level (premium tier). */
const UPLOAD_BYTES_BY_TIER: Readonly<Record<number, number>> = { 2: 50 * MIB, 3: 100 * MIB };
/** How often the size limit is halved where Discord refuses a picture as too large although it keeps to the limit. */
const MAX_HALVINGS = 3;

/** A message's content, in a form that every way of sending one accepts. */
export interface Outgoing {
  readonly content: string;
  readonly files: AttachmentBuilder[];
  readonly components: ActionRowBuilder<ButtonBuilder>[];
  readonly allowedMentions: { readonly parse: []; readonly repliedUser: false };
  readonly flags: MessageFlags.SuppressEmbeds;
}

/** Facts about where a reply goes that change how it is sent. */
export interface Delivery {
  /** The person who asked, and so may remove the reply. */
  readonly askedBy: string;
  /** Largest file, in bytes. */
  readonly uploadBytes: number;
}

/** Largest file that the bot may upload to a server, or to a direct message where there is none. */
export function uploadBytes(guild: Guild | null): number {
  return UPLOAD_BYTES_BY_TIER[guild?.premiumTier ?? 0] ?? UPLOAD_BYTES;
}

/**
 * Sends a reply as one message, or as several where its text is too long for one. Pictures that turn out too large are made
 * smaller.
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

/** The limit holds for each file, but a request with many files has a limit of its own. So the files share it. */
function mostPictureBytes(reply: Reply, delivery: Delivery): number {
  return Math.floor(delivery.uploadBytes / Math.max(1, reply.pictures?.length ?? 0));
}

function largest(pictures: readonly OutgoingPicture[]): number {
  return Math.max(0, ...pictures.map(({ bytes }) => bytes.length));
}

/**
 * A reply's first message: its text as far as it fits, its pictures and its buttons.
 * @param pictureBytes largest picture, in bytes; by default as large as the channel accepts
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

/** The Remove button, and the buttons of 'Was it right?' where the poster is asked that. */
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
 * Options that make Discord post a message only once. If the bot posted one with the same nonce in the last few minutes,
 * Discord returns that one. So a call that is repeated after a server error posts nothing twice, and neither does a second
 * process with the same token that received the same event.
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

/**
 * How many people the message itself lists. If there are more, the full list is attached as a text file, which Discord shows below the
 * message.
 */
export const MAX_PEOPLE_IN_MESSAGE = 20;

function isCrowd({ card, pictures }: Pick<Reply, 'card' | 'pictures'>): boolean {
  // A reply without pictures sends no files; its text goes on in further messages.
  return card !== undefined && card.people.length > MAX_PEOPLE_IN_MESSAGE && (pictures?.length ?? 0) > 0;
}

/** A reply's whole text as a text file, named after its picture. */
function listOf({ text, pictures }: Reply, isSpoiler: boolean): AttachmentBuilder {
  const name = `${pictures![0]!.name.replace(/\.[^.]*$/, '')}.txt`;
  return new AttachmentBuilder(Buffer.from(`${text}\n`), { name: outgoingName(name, isSpoiler) });
}

/** Longest text of a message, in UTF-16 units. */
export const MAX_TEXT = 2000;

/**
 * A reply's text in Discord's markup, split into as many messages as it needs.
 * @returns at least one text, each within MAX_TEXT
 */
export function layOut(reply: Pick<Reply, 'text' | 'card' | 'pictures'>): string[] {
  if (reply.card === undefined) return inPieces(escapeMarkup(reply.text), MAX_TEXT);
  const most = isCrowd(reply) ? MAX_PEOPLE_IN_MESSAGE : reply.card.people.length;
  return inPieces(layOutCard(reply.card, most), MAX_TEXT);
}

/** Bold heading, a numbered list, the notice in small print. @param most how many people the list names */
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

/** Escapes a text so that it shows as written. File names come from strangers and must not become mentions, links or headings. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(/[\\*_~`|<>[\]#]/g, '\\$&').replaceAll(/^(\s*)([-+])/gm, '$1\\$2');
}

/** Ways to make a picture smaller, tried from the least harm to the most: JPEG quality, and the factor for each side. */
const ATTEMPTS = [
  { quality: 80, part: 1 },
  { quality: 65, part: 1 },
  { quality: 60, part: 0.75 },
  { quality: 55, part: 0.5 },
  { quality: 50, part: 0.33 },
  { quality: 40, part: 0.2 },
] as const;

/**
 * Makes a picture fit a server's limit: unchanged where it fits, else recompressed, else shrunk as well.
 * @param maxBytes largest file that the server accepts
 * @returns undefined where it does not fit even with a fifth of its width and height
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
 * The data of a Remove button. All of it is in the button's custom id, which Discord keeps with the message. So the button
 * works after a restart, and the bot stores nothing about anyone.
 */
export interface RemoveButton {
  /** The people who may remove the reply, besides admins: those who asked for it, and the poster of the picture. */
  readonly people: readonly string[];
  /** The message that holds the picture; absent where the picture came with a command. */
  readonly source?: string;
  /** Id of that picture; also absent in answers of an early version. */
  readonly picture?: string;
}

// At most 91 characters with ids of 20 digits; Discord takes 100.
const ID = /^remove:(\d*(?:,\d+)*):(\d*)(?::(\d+))?$/;

/** The button as a component row under a message. */
export function removeButtonRow(button: RemoveButton): ActionRowBuilder<ButtonBuilder> {
  const people = [...new Set(button.people)].join(',');
  return new ActionRowBuilder<ButtonBuilder>().addComponents(
    new ButtonBuilder()
      .setCustomId(`remove:${people}:${button.source ?? ''}${button.picture === undefined ? '' : `:${button.picture}`}`)
      .setLabel('Remove')
      .setStyle(ButtonStyle.Secondary),
  );
}

/** The data in a button's custom id; undefined where it is no Remove button. */
export function parseRemoveButton(customId: string): RemoveButton | undefined {
  const [, people, source, picture] = ID.exec(customId) ?? [];
  if (people === undefined) return undefined;
  return {
    people: people.split(',').filter((id) => id !== ''),
    ...(source && { source }),
    ...(picture && { picture }),
  };
}

/** The data of the Remove button under a message; undefined where it has none. */
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
