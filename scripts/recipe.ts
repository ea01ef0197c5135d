import { existsSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { shellWord, shellWords } from '../src/base/shell-words.ts';
import { loadCheckpoint } from '../src/training/run/checkpoint.ts';
import { BEST } from '../src/training/run/trainer.ts';
import { VersionRegistry } from '../src/versions/registry.ts';
import { describeNetwork, type ShippedNetwork } from '../src/versions/shipped.ts';
import { readReports } from '../src/versions/training-report.ts';

/** One training of a recipe. */
interface RecipeStep {
  /** The options of `npm run train`, as words. */
  readonly words: readonly string[];
  /** The network to start from, in place of the one that the words name; absent where the words name the right one. */
  readonly from?: string | undefined;
  readonly output: string;
}

/**
 * The recipe of a network: the trainings that its file lists, one after the other. A training whose network also ships, such as the
 * network that it started from, is left out. A teacher that is missing is trained first, by the command in its report.
 * @param like the folder of the network; the other shipped networks lie beside it
 * @param labels the labels that the network learned from, where several ship; any by default
 * @param output the folder of the last step, with folders in it for the steps before; training/<architecture> by default
 * @returns the steps, at least one
 * @throws UserError where the files do not say how the network was trained
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
  const goal = output ?? join('training', wordAfter(wordsOf(chain.at(-1)!), 'architecture'));
  return await stepsOf(chain, goal, { meant, all });
}

/** The network that a recipe is for, and the networks that ship with it. */
interface Kept {
  readonly meant: ShippedNetwork;
  readonly all: readonly ShippedNetwork[];
  /** The teachers that the trainings at hand lead to. */
  readonly taught?: readonly string[];
}

/**
 * The trainings of a chain of commands, with those of their teachers before them. They start after the last training whose network ships,
 * and end in the folder `goal`.
 */
async function stepsOf(chain: readonly string[], goal: string, kept: Kept): Promise<RecipeStep[]> {
  const start = kept.all
    .map((network) => ({ network, made: commandsOf(network) }))
    .filter(({ made }) => made.length < chain.length && made.every((command, k) => command === chain[k]))
    .reduce<{ network?: ShippedNetwork; made: readonly string[] }>(
      (best, one) => (one.made.length > best.made.length ? one : best),
      { made: [] },
    );
  const left = chain.slice(start.made.length).map(wordsOf);
  const folderOf = (k: number) => (k === left.length - 1 ? goal : join(goal, `step-${k + 1}`));
  const steps = left.map((words, k): RecipeStep => {
    const before =
      k > 0 ? join(folderOf(k - 1), BEST) : start.network && relative(process.cwd(), start.network.directory);
    const from = words.includes('--from') ? before : undefined;
    return { words: from === undefined ? words : withTeacher(words, from), from, output: folderOf(k) };
  });
  const made = new Set(steps.map(({ output }) => join(output, BEST)));
  const folders = steps.flatMap(({ words }) => teachersOf(words)).filter((folder) => !made.has(folder));
  const teachers = await Promise.all([...new Set(folders)].map((folder) => teacherSteps(folder, kept)));
  return [...teachers.flat(), ...steps];
}

/** The words of a training, with the network in `from` as the teacher where the training has its own starting network as a teacher. */
function withTeacher(words: readonly string[], from: string): readonly string[] {
  const own = wordAfter(words, 'from');
  return words.map((word, k) => (word === own && words[k - 1] === '--teacher' ? from : word));
}

/** The commands that made a network, the oldest first; none where its file has none. */
function commandsOf({ trained }: ShippedNetwork): string[] {
  return trained ? [...(trained.origin ?? []), trained.command] : [];
}

function wordsOf(command: string): string[] {
  const [, options = ''] = /^.*? -- (.*)$/s.exec(command) ?? [];
  return shellWords(options);
}

/** The value of an option in a command; every command names the architecture and the epochs. */
function wordAfter(words: readonly string[], option: string): string {
  return words[words.indexOf(`--${option}`) + 1] ?? '';
}

function teachersOf(words: readonly string[]): string[] {
  return words.filter((_, k) => words[k - 1] === '--teacher');
}

/** The trainings that make a teacher; none where it is already trained. */
async function teacherSteps(folder: string, kept: Kept): Promise<RecipeStep[]> {
  const { taught = [] } = kept;
  if (taught.includes(folder))
    throw new UserError(
      'not-found',
      `By the reports the network in ${folder} was made with itself as a teacher, over others. Train it first: npm run train -- --output ${shellWord(dirname(folder))} …`,
    );
  const output = dirname(folder);
  const isThere = existsSync(join(folder, 'model.json'));
  const chain = await teachersCommands(folder, [kept.meant, ...kept.all]);
  if (isThere && (chain === undefined || (await isFinished(output, wordsOf(chain.at(-1)!))))) return [];
  if (chain) return await stepsOf(chain, output, { ...kept, taught: [...taught, folder] });
  throw new UserError(
    'not-found',
    `The recipe of ${relative(process.cwd(), kept.meant.directory)} learns from the network in ${folder}, which is not there, and no report says how it was made.`,
  );
}

/**
 * The commands that made a teacher, the oldest first; undefined where no report has them. Runs lie in training/<architecture>, so the
 * folder's name says which architecture's report to read.
 */
async function teachersCommands(folder: string, networks: readonly ShippedNetwork[]): Promise<string[] | undefined> {
  for (const { directory } of networks)
    for (const { architecture, command, origin = [] } of await readReports(join(directory, 'reports')))
      if (basename(folder) === BEST && architecture === basename(dirname(folder))) return [...origin, command];
  return undefined;
}

/** Whether a run has finished all its epochs, or ran out of patience. A run without checkpoints was copied there complete. */
async function isFinished(directory: string, words: readonly string[]): Promise<boolean> {
  const checkpoint = await loadCheckpoint(directory);
  if (checkpoint === undefined) return true;
  const { epoch, bestEpoch } = checkpoint.progress;
  const patience = words.includes('--patience') ? Number(wordAfter(words, 'patience')) : 0;
  return epoch >= Number(wordAfter(words, 'epochs')) || (patience > 0 && epoch - 1 - bestEpoch >= patience);
}
