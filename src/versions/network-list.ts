import { z } from 'zod';
import type { VersionId } from './shipped.ts';
import { type InUse, inUseSchema } from './version-folder.ts';

/** How many trainings are remembered whose versions were removed. */
const MAX_REMOVED = 200;

const listSchema = z.object({
  /** Grows with each change. */
  revision: z.int(),
  inUse: inUseSchema,
  /** The trained versions: their numbers, and the trainings that made them. */
  versions: z.array(z.object({ version: z.int().min(1), job: z.string() })),
  /** Trainings whose versions were removed, the latest last. */
  removed: z.array(z.string()),
});

/** The list of the networks that machines share. The files are stored apart from it. */
export type NetworkList = Readonly<z.infer<typeof listSchema>>;

/** The networks that this machine has. */
export interface OwnNetworks extends Pick<NetworkList, 'inUse' | 'versions'> {
  /** The numbers of all folders, including versions that cannot be read. */
  readonly numbers: readonly number[];
}

const knownSchema = z.object({ list: listSchema, isWhole: z.boolean() });

/** The shared list as this machine last applied it. `isWhole` is false where the process ended in between: what it has is then unknown. */
export type KnownList = Readonly<z.infer<typeof knownSchema>>;

/** @returns undefined for none, or one of another release */
export function parseList(text: string | undefined): NetworkList | undefined {
  return parsed(text, listSchema);
}

/** @returns undefined for none, or one of another release */
export function parseKnown(text: string | undefined): KnownList | undefined {
  return parsed(text, knownSchema);
}

function parsed<T>(text: string | undefined, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** What a machine has to do to be synchronised with the others. */
export interface Merged {
  /** The new list for all machines. */
  readonly list: NetworkList;
  /** Whether it differs from the shared list. */
  readonly isChanged: boolean;
  /** Versions of this machine that need another number, since another training's version has theirs. */
  readonly renumbered: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Merges this machine's networks with the shared list. A version counts as removed only where this machine is known to have had it, or
 * where the shared list says so; a version that is merely missing is not.
 * @param last the list as this machine last applied it; absent where it never has
 * @param shared the list that all machines share; absent where there is none
 */
export function mergeLists(own: OwnNetworks, last: KnownList | undefined, shared: NetworkList | undefined): Merged {
  const known = last?.list;
  // Redis has lost its latest changes, so this machine's list is newer.
  const isOlder = known !== undefined && (shared === undefined || shared.revision < known.revision);
  const has = (versions: OwnNetworks['versions'], job: string) => versions.some((one) => one.job === job);
  // A folder that exists but cannot be read was damaged by the disk, not removed.
  const isCleared = ({ version, job }: OwnNetworks['versions'][number]) =>
    last?.isWhole === true && !own.numbers.includes(version) && !has(own.versions, job);
  const cleared = (known?.versions ?? []).filter(isCleared).map(({ job }) => job);
  const hasChosen = last?.isWhole === true && isChoice(own.inUse) && !isSame(own.inUse, last.list.inUse);
  const isOwnChoice = shared === undefined || isOlder || hasChosen;
  const needed = jobsInUse(isOwnChoice ? own : shared);
  const removed = [...new Set([...(shared?.removed ?? []), ...cleared])]
    .filter((job) => !needed.includes(job))
    .slice(-MAX_REMOVED);
  const theirs = (shared?.versions ?? []).filter(({ job }) => !removed.includes(job));
  const added = own.versions.filter(({ job }) => !has(theirs, job) && !removed.includes(job));
  const versions = [...theirs];
  const renumbered: { from: number; to: number }[] = [];
  for (const { version, job } of added) {
    const isTaken = versions.some((one) => one.version === version);
    const number = isTaken ? 1 + Math.max(...[...versions, ...own.versions].map((one) => one.version)) : version;
    if (isTaken) renumbered.push({ from: version, to: number });
    versions.push({ version: number, job });
  }
  versions.sort((a, b) => a.version - b.version);
  const inUse = isOwnChoice ? renamed(own.inUse, renumbered) : shared.inUse;
  const list = { inUse, versions, removed };
  const isChanged = shared === undefined || !isSame(list, { ...shared, revision: undefined });
  const revision = Math.max(shared?.revision ?? 0, known?.revision ?? 0) + (isChanged ? 1 : 0);
  return { list: { revision, ...list }, isChanged, renumbered };
}

/** Whether somebody chose it: `promote` and `rollback` always name a version before. Without one, the file is missing or damaged. */
function isChoice({ version, before }: InUse): boolean {
  return version !== 0 || before !== undefined;
}

/** The trainings of the version in use and the one before: one machine may put in use what another clears away at the same time. */
function jobsInUse({ inUse, versions }: Pick<NetworkList, 'inUse' | 'versions'>): string[] {
  return versions.filter(({ version }) => [inUse.version, inUse.before].includes(version)).map(({ job }) => job);
}

/** Replaces the numbers of renumbered versions in `InUse`. */
export function renamed({ version, before }: InUse, renumbered: Merged['renumbered']): InUse {
  const now = (id: VersionId) => renumbered.find(({ from }) => from === id)?.to ?? id;
  return { version: now(version), ...(before !== undefined && { before: now(before) }) };
}

/** Whether two values have the same content, whatever the order of their keys. */
function isSame(one: object, other: object): boolean {
  const sorted = (value: object) =>
    JSON.stringify(value, (_, inner: unknown) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    );
  return sorted(one) === sorted(other);
}
