import { exactPercent } from '../base/numbers.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import type { Evaluation, VotesEvaluation } from './evaluate.ts';
import type { Slice } from './slices.ts';

/** What an evaluation came to, for people: a table a part, with an empty line between. */
export function evaluationText(
  evaluation: Evaluation,
  voted: VotesEvaluation | undefined,
  slices: readonly Slice[] | undefined,
): string {
  return [table(evaluation), ...(voted ? [votesTable(voted)] : []), ...(slices ? [slicesTable(slices)] : [])].join(
    '\n\n',
  );
}

function table(evaluation: Evaluation): string {
  const {
    images,
    accuracy,
    macroRecall,
    recall,
    confusion,
    withoutTrainingDuplicates: unseen,
    confidence,
  } = evaluation;
  return [
    `${images} faces: accuracy ${exactPercent(accuracy)}, macro recall ${exactPercent(macroRecall)}`,
    `${unseen.images} of them not in Training: accuracy ${exactPercent(unseen.accuracy)}`,
    confidenceLine(confidence),
    '',
    confusionTable({ confusion, recall }),
  ].join('\n');
}

function votesTable({ images, accuracy, macroRecall, agreement, personAgreement, ...rest }: VotesEvaluation): string {
  return [
    `By votes, ${images} faces on which people agree: accuracy ${exactPercent(accuracy)}, macro recall ${exactPercent(macroRecall)}`,
    `The answer has ${exactPercent(agreement)} of the votes; a person who voted agrees with ${exactPercent(personAgreement)} of the others`,
    confidenceLine(rest.confidence),
    '',
    confusionTable(rest),
  ].join('\n');
}

function confidenceLine({ unsure, sureAccuracy, calibrationError }: Evaluation['confidence']): string {
  const right = sureAccuracy === null ? '-' : exactPercent(sureAccuracy);
  return `${exactPercent(unsure)} unsure; of the others ${right} right; calibration error ${exactPercent(calibrationError)}`;
}

function confusionTable({ confusion, recall }: Pick<Evaluation, 'confusion' | 'recall'>): string {
  const cell = (text: string | number) => String(text).padStart(9);
  return [
    `${cell('')}${EMOTIONS.map(cell).join('')}${cell('recall')}   (rows: true, columns: read)`,
    ...EMOTIONS.map((emotion, k) => {
      const share = recall[emotion];
      return `${cell(emotion)}${confusion[k]!.map(cell).join('')}${cell(share === null ? '-' : exactPercent(share))}`;
    }),
  ].join('\n');
}

function slicesTable(slices: readonly Slice[]): string {
  const cell = (text: string | number) => String(text).padStart(10);
  return [
    ['by quarter', 'from', 'to', 'faces', 'right', 'same mix', 'unsure'].map(cell).join(''),
    ...slices.map(({ property, from, to, images, accuracy, sameMix, unsure }) => {
      const digits = property === 'sharpness' ? 2 : 0;
      return [
        property,
        from.toFixed(digits),
        to.toFixed(digits),
        images,
        exactPercent(accuracy),
        exactPercent(sameMix),
        exactPercent(unsure),
      ]
        .map(cell)
        .join('');
    }),
  ].join('\n');
}
