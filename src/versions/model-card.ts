import { exactPercent } from '../base/numbers.ts';
import type { Calibration } from '../emotion/calibration.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import type { VotesEvaluation } from '../evaluation/evaluate.ts';
import { measureConfusion } from '../training/run/metrics.ts';
import { commandOf, FACE_API } from '../training/run/plan.ts';
import type { ShippedFigures, TrainedNetwork } from './ship.ts';
import { reportFiles, type TrainingReport } from './training-report.ts';

/** What the network learned from, for the card. */
const LEARNED_FROM = {
  fer2013: "FER2013's own labels",
  votes:
    'the votes of ten people a face (FER+: Barsoum et al. 2016, arXiv 1608.01041), as shares; faces that most took for something else than the seven emotions are left out',
  both: "the votes of ten people a face (FER+: Barsoum et al. 2016, arXiv 1608.01041), as shares, mixed with FER2013's own label",
} as const;

/** What a network that did not start from random numbers knew. */
const RECOGNITION =
  "what dlib's face recognition knew of faces (by Davis King, public domain; its weights are in the npm package @vladmandic/face-api)";

const VOTES_SENTENCES = `Accuracy by votes counts the faces on which people agree: one emotion has more of the ten votes than each other choice. FER2013's
own label is that emotion in about two faces of three only, so a network cannot be good by both measures. Agreement is the mean share of the
ten votes that the answer has.

`;

function votesRows({ publicTest, privateTest }: NonNullable<ShippedFigures['votes']>, chosenBy: boolean): string {
  const row = (name: string, { images, accuracy, macroRecall, agreement, personAgreement }: VotesEvaluation) =>
    `| ${name}; agreement ${exactPercent(agreement)}, of one person with the others ${exactPercent(personAgreement)} | ${images} | ${exactPercent(accuracy)} | ${exactPercent(macroRecall)} |\n`;
  const chose = chosenBy ? ' (chose the epoch, the temperature and the threshold)' : '';
  return row(`PublicTest, votes${chose}`, publicTest) + row('PrivateTest, votes', privateTest);
}

/**
 * The model card of a network, as Markdown: what it is, how it came to be, how good it is and for what it is not.
 * @param others reports of networks trained for comparison, whose pictures lie in the card's reports folder
 */
export function modelCard(
  trained: TrainedNetwork,
  figures: ShippedFigures,
  others: readonly TrainingReport[] = [],
): string {
  const { network, plan, epoch, history, origin = [] } = trained;
  const { publicTest, privateTest, calibration, votes } = figures;
  // The network's confidence was fitted to the kind of labels that it learned from.
  const byVotes = plan.labels !== 'fer2013' && votes !== undefined;
  const judged = byVotes ? votes.privateTest : privateTest;
  const { confidence } = judged;
  const { name, summary, input } = network.architecture;
  const reports = reportFiles('reports', name);
  const knewFaces = [...origin, commandOf(plan)].some((command) => command.includes(`--from ${FACE_API}`));
  const card = `# Model card: ${name}

The network that the bot reads faces with: ${summary}.
Made by this project's own commands from the FER2013 training split${byVotes ? " and FER+'s votes on it" : ''} and ${knewFaces ? RECOGNITION : 'nothing else'}; every figure below was measured on
the weights in this folder, read as the bot reads a face.

| | |
| --- | --- |
| Parameters | ${network.parameters.toLocaleString('en')} |
| Input | ${input.join(' x ')}: a gray face crop, (x - mean) / (std + 0.05) of the crop itself, pixels 0..1 |
| Output | probabilities of ${EMOTIONS.join(', ')} |
| Format | TensorFlow.js layers format (model.json and its weights file); tf.loadLayersModel reads it |
${origin.length === 0 ? '' : `| Started from | the weights of ${inTurn(origin)} |\n`}| Learned from | ${LEARNED_FROM[plan.labels]} |
| Trained by | \`${commandOf(plan)}\` |
| Seed | ${plan.seed} |
| Epochs | ${history.length} of ${plan.epochs}; these weights are of epoch ${epoch}, the best on PublicTest |
${correction(trained)}| Read as | ${softened(calibration)}the mean over the crop and its mirror image, then temperature ${calibration.temperature} |

## Accuracy

${byVotes ? VOTES_SENTENCES : ''}| | Images | Accuracy | Macro recall |
| --- | --- | --- | --- |
${votes ? votesRows(votes, byVotes) : ''}| PublicTest${byVotes ? ", FER2013's labels" : ' (chose the epoch, the temperature and the threshold)'} | ${publicTest.images} | ${exactPercent(publicTest.accuracy)} | ${exactPercent(publicTest.macroRecall)} |
| PrivateTest${byVotes ? ", FER2013's labels" : ''} | ${privateTest.images} | ${exactPercent(privateTest.accuracy)} | ${exactPercent(privateTest.macroRecall)} |
| PrivateTest without rows that equal a Training row | ${privateTest.withoutTrainingDuplicates.images} | ${exactPercent(privateTest.withoutTrainingDuplicates.accuracy)} | |

People agree with the labels of FER2013 in about 65 ± 5 % of cases (Goodfellow et al. 2013, arXiv 1307.0414).

![Learning curves](${reports.curves})

## Confusion matrix, PrivateTest${byVotes ? ', by votes' : ''}

Rows: ${byVotes ? 'what most people voted for' : 'the label'}; columns: what the network reads.

| | ${EMOTIONS.join(' | ')} | recall |
| --- |${' --- |'.repeat(EMOTIONS.length + 1)}
${EMOTIONS.map((emotion, k) => `| ${emotion} | ${judged.confusion[k]!.join(' | ')} | ${shareOrNone(judged.recall[emotion])} |`).join('\n')}

![Confusion matrix](${reports.confusion})

## Confidence

Temperature and threshold were fitted on PublicTest without the rows that equal a Training row${byVotes ? ', by votes' : ''}. Below a confidence of
${exactPercent(calibration.unsureBelow)} a reading is 'unsure'. On PrivateTest that leaves ${exactPercent(confidence.unsure)} unsure; of the other readings
${shareOrNone(confidence.sureAccuracy)} are right. The expected calibration error (15 equal bins) is ${exactPercent(confidence.calibrationError)}.

## What it is not for

It guesses what an expression looks like in one still picture; it does not know what a person feels. FER2013 was
collected by a web search for words of emotion, is noisily labelled (57 groups of equal pictures carry different labels)
and says nothing of who is in it, so how well the network does for people of different ages, skin tones or cultures is
not known. Do not decide anything about a person by it. The EU's AI Act (Article 5(1)(f)) bans inferring emotions at work
and in education, except for medical or safety reasons.
`;
  return withComparison(card, others);
}

function softened({ softness }: Calibration): string {
  return softness === 0
    ? ''
    : `pixels each mixed with ${exactPercent(softness)} of each neighbour along rows, then along columns; `;
}

const COMPARISON = '## Trained for comparison';

/** Replaces the card's last section, about the networks trained for comparison. */
export function withComparison(card: string, others: readonly TrainingReport[]): string {
  const at = card.indexOf(COMPARISON);
  const body = at < 0 ? card : card.slice(0, at);
  return `${[body.trimEnd(), comparison(others).trimEnd()].filter(Boolean).join('\n\n')}\n`;
}

function comparison(others: readonly TrainingReport[]): string {
  if (others.length === 0) return '';
  const rows = others.map(
    ({ architecture, parameters, command, origin = [], epochs, privateTest }) =>
      `| ${architecture} | ${parameters.toLocaleString('en')} | ${epochs.length} | ${exactPercent(Math.max(...epochs.map(({ valAccuracy }) => valAccuracy)))} | ${exactPercent(privateTest.accuracy)} | ${exactPercent(measureConfusion(privateTest.confusion).macroRecall)} | ${inTurn([...origin, command])} |`,
  );
  const pictures = others.map(({ architecture }) => {
    const files = reportFiles('reports', architecture);
    return `![Learning curves of ${architecture}](${files.curves})\n\n![Confusion matrix of ${architecture}](${files.confusion})\n`;
  });
  return `${COMPARISON}

Networks whose weights do not come along; their reports do. PublicTest is the best epoch's accuracy, each face seen once;
PrivateTest is read as the bot reads faces. Epochs and curves are those of the last command.

| | Parameters | Epochs | PublicTest | PrivateTest | Macro recall | Trained by |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

${pictures.join('\n')}`;
}

function correction({ priorCorrection = 0, lessNeutral = 0, plan }: TrainedNetwork): string {
  const of = plan.labels === 'fer2013' ? 'images' : 'targets';
  const neutral =
    lessNeutral === 0
      ? ''
      : `| Neutral | its logit less ${lessNeutral}, in the last bias: what people post shows fewer neutral faces than FER2013 |\n`;
  if (priorCorrection === 0) return neutral;
  return `${neutral}| Rare emotions | logits less ${priorCorrection} times the logarithm of the emotion's share of the training ${of}, in the last bias; chosen on PublicTest |\n`;
}

function inTurn(commands: readonly string[]): string {
  return commands.map((command) => `\`${command}\``).join(', then ');
}

function shareOrNone(share: number | null): string {
  return share === null ? '-' : exactPercent(share);
}
