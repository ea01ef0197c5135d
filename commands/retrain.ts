import { UserError } from '../src/base/errors.ts';
import { explainFullDisk } from '../src/base/files.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { ARCHITECTURES, DEFAULT_ARCHITECTURE } from '../src/emotion/architectures.ts';
import type { Where } from '../src/retraining/notice-boards.ts';
import type { Retraining } from '../src/retraining/supervisor.ts';
import { BOUNDS, LABELS, MOST_LEARNING_RATE, trainingPlan } from '../src/training/run/plan.ts';
import { type InstalledNetwork, loadFailureNotice } from '../src/versions/installed-network.ts';
import type { VersionRegistry } from '../src/versions/registry.ts';
import { type ShippedNetwork, type VersionId, versionId } from '../src/versions/shipped.ts';
import { type Command, type CommandOption, defineCommand, type OptionsOf } from './command.ts';
import type { Reply, Request } from './request.ts';
import { versionFigures } from './version-figures.ts';

/** What the command needs to run trainings. */
export interface RetrainServices {
  readonly retraining: Retraining;
  readonly registry: VersionRegistry;
  /** Makes this process check at once which version is in use. */
  readonly refresh: () => Promise<void>;
  /** The network that reads photos now: a replacement where the version in use cannot be loaded. Absent where that is not known. */
  readonly reading?: () => Promise<InstalledNetwork>;
}

const ACTIONS = ['start', 'status', 'cancel', 'resume', 'versions', 'promote', 'rollback'] as const;
const DEFAULTS = trainingPlan();
/** Epochs without a better PublicTest accuracy. It can rest for some epochs, since the recipe's learning rate rises and falls once. */
const DEFAULT_PATIENCE = 8;

const OPTIONS = [
  {
    name: 'action',
    type: 'choice',
    choices: ACTIONS,
    positional: true,
    description: 'What to do; without it, how the training stands',
  },
  {
    name: 'version',
    type: 'text',
    maxLength: 40,
    digits: true,
    positional: true,
    description: 'For promote: the number of the version to put in use (0: shipped), or a shipped network’s name',
  },
  {
    name: 'architecture',
    type: 'choice',
    choices: [...ARCHITECTURES.keys()],
    meanings: Object.fromEntries([...ARCHITECTURES.values()].map(({ name, summary }) => [name, summary])),
    description: `The network to train (${DEFAULT_ARCHITECTURE})`,
  },
  {
    name: 'epochs',
    type: 'integer',
    ...BOUNDS.epochs,
    description: `Passes over the training pictures (${DEFAULTS.epochs})`,
  },
  {
    name: 'learning-rate',
    type: 'number',
    min: 1e-6,
    max: MOST_LEARNING_RATE,
    description: `The highest learning rate (${DEFAULTS.learningRate})`,
  },
  { name: 'batch', type: 'integer', ...BOUNDS.batchSize, description: `Pictures a step (${DEFAULTS.batchSize})` },
  {
    name: 'seed',
    type: 'integer',
    ...BOUNDS.seed,
    description: `What all chance derives from (${DEFAULTS.seed})`,
  },
  {
    name: 'patience',
    type: 'integer',
    ...BOUNDS.patience,
    description: `Epochs without a better one after which it ends early, 0 for never (${DEFAULT_PATIENCE})`,
  },
  {
    name: 'labels',
    type: 'choice',
    choices: LABELS,
    description: 'What is learned: what people voted for (where that file is there), FER2013’s labels, or both',
  },
  { name: 'data', type: 'text', maxLength: 100, description: 'A folder in the data folder, by its name' },
  { name: 'clean', type: 'switch', description: 'Leave training rows that equal a test row out' },
  {
    name: 'margin',
    type: 'number',
    min: 0,
    max: 100,
    description: 'Points that it must be better by on PublicTest to be put in use (0: any better)',
  },
] as const satisfies readonly CommandOption[];

type Options = OptionsOf<typeof OPTIONS>;

/**
 * `/retrain`: a training from its start to the version in use.
 * @param services absent in a process that only names the commands
 */
export function retrainCommand(services?: RetrainServices): Command {
  return defineCommand({
    name: 'retrain',
    description: 'Trains a new network, and chooses which version is in use',
    example: `start architecture:${DEFAULT_ARCHITECTURE} epochs:22`,
    options: OPTIONS,
    access: 'operator',
    async run(request, options) {
      if (!services) throw new UserError('bad-usage', 'This bot was started without what training takes.');
      const answered = await answer(services, request, options);
      await request.reply(typeof answered === 'string' ? { text: answered } : answered);
    },
  });
}

async function answer(services: RetrainServices, request: Request, options: Options): Promise<string | Reply> {
  const { retraining, registry, refresh } = services;
  const { action = 'status' } = options;
  refuseStray(action, options);
  switch (action) {
    case 'start':
      await retraining.start(await startOptions(request, options));
      return 'The training begins. I go on answering photos, and report its progress here.';
    case 'cancel':
      await retraining.cancel();
      return 'The training ends after this step and a checkpoint. /retrain resume continues it, until another is started.';
    case 'resume':
      await retraining.resume(where(request));
      return 'The training continues from its last checkpoint. I report its progress here.';
    case 'versions':
      return await versions(services);
    case 'promote': {
      const version = options.version === undefined ? undefined : versionOf(options.version);
      if (version === undefined)
        throw new UserError('bad-usage', 'Say which version: /retrain promote 3. /retrain versions lists them.');
      await onDisk(() => registry.promote(version));
      await refresh();
      return `Version ${version} is in use. /retrain rollback takes that back.`;
    }
    case 'rollback': {
      const version = await onDisk(() => registry.rollback());
      await refresh();
      return `Version ${version} is in use again.`;
    }
    default:
      return await status(services);
  }
}

/** @throws UserError where an option was given that the action does not take, since it would be ignored in silence */
function refuseStray(action: string, { action: _, version, ...settings }: Options): void {
  const [setting] = Object.keys(settings);
  if (setting !== undefined && action !== 'start')
    throw new UserError(
      'bad-usage',
      `‘${setting}’ is a setting of a new training: /retrain start ${setting}:… begins one.`,
    );
  if (version !== undefined && action !== 'promote')
    throw new UserError(
      'bad-usage',
      `/retrain ${action} takes no version. /retrain promote ${version} puts one in use.`,
    );
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainFullDisk(error);
  }
}

function where({ platform, channel }: Request): Where {
  return { platform, channel: channel.id };
}

async function startOptions(request: Request, options: Options): Promise<Parameters<Retraining['start']>[0]> {
  return {
    ...where(request),
    by: request.user.id,
    name: await request.user.displayName(),
    clean: options.clean === true,
    margin: (options.margin ?? 0) / 100,
    data: options.data,
    plan: {
      architecture: options.architecture,
      labels: options.labels,
      epochs: options.epochs,
      learningRate: options['learning-rate'],
      batchSize: options.batch,
      seed: options.seed,
      patience: options.patience ?? DEFAULT_PATIENCE,
    },
  };
}

/** The version that somebody typed. @throws UserError 'not-found' where it can be none */
function versionOf(text: string): VersionId {
  const version = versionId.safeParse(/^\d{1,9}$/.test(text) ? Number(text) : text);
  if (version.success) return version.data;
  throw new UserError('not-found', `There is no version ${text}: /retrain versions lists them.`);
}

/** A sentence that says that another version than the one in use reads photos; empty where all is well. */
async function replacementNotice({ registry, reading }: RetrainServices): Promise<string[]> {
  const found = reading && (await loadFailureNotice(registry, reading));
  return found ? [found.text] : [];
}

async function status(services: RetrainServices): Promise<Reply> {
  const [trouble, notice] = await Promise.all([replacementNotice(services), services.retraining.statusNotice()]);
  const { text = 'There has been no training yet. /retrain start begins one.', ...rest } = notice ?? {};
  return { ...rest, text: [...trouble, text].join('\n') };
}

async function versions(services: RetrainServices): Promise<Reply> {
  const { registry } = services;
  const { version: used, before } = await registry.inUse();
  const mark = (version: VersionId) => (version === used ? ['in use'] : version === before ? ['in use before'] : []);
  const line = (version: VersionId, ...details: string[]) =>
    `Version ${version}: ${[...details, ...mark(version)].join(', ')}`;
  const [shipped, trained, notice] = await Promise.all([
    registry.shipped(),
    registry.list(),
    replacementNotice(services),
  ]);
  const text = [
    ...notice,
    ...shipped.map(({ version, network }) =>
      line(version, 'shipped with the bot', ...(network ? aboutShipped(network) : ['cannot be read'])),
    ),
    ...trained.map((card) =>
      line(card.version, card.architecture, splitsBy(card.measure ?? 'labels', card), card.created.slice(0, 10)),
    ),
  ].join('\n');
  return { text, figures: { lead: notice.join('\n'), ...(await versionFigures(registry, shipped, trained, mark)) } };
}

/** A shipped network's architecture and figures, by both measures where its file has them. The measure that it learned from is first. */
function aboutShipped({ architecture, trained, figures }: ShippedNetwork): string[] {
  if (!figures) return [architecture];
  const measures = [splitsBy('labels', figures), ...(figures.votes ? [splitsBy('votes', figures.votes)] : [])];
  return [architecture, ...(trained?.labels === 'fer2013' || !trained?.labels ? measures : measures.reverse())];
}

function splitsBy(
  measure: 'votes' | 'labels',
  { publicTest, privateTest }: NonNullable<ShippedNetwork['figures']>,
): string {
  return `by ${measure} PublicTest ${exactPercent(publicTest.accuracy)}, PrivateTest ${exactPercent(privateTest.accuracy)}`;
}
