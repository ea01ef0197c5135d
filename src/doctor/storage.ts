import { rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolders, PRIVATE_FILE, PRIVATE_FOLDER, reasonOf, statIfThere } from '../base/files.ts';
import type { Config, UnknownSetting } from '../config.ts';
import { checkRedis } from '../settings/check-redis.ts';
import { type Check, type Found, fromProblems } from './finding.ts';
import { trainingChecks } from './training-data.ts';

const ENV_EXAMPLE = fileURLToPath(new URL('../../.env.example', import.meta.url));

/** Checks of what the bot reads and stores: settings, its state, the training data. */
export function storageChecks(config: Config, badSettings: readonly string[]): Check[] {
  const { stateDirectory, redisUrl } = config;
  return [
    { part: 'Settings', look: () => settings(config, badSettings), remedy: '' },
    {
      part: 'State folder',
      look: () => stateFolder(stateDirectory),
      remedy: `Let the bot's user make and write it: mkdir -p ${stateDirectory} && chown "$USER" ${stateDirectory}; or name another with STATE_DIR.`,
    },
    {
      part: 'Redis',
      look: () => redis(redisUrl),
      remedy:
        'Start it, or mend REDIS_URL: bot and workers wait until it answers. Without that setting the bot keeps a file instead.',
    },
    ...trainingChecks(config.dataDirectory),
  ];
}

function settings({ unknownSettings }: Config, bad: readonly string[]): Found {
  const problems = [
    ...bad.map((sentence) => ({ what: sentence.replace(/\.$/, ''), remedy: '' })),
    ...unknownSettings.map((unknown) => ({ what: unknownSettingText(unknown), remedy: '' })),
  ];
  if (problems.length === 0) return { state: 'ok', finding: 'all of .env is understood' };
  const finding = problems.map(({ what }) => what).join('; ');
  return { state: bad.length > 0 ? 'broken' : 'partly', finding, remedy: `Mend .env; ${ENV_EXAMPLE} explains each.` };
}

function unknownSettingText({ name, meant }: UnknownSetting): string {
  return `${name} in .env is no setting${meant === undefined ? '' : `: did you mean ${meant}?`}`;
}

/** Creates the folder and writes into it, as the bot will. Leaves nothing behind. */
async function stateFolder(directory: string): Promise<Found> {
  const there = await statIfThere(directory);
  const made = await makeFolders(directory, PRIVATE_FOLDER).catch((error: unknown) => {
    throw new Error(`${directory} cannot be made: ${reasonOf(error)}`);
  });
  const file = join(directory, `.doctor-${process.pid}`);
  try {
    await writeFile(file, '', { flag: 'wx', mode: PRIVATE_FILE });
  } catch (error) {
    throw new Error(`${directory} cannot be written: ${reasonOf(error)}`);
  } finally {
    await rm(file, { force: true });
    // Removes the folders it created, the innermost first, and only if they are empty.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => {});
  }
  if (!there) return { state: 'ok', finding: `${directory}, made when it is first needed` };
  const isOpen = process.platform !== 'win32' && ((await stat(directory)).mode & 0o077) !== 0;
  if (!isOpen) return { state: 'ok', finding: directory };
  return {
    state: 'partly',
    finding: `${directory}; others may look into it`,
    remedy: `npm start shuts what is the bot’s. At once: chmod -R go= ${directory}`,
  };
}

async function redis(url: string | undefined): Promise<Found> {
  if (url === undefined)
    return { state: 'off', finding: 'not used', remedy: 'Only for bots on several machines: set REDIS_URL.' };
  const { version, problems } = await checkRedis(url);
  return fromProblems(`version ${version} answers`, problems);
}
