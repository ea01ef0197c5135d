import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Dispatcher } from '../../commands/dispatcher.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import { retrainCommand } from '../../commands/retrain.ts';
import { createLogger } from '../../src/base/log.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { trainingPlan } from '../../src/training/run/plan.ts';
import type { InstalledNetwork } from '../../src/versions/installed-network.ts';
import { LiveClassifier } from '../../src/versions/live-classifier.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { fakeRequest } from '../fakes/request.ts';
import { makeSite, noticeBoard, openSite } from '../helpers/retraining.ts';
import { drawTinyFace } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

async function setUp() {
  const opened = openSite(await makeSite());
  const live = await LiveClassifier.open(opened.registry, opened.log, { threads: 1 });
  onTestFinished(() => live.dispose());
  const { retraining, registry, log } = opened;
  const commands = new CommandRegistry([retrainCommand({ retraining, registry, refresh: () => live.refresh() })]);
  const dispatcher = new Dispatcher(commands, log);
  const type = async (input: string, operator = true) => {
    const { request, replies } = fakeRequest({ command: { name: 'retrain', input }, operator });
    await dispatcher.dispatch(request);
    return replies.map(({ text }) => text).join('\n');
  };
  return { ...opened, live, type };
}

test('from the command to the swapped network: progress, card with pictures, versions, rollback', {
  timeout: 120_000,
}, async () => {
  const { retraining, live, type } = await setUp();
  const board = noticeBoard();
  expect(await type('start')).toBe('I am still getting ready. Try again in a moment.');
  await retraining.begin(async () => board);
  expect(await type('status')).toContain('no training yet');
  expect(await type('start architecture:tiny epochs:14 batch:7 learning-rate:0.05 clean:yes')).toContain(
    'The training begins',
  );
  expect(await type('start')).toMatch(/under way already/);
  await until(async () => (await retraining.status())!.status.phase === 'training', 'the training');
  expect(await type('start')).toMatch(/under way already \(started by Ada/);
  await retraining.idle();
  const card = board.notices.at(-1)!;
  expect(card.text).toContain('Version 1 (tiny) is trained and in use');
  expect(card.text).toMatch(/PrivateTest accuracy: [\d.]+ % \(before [\d.]+ %, \+[\d.]+ points\)/);
  expect(card.text).toMatch(/macro recall: .*\n.*\nRecognised on PrivateTest: angry/);
  expect(card.pictures!.map(({ name }) => name)).toEqual(['version-1-curves.png', 'version-1-confusion.png']);
  for (const { bytes } of card.pictures!) expect(Buffer.from(bytes).subarray(1, 4).toString()).toBe('PNG');
  const [curves, confusion] = card.pictures!.map(({ altText }) => altText);
  expect(curves).toMatch(/^Learning curves of version 1: .* over 14 epochs, the best on validation being epoch \d+$/);
  expect(confusion).toMatch(/^Confusion matrix of version 1 .*: angry [\d.]+ %, disgust [\d.]+ %, .*neutral [\d.]+ %$/);
  // What has been the progress says that it is over.
  const [progress] = board.notices;
  expect(progress!.text).not.toMatch(/ left$/m);
  expect(progress!.text).toMatch(/^14 epochs in \d+ s$/m);
  expect(progress!.figures!.curves).toHaveLength(14);
  expect(card.figures!.table!.head).toEqual(['', 'Version 1', 'Version 0', 'Change in points']);
  expect(card.figures!.table!.rows[0]).toEqual([
    'PrivateTest accuracy',
    expect.stringMatching(/ %$/),
    expect.stringMatching(/ %$/),
    expect.stringMatching(/^\+[\d.]+ better$/),
  ]);
  expect(card.figures!.curves).toHaveLength(14);
  expect(card.figures!.matrices).toMatchObject([{ name: 'Version 1 on PrivateTest' }]);
  expect(card.figures!.lead).not.toContain('PrivateTest accuracy');
  expect(progress!.text).toMatch(/Training tiny, started by Ada.*Finished: version 1, put in use\.$/s);
  await live.refresh();
  expect(live.installed.version).toBe(1);
  expect(await live.classify(EMOTIONS.map((_, label) => drawTinyFace(label, label)))).toHaveLength(7);
  expect(await type('versions')).toMatch(/Version 0: .*in use before\nVersion 1: tiny, .*in use$/);
  expect(await type('status')).toContain('Finished: version 1, put in use');
  expect(await type('rollback')).toBe('Version 0 is in use again.');
  expect(live.installed.version).toBe(0);
  expect(await type('promote')).toContain('Say which version');
  expect(await type('promote 4')).toContain('There is no version 4');
  expect(await type('promote 1')).toContain('Version 1 is in use');
  expect(live.installed.version).toBe(1);
});

test.each(['start', 'status', 'cancel', 'resume', 'versions', 'promote 1', 'rollback', ''])(
  'someone who is not an operator may not: %s',
  async (input) => {
    const start = vi.fn();
    const command = retrainCommand({ retraining: { start } as never, registry: {} as never, refresh: start });
    const { request, replies } = fakeRequest({ command: { name: 'retrain', input }, admin: true });
    await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
    expect(replies.map(({ text }) => text)).toEqual([
      expect.stringContaining('for admins of the place that runs this bot'),
    ]);
    expect(start).not.toHaveBeenCalled();
  },
);

test.each([
  ['start', 8],
  ['start patience:3', 3],
  ['start patience:0', 0],
])('%s: the training may go on for %i epochs without a better one, 0 for ever', async (input, patience) => {
  const start = vi.fn(async () => {});
  const command = retrainCommand({ retraining: { start } as never, registry: {} as never, refresh: start });
  const { request } = fakeRequest({ command: { name: 'retrain', input }, operator: true });
  await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
  expect(start).toHaveBeenCalledWith(expect.objectContaining({ plan: expect.objectContaining({ patience }) }));
});

test.each([
  ['start', 0],
  ['start margin:2.5', 0.025],
])('%s: the new network must be better by that share of PublicTest: %d', async (input, margin) => {
  const start = vi.fn(async () => {});
  await said(input, { retraining: { start } });
  expect(start).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ margin }));
});

const ENOSPC = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

/** What is said to an operator who types something, where the training and the versions answer as told. */
async function said(
  input: string,
  services: { readonly retraining?: object; readonly registry?: object; readonly reading?: InstalledNetwork } = {},
) {
  const { retraining = {}, registry = {}, reading } = services;
  const refresh = async () => {};
  const command = retrainCommand({
    retraining: retraining as never,
    registry: registry as never,
    refresh,
    ...(reading !== undefined && { reading: async () => reading }),
  });
  const { request, replies } = fakeRequest({ command: { name: 'retrain', input }, operator: true });
  await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
  return replies.map(({ text }) => text).join('\n');
}

test.each([
  ['resume epochs:40', '‘epochs’ is a setting of a new training: /retrain start epochs:… begins one.'],
  ['architecture:tiny', '‘architecture’ is a setting of a new training'],
  ['cancel clean', '‘clean’ is a setting of a new training'],
  ['start version:3', '/retrain start takes no version. /retrain promote 3 puts one in use.'],
  ['rollback 2', '/retrain rollback takes no version. /retrain promote 2 puts one in use.'],
])('%s: nothing is done that was not asked for', async (input, answer) => {
  expect(await said(input)).toContain(answer);
});

test.each(['promote 1', 'rollback'])('%s on a full disk is refused with a sentence', async (input) => {
  const full = async () => {
    throw ENOSPC;
  };
  expect(await said(input, { registry: { promote: full, rollback: full } })).toBe(
    'The disk is full. Free some space and try again; the network in use stays.',
  );
});

test('versions lists both networks that ship, with the figures that their files have', async () => {
  const model = join(import.meta.dirname, '..', '..', 'model');
  const text = await said('versions', { registry: new VersionRegistry(model) });
  const figures = /PublicTest \d\d\.\d %, PrivateTest \d\d\.\d %/.source;
  expect(text).toMatch(
    new RegExp(`^Version 0: shipped with the bot, [\\w-]+, by votes ${figures}, by labels ${figures}`),
  );
  expect(text).toMatch(new RegExp(`\nVersion fer2013: shipped with the bot, [\\w-]+, by labels ${figures}`));
});

test('versions as figures: a row for each version and measure, matrices of those that have a report', async () => {
  const model = join(import.meta.dirname, '..', '..', 'model');
  const registry = new VersionRegistry(model);
  const command = retrainCommand({ retraining: {} as never, registry, refresh: async () => {} });
  const { request, replies } = fakeRequest({ command: { name: 'retrain', input: 'versions' }, operator: true });
  await new Dispatcher(new CommandRegistry([command]), createLogger({ level: 'silent' })).dispatch(request);
  const { table, matrices } = replies[0]!.figures!;
  expect(table!.head).toEqual(['Version', 'Network', 'Measured by', 'PublicTest', 'PrivateTest', '']);
  expect(table!.rows.map(([version, , by, , , state]) => [version, by, state])).toEqual([
    ['0', 'votes', 'shipped, in use'],
    ['0', 'labels', 'shipped, in use'],
    ['fer2013', 'votes', 'shipped'],
    ['fer2013', 'labels', 'shipped'],
  ]);
  for (const row of table!.rows) expect(row[4]).toMatch(/^\d\d\.\d %$/);
  expect(matrices!.map(({ name }) => name)).toEqual([
    'Version 0 on PrivateTest, by votes',
    'Version fer2013 on PrivateTest, by labels',
  ]);
  for (const { rows } of matrices!) expect(rows.map((row) => row.length)).toEqual([7, 7, 7, 7, 7, 7, 7]);
});

test('versions and status say first where the version in use cannot be loaded, and what reads in its place', async () => {
  const registry = { inUse: async () => ({ version: 4, before: 3 }), shipped: async () => [], list: async () => [] };
  expect(await said('versions', { registry, reading: { version: 3, refused: 4 } })).toBe(
    'Version 4 cannot be loaded, so I read photos with version 3. /retrain promote 3 keeps that one in use, or train another with /retrain start.',
  );
  expect(await said('versions', { registry, reading: { version: 4 } })).toBe('');
  const retraining = { statusNotice: async () => ({ text: 'Training vgg9' }) };
  expect(await said('status', { retraining, registry, reading: { version: 3, refused: 4 } })).toMatch(
    /^Version 4 cannot .*\nTraining vgg9$/,
  );
  expect(await said('status', { retraining, registry, reading: { version: 4 } })).toBe('Training vgg9');
  const none = { statusNotice: async () => undefined };
  expect(await said('status', { retraining: none, registry, reading: { version: 4 } })).toMatch(
    /^There has been no training yet/,
  );
});

test.each([
  ['promote fer2013', 'fer2013'],
  ['promote 12', 12],
])('%s', async (input, version) => {
  const promote = vi.fn(async () => {});
  expect(await said(input, { registry: { promote } })).toBe(
    `Version ${version} is in use. /retrain rollback takes that back.`,
  );
  expect(promote).toHaveBeenCalledWith(version);
});

test('promote refuses what can be no version with a sentence', async () => {
  expect(await said('promote ../x')).toBe('There is no version ../x: /retrain versions lists them.');
});

test('resume continues a training, which reports to where that was asked for', async () => {
  const resume = vi.fn(async () => {});
  expect(await said('resume', { retraining: { resume } })).toContain('continues from its last checkpoint');
  expect(resume).toHaveBeenCalledWith({ platform: 'test', channel: 'c1' });
});

test('the menu names the defaults of the recipe', () => {
  const described = Object.fromEntries(retrainCommand().options.map(({ name, description }) => [name, description]));
  const { epochs, learningRate, batchSize, seed } = trainingPlan();
  expect(described).toMatchObject({
    epochs: `Passes over the training pictures (${epochs})`,
    'learning-rate': `The highest learning rate (${learningRate})`,
    batch: `Pictures a step (${batchSize})`,
    seed: `What all chance derives from (${seed})`,
  });
});
