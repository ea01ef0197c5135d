import { join } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { explainedIn, readIfThere, writeDurably } from '../src/base/files.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { createEngine } from '../src/emotion/engines/create-engine.ts';
import { loadModel } from '../src/emotion/layers-format/layers-format.ts';
import { votesIfAny } from '../src/training/data/votes.ts';
import { modelCard, withComparison } from '../src/versions/model-card.ts';
import { judgeNetwork, publicTestAccuracy, readRun, reportOf, storeNetwork } from '../src/versions/ship.ts';
import { readReports, type TrainingReport, writeReport } from '../src/versions/training-report.ts';
import { inRepository, runAsProcess, tool } from './command-line.ts';
import { flag, number, text } from './options.ts';
import { readData } from './read-data.ts';

export const main = tool(
  {
    usage: ['npm run ship -- RUN [options]'],
    about: `Puts the best network of a training run (its output folder) in use: fits its temperature and its threshold on PublicTest,
stores it as float16, and writes its model card and report. Keeps the old network where the new one is not better on
PublicTest.`,
    options: {
      data: text('DIR', 'the folder with the FER2013 chunks', inRepository('data')),
      votes: text(
        'FILE',
        "FER+'s fer2013new.csv (looked for beside the chunks); needed for a network that learned from votes",
      ),
      to: text('DIR', 'where the network goes', inRepository('model')),
      'less-neutral': number(
        'NUMBER',
        "take this from the logit of 'neutral', since what people post shows fewer neutral faces than FER2013",
        { least: 0, most: 3 },
        0,
      ),
      force: flag('put it in use even if it is not better'),
      'report-only': flag('write the report and name it in the model card, but leave the network in use alone'),
    },
  },
  async ({ values, words: [output, ...rest], signal, print, say }) => {
    if (output === undefined || rest.length > 0)
      throw new UserError('bad-usage', 'Name the output folder of one training run.');
    const run = await readRun(output);
    const reports = join(values.to, 'reports');
    const card = join(values.to, 'README.md');
    // What is there is read once before anything is written: a file that cannot be read leaves all as it is.
    const earlier = await othersThan(run.network.architecture.name, reports).catch(explainedIn(reports));
    const compared = values['report-only'] ? await comparedWith(values.to, run.network.architecture.name) : undefined;
    const data = await readData(values.data, { signal, say });
    const { sets } = data;
    const votes = await votesIfAny(data, { directory: values.data, file: values.votes, signal });
    const byVotes = run.plan.labels !== 'fer2013';
    const engine = await createEngine('auto');
    const before = values['report-only']
      ? undefined
      : await publicTestAccuracy(values.to, engine, sets.PublicTest, byVotes ? votes : undefined, signal);
    const { trained, figures } = await judgeNetwork(run, sets, engine, votes, values['less-neutral'], signal);
    const { publicTest, privateTest } = (byVotes && figures.votes) || figures;
    print(
      `By ${byVotes ? 'votes' : 'labels'}: PublicTest ${exactPercent(publicTest.accuracy)}${before === undefined ? '' : `, in use ${exactPercent(before)}`}`,
    );
    if (before !== undefined && publicTest.accuracy <= before && !values.force) {
      print('Not better than the network in use: that one stays.');
      return 1;
    }
    // From here on it writes, and ends with a folder whose files belong together.
    signal.throwIfAborted();
    const report = reportOf(trained, figures);
    await writeReport(reports, report).catch(explainedIn(reports));
    if (values['report-only']) {
      print(`${report.architecture}: PrivateTest ${exactPercent(privateTest.accuracy)}, report in ${reports}`);
      if (compared) {
        const others = await othersThan(compared.architecture, reports);
        await writeDurably(card, withComparison(compared.card, others)).catch(explainedIn(card));
      }
      return 0;
    }
    await storeNetwork(values.to, trained, figures).catch(explainedIn(values.to));
    await writeDurably(card, modelCard(trained, figures, earlier)).catch(explainedIn(card));
    print(`In use: ${values.to}, PrivateTest ${exactPercent(privateTest.accuracy)}`);
    return 0;
  },
);

async function othersThan(architecture: string, reports: string): Promise<TrainingReport[]> {
  return (await readReports(reports)).filter((report) => report.architecture !== architecture);
}

/** The network in use, and its card, where a report of another one is to be named in it. @throws UserError not-found, bad-model */
async function comparedWith(directory: string, reported: string) {
  const architecture = (await loadModel(directory)).network.architecture.name;
  if (architecture === reported) return undefined;
  const file = join(directory, 'README.md');
  const card = await readIfThere(file).catch(explainedIn(file));
  if (card === undefined) throw new UserError('not-found', `There is no model card ${file} to name the report in.`);
  return { architecture, card };
}

await runAsProcess(import.meta.url, main);
