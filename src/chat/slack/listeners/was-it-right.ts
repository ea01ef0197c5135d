import type { App } from '@slack/bolt';
import QuickLRU from 'quick-lru';
import { UserError } from '../../../base/errors.ts';
import type { Opinion } from '../../../settings/opinions.ts';
import { notYours } from '../../rights.ts';
import { allRight, countOpinions, without } from '../../was-it-right.ts';
import type { SlackContext } from '../context.ts';
import {
  type Block,
  CORRECT,
  correctionWindow,
  parseRightState,
  parseWindow,
  SAY_RIGHT,
  SAY_WRONG,
  withLetters,
} from '../was-it-right-buttons.ts';
import { workspaceOf } from '../workspaces.ts';
import { toAsker } from './commands.ts';

/** The content of an answer when somebody began to correct it. */
interface Answer {
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** At least this many open windows are remembered. For older ones the buttons under the answer stay as they are. */
const MOST_WINDOWS = 500;

/** Counts what people think of an answer, from two buttons below it and a window to correct it in. */
export function listenToOpinions(app: App): void {
  const answers = new QuickLRU<string, Answer>({ maxSize: MOST_WINDOWS });
  for (const id of [SAY_RIGHT, SAY_WRONG]) {
    app.action(
      { action_id: id, type: 'block_actions' },
      async ({ ack, body, action, context: boltContext, respond }) => {
        await ack();
        const context = workspaceOf(boltContext);
        if (!context.session.claim(`trigger:${body.trigger_id}`)) return;
        const state = parseRightState('value' in action ? action.value : undefined);
        const channel = body.channel?.id;
        const ts = body.message?.ts;
        if (state === undefined || channel === undefined || ts === undefined) return;
        if (!(await context.people.mayRemove(channel, body.user.id, state)))
          return await toAsker(respond)(notYours('say that'));
        const answer = { text: String(body.message?.text ?? ''), blocks: (body.message?.blocks ?? []) as Block[] };
        try {
          if (id === SAY_RIGHT) {
            await count(context, ts, allRight(state.letters));
            await updateButtons(context, channel, ts, answer, undefined);
          } else {
            const window = correctionWindow({ channel, answer: ts, letters: state.letters });
            await context.api.views.open({ trigger_id: body.trigger_id, view: window });
            answers.set(answerKey(context, channel, ts), answer);
          }
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          await toAsker(respond)(error.message);
        }
      },
    );
  }
  app.view({ callback_id: CORRECT, type: 'view_submission' }, async ({ ack, view, context: boltContext }) => {
    const context = workspaceOf(boltContext);
    const sent = parseWindow(view);
    if (sent === undefined) return await ack();
    const { channel, answer, letters } = sent.state;
    try {
      await count(context, answer, sent.opinions);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const [first] = Object.keys(view.state.values);
      await ack({ response_action: 'errors', errors: { [first ?? '1']: error.message } });
      return;
    }
    await ack();
    const key = answerKey(context, channel, answer);
    const was = answers.get(key);
    answers.delete(key);
    const left = without(
      letters,
      sent.opinions.map(({ number }) => number),
    );
    if (was !== undefined && sent.opinions.length > 0) await updateButtons(context, channel, answer, was, left);
  });
}

function answerKey({ me }: SlackContext, channel: string, ts: string): string {
  return `${me.teamId} ${channel} ${ts}`;
}

async function count({ opinions, me }: SlackContext, answer: string, given: readonly Opinion[]): Promise<number> {
  return await countOpinions(opinions, { platform: 'slack', place: me.teamId, answer }, given);
}

/** Changes the buttons under an answer so that they ask only about the given letters; undefined removes them. */
async function updateButtons(
  { api, log }: SlackContext,
  channel: string,
  ts: string,
  { text, blocks }: Answer,
  letters: string | undefined,
): Promise<void> {
  try {
    await api.chat.update({ channel, ts, text, blocks: withLetters(blocks, letters) });
  } catch (err) {
    log.info({ platform: 'slack', err }, 'the buttons of an answer could not be changed');
  }
}
