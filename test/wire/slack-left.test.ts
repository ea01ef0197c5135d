import { afterEach, describe, expect, test } from 'vitest';
import { plainPicture } from '../fakes/photo.ts';
import type { FakeSlack } from '../fakes/slack.ts';
import { until } from '../helpers/until.ts';
import { isWritten, leave, left, stuckReader, whisper } from './left.ts';
import { aWhile, cleanUp, stateFolder } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

const BOT = 'slack T1 UBOT';

/** A bot that is stopped in the middle of the requests that `ask` makes, once it has received all of them; with what the next bot needs. */
async function stoppedInTheMiddle<Result>(ask: (slack: FakeSlack) => Promise<Result>, at = 0) {
  const stuck = stuckReader(at);
  const state = stateFolder();
  const first = await startOnSlack({ state, readPhoto: stuck.readPhoto, environment: { SHUTDOWN_SECONDS: '1' } });
  const asked = await ask(first.slack);
  await until(() => stuck.begun >= Math.max(1, at), 'the photo being read');
  const photos = first.slack.messages.filter(({ files = [], user }) => files.length > 0 && user !== 'UBOT');
  await until(() => photos.every(({ ts }) => isWritten(state, ts)), 'every message being written down');
  await first.bot.stop();
  return { asked, next: { slack: first.slack, state } };
}

describe('what a run of the bot leaves', () => {
  test('is answered by the next one in its thread, once, a message deep in a thread too', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (slack) => {
      const parent = slack.post({ text: 'look' });
      const files = [slack.file(await plainPicture(64, 48))];
      return [
        slack.post({ files }),
        slack.post({ files: [slack.file(await plainPicture(64, 48))], thread_ts: parent.ts }),
      ];
    });
    expect(next.slack.said()).toEqual([]);
    const { bot } = await startOnSlack(next);
    await buttons(next.slack, 2);
    await bot.stop();
    expect(
      next.slack
        .said()
        .map(({ thread_ts }) => thread_ts)
        .sort(),
    ).toEqual(asked.map(({ ts, thread_ts = ts }) => thread_ts).sort());
    expect(await left(next.state, BOT)).toBe(0);
  });

  test.each([false, true])(
    'is finished: only pictures without an answer are read (uploads without blocks: %s)',
    async (refusesBlocks) => {
      const { next } = await stoppedInTheMiddle(async (slack) => {
        slack.refusesBlocks = refusesBlocks;
        const files = await Promise.all(
          ['a', 'b'].map(async (name) => slack.file(await plainPicture(64, 48), `${name}.png`)),
        );
        slack.post({ files });
      }, 2);
      const { slack } = next;
      expect(slack.answers()).toHaveLength(1);
      // As if the bot had been killed between the upload and its button.
      if (refusesBlocks)
        slack.messages.splice(
          slack.messages.findIndex(({ blocks = [] }) => blocks.length > 0),
          1,
        );
      await startOnSlack(next);
      await until(() => slack.answers().length === 2, 'the second answer');
      await aWhile();
      expect([...slack.uploads.values()].map(({ filename }) => filename)).toEqual(['a-emotions.jpg', 'b-emotions.jpg']);
    },
  );

  test('is forgotten where the message is gone, or the bot is not in the channel any more', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (slack) => {
      slack.joined.add('C2');
      const picture = async () => [slack.file(await plainPicture(64, 48))];
      const gone = slack.post({ files: await picture() });
      slack.post({ files: await picture(), channel: 'C2' });
      return { gone, stays: slack.post({ files: await picture() }) };
    });
    const { slack } = next;
    slack.messages.splice(slack.messages.indexOf(asked.gone), 1);
    slack.joined.delete('C2');
    const { bot, log } = await startOnSlack(next);
    await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(JSON.parse(log.find((line) => line.includes('earlier runs'))!)).toMatchObject({
      left: 3,
      answered: 1,
    });
    await bot.stop();
    expect(slack.said().map(({ thread_ts }) => thread_ts)).toEqual([asked.stays.ts]);
    expect(await left(next.state, BOT)).toBe(0);
  });

  test('is answered once where Slack delivers it again, and not at all where it has been answered', async () => {
    const { asked, next } = await stoppedInTheMiddle(async (slack) =>
      slack.post({ files: [slack.file(await plainPicture(64, 48))] }),
    );
    const { slack } = next;
    await startOnSlack(next);
    slack.event({ type: 'message', ...asked });
    await buttons(slack, 1);
    const second = await startOnSlack(next);
    slack.event({ type: 'message', ...asked }, 'Ev-late');
    await until(
      () =>
        second.log.some((line) => line.includes('"answered"')) || slack.callsTo('conversations.replies').length >= 2,
    );
    await aWhile();
    expect(slack.said()).toHaveLength(1);
    await leave(next.state, { bot: BOT, place: asked.channel, message: asked.ts, kind: 'posted' });
    const third = await startOnSlack(next);
    await until(() => third.log.some((line) => line.includes('earlier runs')), 'the end of what was left');
    expect(slack.said()).toHaveLength(1);
  });
});

test('a command that it leaves is answered in the open: the message that it is about, else whoever asked asks again', async () => {
  const { asked, next } = await stoppedInTheMiddle(async (slack) => {
    // Posted before the bot came.
    const files = [slack.file(await plainPicture(64, 48))];
    const post = {
      channel: slack.channel,
      ts: `${Math.floor(Date.now() / 1000) - 60}.000001`,
      user: 'U5',
      text: '',
      files,
    };
    slack.messages.push(post);
    slack.command('/emotions');
    slack.shortcut('read_emotions', post);
    // Both are told that their photo is looked at.
    await until(() => slack.responses.length === 2, 'both commands');
    return post;
  });
  const { slack } = next;
  await startOnSlack(next);
  await until(() => slack.said().length === 2, 'both answers');
  expect(slack.said().map(({ text }) => text)).toContain(
    'I was restarted before I could answer /emotions. Ask me again.',
  );
  expect(slack.answers().map(({ thread_ts }) => thread_ts)).toEqual([asked.ts]);
});

test('a command whose answer only its asker could see gets no message about a restart', async () => {
  const state = stateFolder();
  const job = { bot: BOT, place: 'T1/C1', message: 'command-1', kind: 'command' } as const;
  await leave(state, job);
  await whisper(state, job);
  await leave(state, { ...job, message: 'command-2' });
  const { slack, log } = await startOnSlack({ state });
  await until(() => log.some((line) => line.includes('earlier runs')), 'the end of what was left');
  expect(slack.said().map(({ text }) => text)).toEqual([
    'I was restarted before I could answer /emotions. Ask me again.',
  ]);
});

test('a message is written down before Slack hears that it has arrived', async () => {
  const state = stateFolder();
  const { slack } = await startOnSlack({ state });
  // Who wrote it is asked for after that.
  slack.delay('users.info', 500);
  const before = slack.acks.length;
  const { ts } = slack.post({ files: [slack.file(await plainPicture(64, 48))] });
  await until(() => slack.acks.length > before, 'the acknowledgement');
  expect(isWritten(state, ts)).toBe(true);
  expect(slack.said()).toEqual([]);
  await buttons(slack, 1);
});
