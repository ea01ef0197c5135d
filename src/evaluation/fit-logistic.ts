import { logistic } from '../base/numbers.ts';

/** A place whose numbers and nature are known. */
export interface Example {
  readonly numbers: readonly number[];
  readonly face: boolean;
}

/** Newton's method has long settled after this many steps. */
const STEPS = 60;

/**
 * Fits a logistic regression by Newton's method (iteratively reweighted least squares), with a ridge on all but the intercept.
 * @param ridge weight of the squared coefficients beside the negative log likelihood; keeps them small where examples are few
 * @throws when there are no faces among the examples, or nothing else
 */
export function fitLogistic(
  examples: readonly Example[],
  ridge: number,
): { intercept: number; coefficients: number[] } {
  const faces = examples.filter(({ face }) => face).length;
  if (faces === 0 || faces === examples.length) throw new Error('a score needs examples of faces and of others');
  const rows = examples.map(({ numbers }) => [1, ...numbers]);
  const size = rows[0]!.length;
  let weights = new Array<number>(size).fill(0);
  for (let step = 0; step < STEPS; step++) {
    // The intercept's tiny ridge keeps the equations solvable and changes nothing else.
    const penalty = weights.map((_, k) => (k === 0 ? 1e-6 : ridge));
    const gradient = weights.map((weight, k) => penalty[k]! * weight);
    const curvature = weights.map((_, i) => weights.map((_, j) => (i === j ? penalty[i]! : 0)));
    for (const [n, row] of rows.entries()) {
      const p = logistic(row.reduce((sum, value, k) => sum + value * weights[k]!, 0));
      for (let i = 0; i < size; i++) {
        gradient[i]! += (p - (examples[n]!.face ? 1 : 0)) * row[i]!;
        for (let j = 0; j < size; j++) curvature[i]![j]! += p * (1 - p) * row[i]! * row[j]!;
      }
    }
    const change = solve(curvature, gradient);
    weights = weights.map((weight, k) => weight - change[k]!);
  }
  const [intercept, ...coefficients] = weights;
  return { intercept: intercept!, coefficients };
}

/** Solves a symmetric positive definite system by Gaussian elimination. */
function solve(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const rows = matrix.map((row, k) => [...row, vector[k]!]);
  const size = rows.length;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = pivot + 1; row < size; row++) {
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let k = pivot; k <= size; k++) rows[row]![k]! -= factor * rows[pivot]![k]!;
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let row = size - 1; row >= 0; row--) {
    let rest = rows[row]![size]!;
    for (let k = row + 1; k < size; k++) rest -= rows[row]![k]! * solution[k]!;
    solution[row] = rest / rows[row]![row]!;
  }
  return solution;
}
