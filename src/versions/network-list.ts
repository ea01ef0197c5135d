import { z } from 'zod';
import type { VersionId } from './shipped.ts';
import { type InUse, inUseSchema } from './version-folder.ts';

/** Trainings that are remembered as cleared away. */
const MAX_REMOVED = 200;

const listSchema = z.object({
  /** Grows with each change. */
  revision: z.int(),
  inUse: inUseSchema,
  /** The trained versions: their numbers, and the trainings that made them. */
  versions: z.array(z.object({ version: z.int().min(1), job: z.string() })),
  /** Trainings whose versions were cleared away, the latest last. */
  removed: z.array(z.string()),
});

/** The networks that machines share, without their files. */
export type NetworkList = Readonly<z.infer<typeof listSchema>>;

/** What of it one machine has. */
export interface OwnNetworks extends Pick<NetworkList, 'inUse' | 'versions'> {
  /** The numbers of all folders, those of versions that cannot be read too. */
  readonly numbers: readonly number[];
}

const knownSchema = z.object({ list: listSchema, isWhole: z.boolean() });

/** The list as far as a machine has followed it; not whole where it was ended on the way, so that it is not known what it has. */
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

/** What a machine has to do to be in step with the others. */
export interface Merged {
  /** The list as it is to be for all. */
  readonly list: NetworkList;
  /** Whether that is another one than the others know. */
  readonly isNews: boolean;
  /** Versions of this machine that take another number, since theirs is another training's. */
  readonly renumbered: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Brings together what a machine has and what all share. Nothing is taken for cleared away because it is not there: only what says so.
 * @param last absent where this machine has never been in step
 * @param shared the list that all share; absent where there is none
 */
export function mergeLists(own: OwnNetworks, last: KnownList | undefined, shared: NetworkList | undefined): Merged {
  const known = last?.list;
  // A Redis that lost its latest changes: this machine knows better.
  const isOlder = known !== undefined && (shared === undefined || shared.revision < known.revision);
  const has = (versions: OwnNetworks['versions'], job: string) => versions.some((one) => one.job === job);
  // A folder that is there and cannot be read was damaged by the disk.
  const isCleared = ({ version, job }: OwnNetworks['versions'][number]) =>
    last?.isWhole === true && !own.numbers.includes(version) && !has(own.versions, job);
  const cleared = (known?.versions ?? []).filter(isCleared).map(({ job }) => job);
  const removed = [...new Set([...(shared?.removed ?? []), ...cleared])].slice(-MAX_REMOVED);
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
  const hasChosen = last?.isWhole === true && !isSame(own.inUse, last.list.inUse);
  const isOwnChoice = shared === undefined || isOlder || hasChosen;
  const inUse = isOwnChoice ? renamed(own.inUse, renumbered) : shared.inUse;
  const list = { inUse, versions, removed };
  const isNews = shared === undefined || !isSame(list, { ...shared, revision: undefined });
  const revision = Math.max(shared?.revision ?? 0, known?.revision ?? 0) + (isNews ? 1 : 0);
  return { list: { revision, ...list }, isNews, renumbered };
}

/** What is in use, by the new numbers of versions that have got one. */
export function renamed({ version, before }: InUse, renumbered: Merged['renumbered']): InUse {
  const now = (id: VersionId) => renumbered.find(({ from }) => from === id)?.to ?? id;
  return { version: now(version), ...(before !== undefined && { before: now(before) }) };
}

/** By their content, whatever the order of their keys. */
function isSame(one: object, other: object): boolean {
  const sorted = (value: object) =>
    JSON.stringify(value, (_, inner: unknown) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    );
  return sorted(one) === sorted(other);
}
