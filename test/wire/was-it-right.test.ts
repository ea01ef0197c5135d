import { afterEach, describe, expect, test } from 'vitest';
import { user } from '../fakes/discord/payloads.ts';
import type { FakeMessage } from '../fakes/discord.ts';
import { plainPicture } from '../fakes/photo.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { cleanUp, stateFolder } from './running-bot.ts';
import { buttons, startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

const labels = (message: FakeMessage) =>
  (message.components as { components: { label?: string; placeholder?: string }[] }[]).flatMap(({ components }) =>
    components.map(({ label, placeholder }) => label ?? placeholder),
  );

describe('‘Was it right?’ on Discord', () => {
  const withAnswer = async (environment = {}) => {
    const started = await startOnDiscord({ environment });
    const { discord } = started;
    const ann = user('ann');
    discord.post({ author: ann, files: [discord.file(await plainPicture(64, 48))] });
    const [answer] = await answers(discord, 1);
    return { ...started, ann, answer: answer! };
  };
  const stats = async (discord: Awaited<ReturnType<typeof withAnswer>>['discord']) => {
    const known = discord.said().map(({ id }) => id);
    discord.command('emotions', { by: user('boss'), input: { stats: true }, permissions: ['ManageGuild'] });
    return await until(() => discord.said().find(({ id, content }) => !known.includes(id) && content), 'the figures');
  };

  test('one click says that all of it is right; then nobody is asked again, and the figures say so', async () => {
    const { discord, ann, answer } = await withAnswer();
    expect(labels(answer)).toEqual(['Remove', 'That’s right', 'Correct it']);
    discord.click(answer, { by: ann }, 'That’s right');
    const left = await until(
      () => [discord.messages.get(answer.id)!].find((one) => labels(one).length === 1),
      'the buttons to go',
    );
    expect(labels(left)).toEqual(['Remove']);
    const figures = await stats(discord);
    // The second person was one that the bot was unsure of.
    expect(figures.content).toContain('Of 1 reading, people here found 1 right (100 %).');
    expect(figures.files.map(({ filename }) => filename)).toEqual(['right-or-not.png']);
    discord.click(left, { by: ann });
    await until(() => !discord.messages.has(answer.id), 'the removal');
  });

  test('each person of it can be corrected', async () => {
    const { discord, ann, answer } = await withAnswer();
    discord.click(answer, { by: ann }, 'Correct it');
    const [, question] = await answers(discord, 2);
    expect(discord.isPrivate(question!)).toBe(true);
    expect(labels(question!)).toEqual(['Who was read wrongly?']);
    discord.choose(question!, '2', { by: ann });
    const now = () => discord.messages.get(question!.id)!;
    await until(() => labels(now())[0] === '2: unsure. What is it?', 'the list of emotions');
    discord.choose(now(), 'neutral', { by: ann });
    // One is left, whose list comes at once.
    await until(() => labels(now())[0] === '1: happy. What is it?', 'the next list');
    expect(now().content).toContain('2: neutral. Thank you.');
    discord.choose(now(), 'surprise', { by: ann });
    await until(() => labels(now()).length === 0, 'the end of the questions');
    await until(() => labels(discord.messages.get(answer.id)!).length === 1, 'the buttons to go');
    const { content } = await stats(discord);
    expect(content).toContain('Of 1 reading, people here found 0 right (0 %).');
    expect(content).toContain('Most often I said happy where they saw surprise (1).');
    expect(content).toContain('Of 1 reading that I was unsure of, they said: neutral 1.');
  });

  test('is for the poster, whoever asked, and admins', async () => {
    const { discord, answer } = await withAnswer();
    for (const label of ['That’s right', 'Correct it']) {
      const count = discord.said().length;
      discord.click(answer, { by: user('eve') }, label);
      const said = await until(() => discord.said().length > count && discord.said(), 'the refusal');
      expect(said.at(-1)!.content).toContain('can say that');
      expect(discord.isPrivate(said.at(-1)!)).toBe(true);
    }
    expect((await stats(discord)).content).toBe('Nobody here has said yet whether I was right.');
  });

  test('can be switched off', async () => {
    const { discord, answer } = await withAnswer({ OPINIONS: 'off' });
    expect(labels(answer)).toEqual(['Remove']);
    expect((await stats(discord)).content).toContain('OPINIONS=off');
  });

  test('is no admin: no figures', async () => {
    const { discord, ann } = await withAnswer();
    discord.command('emotions', { by: ann, input: { stats: true } });
    const [, refusal] = await answers(discord, 2);
    expect(refusal!.content).toContain('Only an admin');
  });
});

describe('‘Was it right?’ on Slack', () => {
  test('a click, or a window in which each person can be corrected; after a restart too', async () => {
    const state = stateFolder();
    const { slack, bot } = await startOnSlack({ state });
    slack.post({ files: [slack.file(await plainPicture(64, 48))] });
    const [answer] = await buttons(slack, 1);
    const ids = () => answer!.blocks!.flatMap(({ elements = [] }) => elements.map(({ action_id: id }) => id));
    expect(ids()).toEqual(['remove_reply', 'answer_right', 'answer_wrong']);
    await bot.stop();
    await startOnSlack({ slack, state });
    slack.press(answer!, 'U9', 'answer_wrong');
    await until(() => slack.responses.length === 1, 'the refusal');
    expect(slack.responses[0]!.text).toContain('can say that');
    slack.press(answer!, 'U5', 'answer_wrong');
    const [view] = await until(() => slack.views.length > 0 && slack.views, 'the window');
    expect((view!.blocks as { label: { text: string } }[]).map(({ label }) => label.text)).toEqual([
      '1: happy',
      '2: unsure',
    ]);
    slack.submit(view!, { 2: 'angry' }, 'U5');
    await until(() => JSON.stringify(answer!.blocks).includes('h.'), 'the buttons to ask about one only');
    slack.press(answer!, 'U5', 'answer_right');
    await until(() => ids().length === 1, 'the buttons to go');
    slack.users.set('UADMIN', { is_admin: true, team_id: 'T1' });
    slack.command('/emotions', 'stats', 'UADMIN');
    await until(() => JSON.stringify([slack.messages, slack.responses]).includes('found 1 right'), 'the figures');
    expect(JSON.stringify([slack.messages, slack.responses])).toContain('they said: angry 1');
  });
});
