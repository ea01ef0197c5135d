import { existsSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { loadCheckpoint } from '../src/training/run/checkpoint.ts';
import { BEST } from '../src/training/run/trainer.ts';
import { VersionRegistry } from '../src/versions/registry.ts';
import { describeNetwork, type ShippedNetwork } from '../src/versions/shipped.ts';
import { readReports } from '../src/versions/training-report.ts';

/** One training of a recipe. */
interface RecipeStep {
  /** The options of `npm run train`, as words. */
  readonly words: readonly string[];
  /** The network to start from, in place of the one that the words name; absent where they count. */
  readonly from?: string | undefined;
  readonly output: string;
}

/**
 * How a network was made: the trainings that its file names, one after the other. Those whose network ships as well, such as the
 * one that it started from, are not done again; a teacher that is not there is trained first, by the command in its report.
 * @param like the folder of the network; networks that ship with it lie around it
 * @param labels what the network that is meant learned from; any where it is not given
 * @param output where the last step goes, and the steps before it in folders; training/<architecture> where it is not given
 * @returns the steps, at least one
 * @throws UserError where the files do not tell
 */
export async function recipeOf(
  like: string,
  labels: 'votes' | 'fer2013' | 'both' | undefined,
  output: string | undefined,
): Promise<RecipeStep[]> {
  const all = (await new VersionRegistry(like).shipped()).flatMap(({ network }) => network ?? []);
  const own = await describeNetwork(like);
  const byVotes = (one: ShippedNetwork) => (one.trained?.labels ?? 'fer2013') !== 'fer2013';
  const meant =
    labels === undefined ? own : ([own, ...all].find((one) => byVotes(one) === (labels !== 'fer2013')) ?? own);
  const chain = commandsOf(meant);
  if (chain.length === 0)
    throw new UserError('bad-model', `The network in ${meant.directory} does not say how it was trained.`);
  const start = all
    .map((network) => ({ network, made: commandsOf(network) }))
    .filter(({ made }) => made.length < chain.length && made.every((command, k) => command === chain[k]))
    .reduce<{ network?: ShippedNetwork; made: readonly string[] }>(
      (best, one) => (one.made.length > best.made.length ? one : best),
      { made: [] },
    );
  const left = chain.slice(start.made.length).map(wordsOf);
  const goal = output ?? join('training', wordAfter(left.at(-1)!, 'architecture'));
  const folderOf = (k: number) => (k === left.length - 1 ? goal : join(goal, `step-${k + 1}`));
  const steps = left.map((words, k): RecipeStep => {
    const before =
      k > 0 ? join(folderOf(k - 1), BEST) : start.network && relative(process.cwd(), start.network.directory);
    return { words, from: words.includes('--from') ? before : undefined, output: folderOf(k) };
  });
  const teachers = await Promise.all(left.flatMap(teachersOf).map((folder) => teacherStep(folder, meant, all)));
  return [...teachers.flat(), ...steps];
}

/** The commands that made a network, the oldest first; none where its file does not tell. */
function commandsOf({ trained }: ShippedNetwork): string[] {
  return trained ? [...(trained.origin ?? []), trained.command] : [];
}

function wordsOf(command: string): string[] {
  const [, options = ''] = command.split(' -- ');
  return options.split(' ').filter((word) => word !== '');
}

/** What a command says of an option; all name the architecture and the epochs. */
function wordAfter(words: readonly string[], option: string): string {
  return words[words.indexOf(`--${option}`) + 1] ?? '';
}

function teachersOf(words: readonly string[]): string[] {
  return words.filter((_, k) => words[k - 1] === '--teacher');
}

/** The training that makes a teacher; none where it is there already. */
async function teacherStep(
  folder: string,
  meant: ShippedNetwork,
  all: readonly ShippedNetwork[],
): Promise<RecipeStep[]> {
  const output = dirname(folder);
  const [words, isThere] = [await teachersCommand(folder, [meant, ...all]), existsSync(join(folder, 'model.json'))];
  if (isThere && (words === undefined || (await isFinished(output, words)))) return [];
  if (words) return [{ words, output }];
  throw new UserError(
    'not-found',
    `The recipe of ${relative(process.cwd(), meant.directory)} learns from the network in ${folder}, which is not there, and no report says how it was made.`,
  );
}

/** What made a teacher, by the report of its architecture: runs lie in training/<architecture>. */
async function teachersCommand(folder: string, networks: readonly ShippedNetwork[]): Promise<string[] | undefined> {
  for (const { directory } of networks)
    for (const { architecture, command, origin } of await readReports(join(directory, 'reports')))
      if (basename(folder) === BEST && architecture === basename(dirname(folder)) && !origin) return wordsOf(command);
  return undefined;
}

/** Whether a run has done all its epochs; one without checkpoints was put there whole. */
async function isFinished(directory: string, words: readonly string[]): Promise<boolean> {
  const checkpoint = await loadCheckpoint(directory);
  return checkpoint === undefined || checkpoint.progress.epoch >= Number(wordAfter(words, 'epochs'));
}
