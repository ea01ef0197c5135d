import { FACE_PIXELS } from '../../emotion/labels.ts';
import { type FaceSet, faceAt } from './face-set.ts';

/** 32-bit FNV-1a of a crop's bytes (offset basis 2166136261, prime 16777619: Fowler, Noll and Vo). Equal crops hash equal. */
export function contentHash(face: Uint8Array): number {
  let hash = 2166136261;
  for (let p = 0; p < face.length; p++) hash = Math.imul(hash ^ face[p]!, 16777619);
  return hash >>> 0;
}

/** True if two crops have the same pixels. */
export function sameFace(a: Uint8Array, b: Uint8Array): boolean {
  for (let p = 0; p < FACE_PIXELS; p++) if (a[p] !== b[p]) return false;
  return true;
}

/** A row of one of several sets. */
interface Member {
  readonly set: FaceSet;
  readonly index: number;
}

/** Crops grouped by content. The hash only chooses the bucket: members of a group are compared pixel by pixel. */
class ContentGroups {
  private readonly buckets = new Map<number, Member[][]>();

  /** The group whose crops equal `face`, if there is one. */
  find(face: Uint8Array): Member[] | undefined {
    return this.buckets.get(contentHash(face))?.find(([first]) => sameFace(faceAt(first!.set, first!.index), face));
  }

  add(set: FaceSet, index: number): void {
    const face = faceAt(set, index);
    const group = this.find(face);
    if (group) {
      group.push({ set, index });
      return;
    }
    const hash = contentHash(face);
    const bucket = this.buckets.get(hash);
    if (bucket) bucket.push([{ set, index }]);
    else this.buckets.set(hash, [[{ set, index }]]);
  }

  *all(): Iterable<Member[]> {
    for (const bucket of this.buckets.values()) yield* bucket;
  }
}

/**
 * Indexes of the rows of `set` whose pixels equal a row of `training`, ascending. Fair scores leave them out: the network has
 * seen these very pictures (288 rows of PrivateTest and 280 of PublicTest).
 */
export function trainingDuplicates(set: FaceSet, training: FaceSet): Uint32Array {
  const seen = new ContentGroups();
  for (let i = 0; i < training.count; i++) seen.add(training, i);
  const found: number[] = [];
  for (let i = 0; i < set.count; i++) if (seen.find(faceAt(set, i))) found.push(i);
  return Uint32Array.from(found);
}

/** All groups of two or more pixel-identical rows over the given sets, in order of first appearance of their content hash. */
export function duplicateGroups(sets: readonly FaceSet[]): Member[][] {
  const groups = new ContentGroups();
  for (const set of sets) for (let i = 0; i < set.count; i++) groups.add(set, i);
  return [...groups.all()].filter((group) => group.length > 1);
}

/** True if the rows of a group, though one picture, are labelled with different emotions. */
export function hasConflictingLabels(group: readonly Member[]): boolean {
  const label = (member: Member) => member.set.labels[member.index];
  return group.some((member) => label(member) !== label(group[0]!));
}
