import { cp, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/files.ts';
import { EMOTIONS } from '../../src/emotion/labels.ts';
import { REAL_FER2013 } from '../helpers/real-fer2013.ts';
import { openSite } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';
import { startOnDiscord } from './discord-bot.ts';
import { cleanUp } from './running-bot.ts';

afterEach(cleanUp);

const SHIPPED = join(import.meta.dirname, '..', '..', 'model');
/** Reading, one epoch and judging two networks: minutes, and more where other things run. */
const MINUTES = 40;

describe.skipIf(!REAL_FER2013)('the real FER2013 (skipped without LONG_TESTS=1 and ../shared/fer2013)', () => {
  test('an epoch of the network tiny ends with a card that compares it, and the better shipped network stays in use', {
    timeout: (MINUTES + 1) * 60_000,
  }, async () => {
    const folder = await temporaryFolder();
    const modelDirectory = join(folder, 'model');
    await cp(SHIPPED, modelDirectory, { recursive: true, filter: (source) => source !== join(SHIPPED, 'versions') });
    const shippedWas = await modelChecksum(modelDirectory);
    const { retraining, registry } = openSite(
      { stateDirectory: join(folder, 'state'), dataDirectory: REAL_FER2013!, modelDirectory },
      { threads: availableParallelism() },
    );
    const { discord } = await startOnDiscord({ training: { retraining, registry, refresh: async () => {} } });
    discord.command('retrain', {
      permissions: ['ManageGuild'],
      input: { action: 'start', architecture: 'tiny', epochs: 1, clean: true },
    });
    await until(
      async () => (await retraining.status())?.status.state === 'finished',
      'the end of the training',
      MINUTES * 60_000,
    );
    await retraining.idle();

    const { findings } = (await retraining.status())!.status;
    expect(findings).toContain('This is FER2013 as published.');
    expect(findings.at(-1)).toMatch(
      /equal a Training row: 280 of PublicTest, 288 of PrivateTest; \d+ rows of Training left out for that\.$/,
    );
    const card = discord.said().find(({ content }) => content.startsWith('Version 1 (tiny) is trained'))!;
    expect(card.content).toContain('the network in use stays');
    for (const figure of ['PrivateTest accuracy', 'PrivateTest macro recall', 'PublicTest accuracy'])
      expect(card.content).toMatch(new RegExp(`${figure}: [\\d.]+ % \\(before [\\d.]+ %, −[\\d.]+ points\\)`));
    for (const emotion of EMOTIONS)
      expect(card.content).toMatch(new RegExp(`${emotion} [\\d.]+ % \\([+−][\\d.]+ points\\)`));
    expect(card.files.map(({ filename }) => filename)).toEqual(['version-1-curves.png', 'version-1-confusion.png']);
    for (const { bytes } of card.files) {
      const { format, width } = await sharp(bytes!).metadata();
      expect(format).toBe('png');
      expect(width).toBeGreaterThan(400);
    }
    const [version] = await registry.list();
    expect(version!.privateTest.images).toBe(3589);
    // Better than always saying the commonest emotion, which a network that had learnt nothing would come to.
    expect(version!.privateTest.accuracy).toBeGreaterThan(0.25);
    expect(await registry.inUse()).toEqual({ version: 0 });
    expect(await modelChecksum(modelDirectory)).toBe(shippedWas);
  });
});

async function modelChecksum(directory: string): Promise<string> {
  return sha256(await readFile(join(directory, 'model.json')));
}
