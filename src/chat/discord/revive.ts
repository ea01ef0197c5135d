import { type Message, MessageFlags, type SendableChannels } from 'discord.js';
import { WAS_RESTARTED } from '../../base/errors.ts';
import { type Job, type LeftJob, wasWhispered } from '../../work/journal.ts';
import type { Asking } from '../asking.ts';
import { sayWhatIsAllowed } from './channel.ts';
import type { DiscordContext } from './context.ts';
import { unlessClosed } from './errors.ts';
import { pagesAfter } from './messages-after.ts';
import { buttonOf } from './outgoing.ts';
import { isForTheBot, picturesAskedFor, toAsking } from './request.ts';

/** Pages after a message that are looked through for answers to it. */
const MAX_PAGES = 10;
/** Milliseconds for which Discord takes answers to a command. */
const TOKEN_MS = 15 * 60_000;

/**
 * What a job of an earlier run asks for, without what has been answered: the message is fetched again, and what the bot has said since.
 * @returns undefined where it has been answered, or where the message, its channel or the right to read there is gone
 */
export async function revive(job: Job | LeftJob, context: DiscordContext): Promise<Asking | undefined> {
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
  return toAsking(message, context, isOpen);
}

/**
 * A command of an earlier run. Its token is kept nowhere, so it is answered by an ordinary message, in place of 'is thinking…': the pictures
 * of the message that it is about, if it is about one; else whoever asked is told to ask again.
 */
async function reviveCommand(job: Job | LeftJob, context: DiscordContext): Promise<Asking | undefined> {
  // After that, Discord itself says that the bot did not answer.
  if (Date.now() - job.begun > TOKEN_MS) return undefined;
  const channel = await context.client.channels.fetch(job.place);
  if (!channel?.isSendable()) return undefined;
  const said = (await saidSince(channel, job.message)).filter(
    ({ interactionMetadata }) => interactionMetadata?.id === job.message,
  );
  const thinking = said.find(({ flags }) => flags.has(MessageFlags.Loading));
  const answered = said.filter((answer) => answer !== thinking);
  // 'is thinking…' goes before such a word is said. Where it never was, Discord says itself that no answer came.
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
  const asking = toAsking(target, context, isOpen);
  const { files: _, begun: __, ...name } = job;
  return {
    ...asking,
    job: name,
    toRequest: (signal) => {
      // Its pictures were asked about, whatever it says itself.
      const { command: _, ...request } = asking.toRequest(signal);
      return { ...request, asked: true, attachments: picturesAskedFor(target, context).filter(({ id }) => isOpen(id)) };
    },
    end: async () => {
      asking.end?.();
      await unlessClosed(async () => thinking?.delete());
    },
  };
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
  for await (const page of pagesAfter(channel, id, MAX_PAGES))
    said.push(...page.filter(({ author, client }) => author.id === client.user.id));
  return said;
}
