import { WAS_RESTARTED } from '../../base/errors.ts';
import { type Job, type LeftJob, wasWhispered } from '../../work/journal.ts';
import type { Inquiry } from '../inquiry.ts';
import type { MessageEvent, SlackMessage, SlackPicture } from './attachment.ts';
import type { SlackContext } from './context.ts';
import { isClosed, slackCode } from './errors.ts';
import { waitingForTurns } from './look-back.ts';
import { messagesAt } from './messages-at.ts';
import { send } from './outgoing.ts';
import { isDirect } from './people.ts';
import { inquiryOf, isForTheBot, placeOf, type Written } from './posted.ts';
import { type RemoveState, removeStateOf } from './remove-button.ts';
import { toInquiry } from './request.ts';
import type { Workspaces } from './workspaces.ts';

/** How old a command may be to be answered still, in milliseconds. */
const COMMAND_MS = 15 * 60_000;

/**
 * Turns a job of an earlier run back into an inquiry, without the pictures that have been answered. It fetches the message again, and what
 * the bot has posted in its thread since.
 * @returns undefined where it has been answered, or where the message or its channel is gone
 */
export async function revive(job: Job | LeftJob, workspaces: Workspaces): Promise<Inquiry | undefined> {
  const context = await workspaces.at(placeOf(job).workspace);
  if (context === undefined) return undefined;
  if (job.kind === 'command') return await reviveCommand(job, context);
  const { message, said } = await lookAgain(job, context);
  if (message === undefined || !isForTheBot(message, context)) return undefined;
  const isAnswered = answersTo(job, said);
  if (isAnswered === 'all') return undefined;
  let hadPictures = false;
  const inquiry = await inquiryOf(message, context, (pictures) => {
    hadPictures = pictures.length > 0;
    // Slack may send the message's event once more.
    for (const { id } of pictures) context.session.claim(`file:${message.channel}:${id}`);
    return isAnswered.unanswered(pictures);
  });
  if (inquiry === undefined) return undefined;
  const isDone = hadPictures ? inquiry.pictures?.length === 0 : said.length > 0;
  return isDone ? undefined : toInquiry(context, inquiry, true);
}

/**
 * Turns a command of an earlier run back into an inquiry. The address that came with it is stored nowhere, so it is answered in public. If
 * the command was about a message, that message's pictures are answered; else the person is told to ask again.
 */
async function reviveCommand(job: Job | LeftJob, context: SlackContext): Promise<Inquiry | undefined> {
  const { about } = job;
  if (Date.now() - job.begun > COMMAND_MS || wasWhispered(job)) return undefined;
  if (about === undefined) {
    try {
      await send(context, { channel: placeOf(job).channel }, { text: WAS_RESTARTED });
    } catch (error) {
      if (!isClosed(error)) throw error;
    }
    return undefined;
  }
  const { message, said } = await lookAgain({ ...job, message: about }, context);
  if (message === undefined) return undefined;
  const answers = answersTo(
    { ...job, message: about },
    said.filter(({ ts = '0' }) => Number.parseFloat(ts) * 1000 > job.begun),
  );
  if (answers === 'all') return undefined;
  const inquiry = await inquiryOf(message as Written, context, answers.unanswered, { picturesAlone: true });
  if (inquiry === undefined || inquiry.pictures?.length === 0) return undefined;
  return toInquiry(context, { ...inquiry, job, asked: true }, true);
}

/** Fetches the message of a job, if it still exists, and the bot's later messages in its thread. */
async function lookAgain(job: Job, context: SlackContext) {
  const { channel, thread } = placeOf(job);
  let message: MessageEvent | undefined;
  const said: SlackMessage[] = [];
  try {
    await waitingForTurns(async () => {
      said.length = 0;
      for await (const one of messagesAt(context, { channel, thread }, { oldest: job.message })) {
        if (one.ts === job.message) message = { ...one, channel };
        else if (one.user === context.me.userId && one.ts !== undefined && one.ts > job.message) said.push(one);
      }
    });
  } catch (error) {
    if (!isClosed(error) && slackCode(error) !== 'channel_not_found') throw error;
  }
  return { message, said };
}

/** Tells which of a message's pictures the bot has not answered; 'all' where it has answered the message as a whole. */
function answersTo(job: Job, said: readonly SlackMessage[]) {
  const { channel, thread } = placeOf(job);
  const states = said.map(removeStateOf);
  const own = states.filter((state): state is RemoveState => state?.source === job.message);
  if (own.some(({ picture }) => picture === undefined)) return 'all';
  // A reply that only the asker sees is an ordinary message without a button where it is sent in a direct message.
  const hasWords = said.some(({ files = [] }, k) => files.length === 0 && states[k] === undefined);
  if (isDirect(channel) && thread === job.message && hasWords) return 'all';
  // If Slack refuses blocks in an upload, the button follows in a message of its own. The bot may have ended before posting it.
  const named = states.flatMap((state) => state?.files ?? []);
  const withoutButton = said.filter(
    ({ files = [] }, k) =>
      states[k] === undefined && files.length > 0 && !files.some(({ id }) => id && named.includes(id)),
  );
  return {
    unanswered: (pictures: readonly SlackPicture[]) =>
      pictures.filter(({ id }) => !own.some(({ picture }) => picture === id)).slice(withoutButton.length),
  };
}
