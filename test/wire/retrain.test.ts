// Before everything else: see slack-bot.ts.
import 'discord.js';
import sharp from 'sharp';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { LiveClassifier } from '../../src/training/live-classifier.ts';
import { makeSite, openSite } from '../helpers/retraining.ts';
import { until } from '../helpers/until.ts';
import { answers, startOnDiscord } from './discord-bot.ts';
import { cleanUp } from './running-bot.ts';
import { startOnSlack } from './slack-bot.ts';

afterEach(cleanUp);

/** A machine on which /retrain can train a small network on a small data set. */
async function machine() {
  const { retraining, registry, log } = openSite(await makeSite());
  const live = await LiveClassifier.open(registry, log, { threads: 1 });
  onTestFinished(() => live.dispose());
  return { live, training: { retraining, registry, refresh: () => live.refresh() } };
}

const SETTINGS = { architecture: 'tiny', epochs: 14, batch: 7, 'learning-rate': 0.05, clean: true } as const;
const AS_TEXT = Object.entries({ ...SETTINGS, clean: 'yes' })
  .map(([name, value]) => `${name}:${value}`)
  .join(' ');

test('/retrain on Discord: refused for others, then from the command to the swapped network', async () => {
  const { live, training } = await machine();
  const { discord } = await startOnDiscord({ training });
  discord.command('retrain', { permissions: ['ManageMessages'], input: { action: 'start' } });
  const [refusal] = await answers(discord, 1);
  expect(refusal!.content).toContain('is for admins');
  expect(await training.retraining.status()).toBeUndefined();

  discord.command('retrain', { permissions: ['ManageGuild'], input: { action: 'start', ...SETTINGS } });
  const card = await until(
    () => discord.said().find(({ content }) => content.includes('is trained and in use')),
    'the result',
    90_000,
  );
  expect(card.content).toMatch(/PrivateTest accuracy: [\d.]+ %/);
  expect(card.files.map(({ filename }) => filename)).toEqual(['version-1-curves.png', 'version-1-confusion.png']);
  for (const { bytes } of card.files) expect((await sharp(bytes!).metadata()).format).toBe('png');
  await live.refresh();
  expect(live.version).toBe(1);

  discord.command('retrain', { permissions: ['ManageGuild'], input: { action: 'rollback' } });
  await until(() => discord.said().some(({ content }) => content === 'Version 0 is in use again.'), 'rollback');
  expect(live.version).toBe(0);
}, 150_000);

test('/retrain on Slack: refused for others, then from the command to the swapped network', async () => {
  const { live, training } = await machine();
  const { slack } = await startOnSlack({ training });
  slack.command('/retrain', 'start', 'U5', 'C1');
  await until(() => slack.responses.some(({ text }) => text.includes('is for admins')), 'refusal');
  expect(await training.retraining.status()).toBeUndefined();
  slack.command('/retrain', `start ${AS_TEXT}`, 'UADMIN', 'C1');
  const names = await until(
    () => {
      const found = [...slack.uploads.values()]
        .map(({ filename }) => filename)
        .filter((name) => name.startsWith('version-1'));
      return found.length >= 2 && found;
    },
    'the result',
    90_000,
  );
  expect([...names].sort()).toEqual(['version-1-confusion.png', 'version-1-curves.png']);
  await live.refresh();
  expect(live.version).toBe(1);
  slack.command('/retrain', 'rollback', 'UADMIN', 'C1');
  await until(() => live.version === 0, 'rollback');
}, 150_000);
