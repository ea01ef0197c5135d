import { UserError } from '../src/base/errors.ts';
import { exactPercent } from '../src/base/numbers.ts';
import type { Figures } from '../src/training/pictures/figures.ts';
import type { VersionRegistry } from '../src/versions/registry.ts';
import type { VersionId } from '../src/versions/shipped.ts';
import { readReport, reportFiles } from '../src/versions/training-report.ts';
import type { VersionCard } from '../src/versions/version-card.ts';

type Shipped = Awaited<ReturnType<VersionRegistry['shipped']>>[number];
type Splits = { readonly [split in 'publicTest' | 'privateTest']: { readonly accuracy: number } };

/**
 * A table of every version with its figures, and the confusion matrices of the versions that have a report.
 * @param mark notes that stand beside a version, such as 'in use'
 */
export async function versionFigures(
  registry: VersionRegistry,
  shipped: readonly Shipped[],
  trained: readonly VersionCard[],
  mark: (version: VersionId) => readonly string[],
): Promise<Pick<Figures, 'table' | 'matrices'>> {
  const row = (
    version: VersionId,
    architecture: string,
    by: string,
    splits: Splits | undefined,
    ...remarks: string[]
  ) => [
    String(version),
    architecture,
    by,
    splits ? exactPercent(splits.publicTest.accuracy) : '–',
    splits ? exactPercent(splits.privateTest.accuracy) : '–',
    [...remarks, ...mark(version)].join(', '),
  ];
  const rows = [
    ...shipped.flatMap(({ version, network }) => {
      if (!network) return [row(version, '–', '–', undefined, 'shipped', 'cannot be read')];
      const { architecture, figures } = network;
      return [
        ...(figures?.votes ? [row(version, architecture, 'votes', figures.votes, 'shipped')] : []),
        row(version, architecture, figures ? 'labels' : '–', figures, 'shipped'),
      ];
    }),
    ...trained.map((card) =>
      row(card.version, card.architecture, card.measure ?? 'labels', card, card.created.slice(0, 10)),
    ),
  ];
  const all = [
    ...shipped.flatMap(({ version, network }) => (network ? [{ version, architecture: network.architecture }] : [])),
    ...trained,
  ];
  const matrices = await Promise.all(all.map((one) => matrixOf(registry, one)));
  return {
    table: {
      caption: 'Versions, and how much of FER2013 each reads right',
      head: ['Version', 'Network', 'Measured by', 'PublicTest', 'PrivateTest', ''],
      rows,
    },
    matrices: matrices.filter((matrix) => matrix !== undefined),
  };
}

/** A version's confusion matrix on PrivateTest; undefined where its report is missing or damaged. */
async function matrixOf(
  registry: VersionRegistry,
  { version, architecture }: { readonly version: VersionId; readonly architecture: string },
) {
  try {
    const { json } = reportFiles(`${registry.directoryOf(version)}/reports`, architecture);
    const { privateTest, labels } = await readReport(json);
    const by = labels === undefined ? 'labels' : 'votes';
    return { name: `Version ${version} on PrivateTest, by ${by}`, rows: privateTest.confusion };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
