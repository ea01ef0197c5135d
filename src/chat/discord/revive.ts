import type { Message, SendableChannels } from 'discord.js';
import type { Job } from '../../work/journal.ts';
import type { Asking } from '../asking.ts';
import type { DiscordContext } from './context.ts';
import { unlessClosed } from './errors.ts';
import { buttonOf } from './outgoing.ts';
import { isForTheBot, picturesAskedFor, toAsking } from './request.ts';

/** Messages that Discord gives at a time. */
const PAGE = 100;
/** Pages after a message that are looked through for answers to it. */
const MAX_PAGES = 10;

/**
 * What a job of an earlier run asks for, without what has been answered: the message is fetched again, and what the bot has said since.
 * @returns undefined where it has been answered, or where the message, its channel or the right to read there is gone
 */
export async function revive(job: Job, context: DiscordContext): Promise<Asking | undefined> {
  const found = await unlessClosed(async () => {
    const channel = await context.client.channels.fetch(job.place);
    if (!channel?.isSendable()) return undefined;
    const message = await channel.messages.fetch({ message: job.message, force: true });
    return { message, said: await saidSince(channel, job.message) };
  });
  if (found === undefined || !isForTheBot(found.message)) return undefined;
  const { message, said } = found;
  const answers = said.map((answer) => answerTo(message, answer)).filter((answer) => answer !== undefined);
  if (answers.includes('all')) return undefined;
  const pictures = picturesAskedFor(message, context);
  const isOpen = (id: string) => !answers.includes(id);
  const isAnswered = pictures.length === 0 ? answers.length > 0 : !pictures.some(({ id }) => isOpen(id));
  if (isAnswered) return undefined;
  return toAsking(message, context, isOpen);
}

/** Which picture one of the bot's messages answers, of those that another message is about; 'all' for an answer to all of it. */
function answerTo(message: Message, answer: Message): string | undefined {
  const button = buttonOf(answer);
  const isReply = answer.reference?.messageId === message.id;
  if (button === undefined) return isReply ? 'all' : undefined;
  // Where the bot may not refer to a message, the button alone tells.
  if (!isReply && button.source !== message.id) return undefined;
  return button.picture ?? 'all';
}

/** What the bot has said in a channel after a message. */
async function saidSince(channel: SendableChannels, id: string): Promise<Message[]> {
  const said: Message[] = [];
  let after = id;
  for (let page = 0; page < MAX_PAGES; page++) {
    const later = [...(await channel.messages.fetch({ after, limit: PAGE, cache: false })).values()];
    said.push(...later.filter(({ author, client }) => author.id === client.user.id));
    if (later.length < PAGE) break;
    after = later.reduce((a, b) => (BigInt(a.id) > BigInt(b.id) ? a : b)).id;
  }
  return said;
}
