/**
 * Winograd's convolution as matrices (Lavin & Gray 2016, arXiv 1509.09308; the construction from chosen points is that of
 * Toom and Cook). Along one axis, `tile` outputs of a kernel of `kernel` numbers are
 *
 *     y = output' * ((kernel matrix * g) . (input * d)),    d: tile + kernel - 1 inputs, . element by element
 *
 * and the two products with a matrix of `points` rows leave only that many multiplications instead of tile * kernel.
 */
export interface AxisTransform {
  /** Outputs of one tile. */
  readonly tile: number;
  /** Multiplications of one tile: tile + kernel - 1. */
  readonly points: number;
  /** [points][tile + kernel - 1], from inputs. */
  readonly input: readonly (readonly number[])[];
  /** [points][kernel], from a kernel. */
  readonly kernel: readonly (readonly number[])[];
  /** [points][tile], whose transpose gives outputs. */
  readonly output: readonly (readonly number[])[];
}

/** Where the polynomials are evaluated, beside infinity; small and balanced numbers round least (Barabasz et al. 2020, arXiv 1803.10986). */
const POINTS = [0, 1, -1, 0.5, -2];

/** @throws Error where tile + kernel - 1 asks for more points than are chosen here */
export function axisTransform(tile: number, kernel: number): AxisTransform {
  const points = tile + kernel - 1;
  if (points - 1 > POINTS.length) throw new Error(`no points for tiles of ${tile} with kernels of ${kernel}`);
  const finite = POINTS.slice(0, points - 1);
  const others = finite.map((_, j) => finite.filter((_, k) => k !== j));
  const powers = (p: number, count: number) => Array.from({ length: count }, (_, k) => p ** k);
  const last = (count: number) => Array.from({ length: count }, (_, k) => (k === count - 1 ? 1 : 0));
  return {
    tile,
    points,
    input: [...others.map((roots) => [...coefficients(roots), 0]), coefficients(finite)],
    kernel: [
      ...finite.map((p, j) => {
        const norm = others[j]!.reduce((product, q) => product * (p - q), 1);
        return powers(p, kernel).map((power) => power / norm);
      }),
      last(kernel),
    ],
    output: [...finite.map((p) => powers(p, tile)), last(tile)],
  };
}

/** The polynomial with these roots and leading coefficient 1, lowest power first. */
function coefficients(roots: readonly number[]): number[] {
  let sum = [1];
  for (const root of roots)
    sum = Array.from({ length: sum.length + 1 }, (_, k) => (sum[k - 1] ?? 0) - root * (sum[k] ?? 0));
  return sum;
}
