import { exactPercent, percent } from '../../base/numbers.ts';
import { type JudgedFace, type Totals, totalsOf, type Verdict } from './judge.ts';
import { facesOf, type ModelNote, type Report } from './report.ts';

/** Sentences that the terminal and the page share. */

/** "1 face", "3 faces". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** "20 detections: 14 right, 4 wrong, 2 false; 3 faces missed." */
function totalsSentence({ detections, right, wrong, false: wrongly, missed }: Totals): string {
  return `${count(detections, 'detection')}: ${right} right, ${wrong} wrong, ${wrongly} false; ${count(missed, 'face')} missed.`;
}

/** Further sentences about the totals. */
function totalsDetails(totals: Totals): string[] {
  const { detections, right, rightByAlso, sure, small } = totals;
  const sentences: string[] = [];
  if (detections > 0)
    sentences.push(
      `Of the detections ${exactPercent(right / detections)} are right and ${exactPercent(totals.false / detections)} false.`,
    );
  const sureOnes = sure.right + sure.wrong + sure.false;
  if (sureOnes < detections)
    sentences.push(
      `An unsure reading counts as its likeliest emotion. Of the ${sureOnes} that are not unsure, ${sure.right} are right, ` +
        `${sure.wrong} wrong and ${sure.false} false.`,
    );
  if (rightByAlso > 0)
    sentences.push(
      `${rightByAlso} of the right ones ${rightByAlso === 1 ? 'is' : 'are'} right only by an emotion that the label allows besides its own.`,
    );
  if (small > 0) sentences.push(`${count(small, 'more labelled face')} not found, too small to count as missed.`);
  return sentences;
}

/** "3 faces found: 2 right, 1 wrong; 1 missed." */
export function photoSentence(faces: readonly JudgedFace[]): string {
  const of = (verdict: Verdict) => faces.filter((face) => face.verdict === verdict).length;
  const found = faces.filter((face) => 'reading' in face).length;
  const start = found === 0 ? 'No face found' : `${count(found, 'face')} found`;
  const verdicts = (['right', 'wrong', 'false'] as const).flatMap((name) =>
    of(name) > 0 ? [`${of(name)} ${name}`] : [],
  );
  const missed = of('missed') > 0 ? `; ${of('missed')} missed` : '';
  return `${start}${verdicts.length === 0 ? '' : `: ${verdicts.join(', ')}`}${missed}.`;
}

/** "compact (1,182,087 parameters), temperature 0.91, unsure below 49 %" */
function modelSentence({ architecture, parameters, calibrated, calibration }: ModelNote): string {
  const { temperature, unsureBelow } = calibration;
  const how = calibrated
    ? `temperature ${Number(temperature.toFixed(3))}`
    : 'stored without calibration, so its probabilities are not adjusted';
  return `${architecture} (${parameters.toLocaleString('en')} parameters), ${how}, unsure below ${percent(unsureBelow)}`;
}

/** The sentences of a report: `results` are the totals, `notes` say what they are based on. */
export function reportSentences(report: Report): { readonly results: string[]; readonly notes: string[] } {
  const totals = totalsOf(facesOf(report.photos));
  const broken = report.photos.filter((photo) => 'error' in photo).length;
  const leftOut = report.unlabelled.length;
  const results =
    report.labels === undefined
      ? [`${count(totals.unlabelled, 'face')} found. There are no labels, so nothing is judged.`]
      : [totalsSentence(totals), ...totalsDetails(totals)];
  const notes = [`${count(report.photos.length - broken, 'photo')} read${broken === 0 ? '' : `, ${broken} not`}.`];
  if (leftOut > 0)
    notes.push(
      `${count(leftOut, 'other picture')} of the folder ${leftOut === 1 ? 'has no labels and was' : 'have no labels and were'} left out.`,
    );
  notes.push(`Network: ${report.model}: ${modelSentence(report.modelNote)}. Faces found by: ${report.detector}.`);
  if (report.labels !== undefined) notes.push(`Labels: ${report.labels}.`);
  return { results, notes };
}

/** The report as the object that --json prints: all its figures and no pictures. */
export function jsonOf(report: Report) {
  const { folder, labels, model, modelNote, detector, photos, unlabelled } = report;
  return {
    folder,
    labels: labels ?? null,
    model: { directory: model, ...modelNote },
    detector,
    totals: totalsOf(facesOf(photos)),
    leftOut: unlabelled,
    photos: photos.map((photo) => {
      if ('error' in photo)
        return { photo: photo.name, error: { code: photo.error.code, message: photo.error.message } };
      const { name, width, height, faces, milliseconds } = photo;
      return { photo: name, width, height, faces: faces.map(faceJson), milliseconds };
    }),
  };
}

function faceJson(face: JudgedFace) {
  const reading =
    'reading' in face
      ? {
          number: face.number,
          box: face.reading.box,
          emotion: face.reading.emotion,
          confidence: face.reading.confidence,
          scores: face.reading.scores,
        }
      : {};
  return { verdict: face.verdict, ...reading, ...('label' in face ? { label: face.label } : {}) };
}
