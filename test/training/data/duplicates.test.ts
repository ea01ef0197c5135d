import { describe, expect, it } from 'vitest';
import { FACE_PIXELS } from '../../../src/emotion/labels.ts';
import {
  contentHash,
  duplicateGroups,
  hasConflictingLabels,
  trainingDuplicates,
} from '../../../src/training/data/duplicates.ts';
import { indexesWhere, isBlack } from '../../../src/training/data/face-set.ts';
import { readFer2013 } from '../../../src/training/data/fer2013.ts';
import { REAL_FER2013 } from '../../helpers/real-fer2013.ts';
import { type TinyRow, tinyRows, tinySet } from '../../helpers/tiny-fer2013.ts';

const training = tinyRows(2);
const other = tinyRows(1, ['PrivateTest']).map(
  (row, i): TinyRow => ({ ...row, face: row.face.map((p) => p ^ (i + 1)) }),
);

describe('trainingDuplicates', () => {
  it('finds the rows whose pixels equal a Training row, whatever their label', () => {
    const set = tinySet([other[0]!, { ...other[1]!, face: training[5]!.face, label: 0 }, other[2]!, training[13]!]);
    expect([...trainingDuplicates(set, tinySet(training))]).toEqual([1, 3]);
  });

  it('is not fooled by one pixel', () => {
    const near = training[0]!.face.slice();
    near[FACE_PIXELS - 1]! ^= 1;
    expect([...trainingDuplicates(tinySet([{ ...training[0]!, face: near }]), tinySet(training))]).toEqual([]);
  });
});

describe('duplicateGroups', () => {
  it('groups equal rows across sets and tells conflicting labels', () => {
    const a = tinySet([training[0]!, training[1]!, training[0]!]);
    const b = tinySet([{ ...training[1]!, label: 4 }, other[3]!]);
    const groups = duplicateGroups([a, b]);
    const places = groups.map((group) => group.map(({ set, index }) => [set === a ? 'a' : 'b', index]));
    expect(places).toHaveLength(2);
    expect(places).toContainEqual([
      ['a', 0],
      ['a', 2],
    ]);
    expect(places).toContainEqual([
      ['a', 1],
      ['b', 0],
    ]);
    expect(groups.map(hasConflictingLabels).sort()).toEqual([false, true]);
  });
});

describe('contentHash', () => {
  it('is FNV-1a', () => {
    // Reference values of the algorithm's authors for "" and "foobar".
    expect(contentHash(new Uint8Array(0))).toBe(0x811c9dc5);
    expect(contentHash(new TextEncoder().encode('foobar'))).toBe(0xbf9cf968);
  });
});

describe.skipIf(!REAL_FER2013)('the real FER2013 (skipped without LONG_TESTS=1 and ../shared/fer2013)', () => {
  it('has the official counts, 12 black images, and the duplicates known of it', async () => {
    const { sets, skipped, warnings } = await readFer2013(REAL_FER2013!);
    const { Training, PublicTest, PrivateTest } = sets;
    expect([skipped, warnings]).toEqual([[], []]);
    const counts = [Training, PublicTest, PrivateTest].map(({ labels }) =>
      Array.from({ length: 7 }, (_, k) => labels.filter((label) => label === k).length),
    );
    expect(counts).toEqual([
      [3995, 436, 4097, 7215, 4830, 3171, 4965],
      [467, 56, 496, 895, 653, 415, 607],
      [491, 55, 528, 879, 594, 416, 626],
    ]);
    const black = [Training, PublicTest, PrivateTest].flatMap((set) =>
      [...indexesWhere(set, (i) => isBlack(set, i))].map((i) => set.rows.index[i]),
    );
    expect(black).toEqual([6458, 7629, 10423, 11286, 13148, 13402, 13988, 15894, 22198, 22927, 28601, 30002]);
    expect(trainingDuplicates(PrivateTest, Training)).toHaveLength(288);
    expect(trainingDuplicates(PublicTest, Training)).toHaveLength(280);
    const groups = duplicateGroups([Training, PublicTest, PrivateTest]);
    expect(groups).toHaveLength(1516);
    expect(groups.reduce((sum, group) => sum + group.length - 1, 0)).toBe(1853);
    expect(groups.filter(hasConflictingLabels)).toHaveLength(57);
  });
});
