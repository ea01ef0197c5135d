import { type Message, MessageFlags, type SendableChannels } from 'discord.js';
import { WAS_RESTARTED } from '../../base/errors.ts';
import { type Job, type LeftJob, wasWhispered } from '../../work/journal.ts';
import type { Inquiry } from '../inquiry.ts';
import { sayWhatIsAllowed } from './channel.ts';
import type { DiscordContext } from './context.ts';
import { unlessClosed } from './errors.ts';
import { pagesAfter } from './messages-after.ts';
import { buttonOf } from './outgoing.ts';
import { isForTheBot, picturesAskedFor, toInquiry } from './request.ts';

/** How many pages after a message are searched for answers to it. */
const MAX_PAGES = 10;
/** How long Discord accepts answers to a command, in milliseconds. */
const TOKEN_MS = 15 * 60_000;

/**
 * Turns a job of an earlier run back into an inquiry, without the pictures that have been answered. It fetches the message again, and what
 * the bot has posted since.
 * @returns undefined where it has been answered, or where the message, its channel or the right to read there is gone
 */
export async function revive(job: Job | LeftJob, context: DiscordContext): Promise<Inquiry | undefined> {
  if (job.kind === 'command') return await unlessClosed(() => reviveCommand(job, context));
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
  return toInquiry(message, context, isOpen);
}

/**
 * Turns a command of an earlier run back into an inquiry. Its token is stored nowhere, so it is answered by an ordinary message, and 'is
 * thinking…' is removed. If the command was about a message, that message's pictures are answered; else the person is told to ask again.
 */
async function reviveCommand(job: Job | LeftJob, context: DiscordContext): Promise<Inquiry | undefined> {
  // After that, Discord itself shows that the bot did not answer.
  if (Date.now() - job.begun > TOKEN_MS) return undefined;
  const channel = await context.client.channels.fetch(job.place);
  if (!channel?.isSendable()) return undefined;
  const said = (await saidSince(channel, job.message)).filter(
    ({ interactionMetadata }) => interactionMetadata?.id === job.message,
  );
  const thinking = said.find(({ flags }) => flags.has(MessageFlags.Loading));
  const answered = said.filter((answer) => answer !== thinking);
  // 'is thinking…' is removed before a private reply. If it never showed, Discord itself says that no answer came.
  if (wasWhispered(job) && thinking === undefined) return undefined;
  if (job.about === undefined) {
    if (answered.length > 0) return undefined;
    const askedBy = thinking?.interactionMetadata?.user.id ?? '';
    await sayWhatIsAllowed(channel, { text: WAS_RESTARTED }, { askedBy, key: job.message });
    await thinking?.delete();
    return undefined;
  }
  const target = await unlessClosed(() => channel.messages.fetch({ message: job.about!, force: true }));
  const isOpen = (id: string) => !answered.some((answer) => buttonOf(answer)?.picture === id);
  if (target === undefined || !picturesAskedFor(target, context).some(({ id }) => isOpen(id))) {
    await thinking?.delete();
    return undefined;
  }
  const inquiry = toInquiry(target, context, isOpen);
  const { files: _, begun: __, ...name } = job;
  return {
    ...inquiry,
    job: name,
    toRequest: (signal) => {
      // The command asked about the pictures, so the text of the message does not matter.
      const { command: _, ...request } = inquiry.toRequest(signal);
      return { ...request, asked: true, attachments: picturesAskedFor(target, context).filter(({ id }) => isOpen(id)) };
    },
    end: async () => {
      inquiry.end?.();
      await unlessClosed(async () => thinking?.delete());
    },
  };
}

/** Id of the picture of `message` that one of the bot's messages answers; 'all' for the whole message, undefined where it answers none. */
function answerTo(message: Message, answer: Message): string | undefined {
  const button = buttonOf(answer);
  const isReply = answer.reference?.messageId === message.id;
  if (button === undefined) return isReply ? 'all' : undefined;
  // Where the bot may not reply to a message, only the button tells what it answers.
  if (!isReply && button.source !== message.id) return undefined;
  return button.picture ?? 'all';
}

/** The bot's messages in a channel after a given message. */
async function saidSince(channel: SendableChannels, id: string): Promise<Message[]> {
  const said: Message[] = [];
  for await (const page of pagesAfter(channel, id, MAX_PAGES))
    said.push(...page.filter(({ author, client }) => author.id === client.user.id));
  return said;
}
