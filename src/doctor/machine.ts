import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { textWidth } from '../base/lettering.ts';
import { isTelemetryOff } from '../base/no-telemetry.ts';
import type { Config } from '../config.ts';
import type { Check, Found } from './finding.ts';

const OLDEST_NODE = [20, 19] as const;
/** The last day of each release line's security fixes: https://github.com/nodejs/release#release-schedule */
const SUPPORT_ENDS: ReadonlyMap<number, string> = new Map([
  [20, '2026-04-30'],
  [22, '2027-04-30'],
  [24, '2028-04-30'],
]);
/** The doctor warns from so many days before that on. */
const SOON_DAYS = 90;
const DAY_MS = 86_400_000;

/** Bytes of disk that settings, journal, and the checkpoints and versions of trainings need at most, with some to spare. */
const LEAST_DISK = 500e6;
/** Bytes of memory that the bot and its processes need while ten large pictures are read at once. */
const LEAST_MEMORY = 700e6;

/** Checks of the machine. */
export function machineChecks(config: Config, now: Date): Check[] {
  return [
    {
      part: 'Node.js',
      look: () => node(process.versions.node, now),
      remedy: 'Install Node.js 24: https://nodejs.org.',
    },
    { part: 'Memory', look: memory, remedy: '' },
    { part: 'Disk', look: () => disk(config.stateDirectory), remedy: '' },
    { part: 'Font', look: font, remedy: 'Restore assets/fonts from the project: git checkout -- assets.' },
    { part: 'Telemetry', look: telemetry, remedy: 'Run npm ci again.' },
  ];
}

/**
 * Checks whether a version of Node.js is new enough and still gets security fixes.
 * @param version as in process.versions.node
 * @throws Error where it is too old
 */
export function node(version: string, now: Date): Found {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  const isRecent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (!isRecent) throw new Error(`version ${version} is too old: the bot needs ${OLDEST_NODE.join('.')} or newer`);
  const end = SUPPORT_ENDS.get(major);
  if (end === undefined) return { state: 'ok', finding: `version ${version}` };
  const left = (Date.parse(end) - now.getTime()) / DAY_MS;
  if (left > SOON_DAYS) return { state: 'ok', finding: `version ${version}, with security fixes until ${end}` };
  return {
    state: 'partly',
    finding: `version ${version}, ${left < 0 ? 'without security fixes since' : 'with security fixes only until'} ${end}`,
    remedy: 'Install Node.js 24 and run npm ci again.',
  };
}

/** Checks the memory. A container may have less than its machine. */
function memory(): Found {
  const limit = process.constrainedMemory();
  // Without a limit the value is 0, or larger than the whole memory.
  const all = limit > 0 && limit < totalmem() ? limit : totalmem();
  const finding = `${gigabytes(all)}${all < totalmem() ? ' for this container' : ''}, ${gigabytes(freemem())} of the machine’s free`;
  if (all >= LEAST_MEMORY) return { state: 'ok', finding };
  return {
    state: 'partly',
    finding: `${finding}: large pictures may be refused`,
    remedy: `Give it ${gigabytes(LEAST_MEMORY)}, or set PHOTO_CONCURRENCY=1 and MAX_PHOTO_MB=8.`,
  };
}

async function disk(folder: string): Promise<Found> {
  const { bavail, bsize } = await nearest(folder);
  const free = bavail * bsize;
  const finding = `${gigabytes(free)} free for ${folder}`;
  if (free >= LEAST_DISK) return { state: 'ok', finding };
  return {
    state: 'partly',
    finding: `${finding}: what people choose may not be kept, and a training cannot write`,
    remedy: `Free ${gigabytes(LEAST_DISK)}, or name a folder on another disk with STATE_DIR.`,
  };
}

/** The file system that a folder is in, or will be in once it is created. */
async function nearest(folder: string): Promise<StatsFs> {
  try {
    return await statfs(folder);
  } catch (error) {
    if (dirname(folder) === folder) throw error;
    return await nearest(dirname(folder));
  }
}

function font(): Found {
  if (!(textWidth('happy 93 %', 16) > 0)) throw new Error('the font draws nothing');
  return { state: 'ok', finding: 'the one that ships; none of the machine is needed' };
}

function telemetry(): Found {
  if (!isTelemetryOff()) throw new Error('onnxruntime would report to its maker');
  return { state: 'ok', finding: 'off: onnxruntime’s own is switched off before it loads' };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
