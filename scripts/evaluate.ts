import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import { exactPercent } from '../src/base/numbers.ts';
import { createEngine } from '../src/emotion/engines/create-engine.ts';
import { ENGINE_CHOICES, type EngineChoice } from '../src/emotion/engines/engine.ts';
import { EMOTIONS } from '../src/emotion/labels.ts';
import { loadClassifier } from '../src/emotion/load-classifier.ts';
import {
  type Evaluation,
  judgeByVotes,
  judgeReadings,
  readAll,
  type VotesEvaluation,
} from '../src/evaluation/evaluate.ts';
import { exampleSheet, examplesOf } from '../src/evaluation/example-sheet.ts';
import { type Slice, slicesOf } from '../src/evaluation/slices.ts';
import { readFaceFolders } from '../src/training/data/face-folders.ts';
import type { FaceSet } from '../src/training/data/face-set.ts';
import { readFer2013, SPLITS, type Split } from '../src/training/data/fer2013.ts';
import { type Votes, votesFor } from '../src/training/data/votes.ts';
import { runTool } from './command-line.ts';
import { evaluateFaces, facesTable } from './evaluate-faces.ts';
import { DEFAULT_IMAGES, DEFAULT_SEED, evaluateWalk, planOf, type WalkQuestion, walkTable } from './evaluate-walk.ts';

const folder = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const USAGE = `Usage: npm run --silent evaluate -- [--data DIR] [--split ${SPLITS.join('|')}] | --faces DIR  [--slices] [--examples FILE]
       npm run --silent evaluate -- --photos DIR [--boxes FILE] [--detector NAME] [--tilt DEGREES,...]
       npm run --silent evaluate -- --walk [--data DIR] [--images N] [--seed N] [--detector NAME]

Says how good a network is, read as the bot reads faces: accuracy, macro recall, recall of each emotion, confusion matrix,
how honest its confidence is.
With --photos, says instead how many faces are found, missed and falsely seen in photos.
With --walk, pastes faces of the data into larger pictures at 64 to 256 pixels and tilted by up to 30 degrees, has the bot find and read
them there, and compares with reading them directly.

  --data DIR    the folder with the FER2013 chunks (default: data/)
  --votes FILE  also: how often it reads what ten people voted for (FER+'s fer2013new.csv), on the faces on which they agree
  --split NAME  the split to read (default: PrivateTest; with --walk: PublicTest)
  --faces DIR   instead: a folder with a folder an emotion (${EMOTIONS.join(', ')}), whose pictures are whole face
                crops of any size; with --data, crops that equal a Training row are told apart
  --model DIR   the network (default: model/)
  --engine NAME ${ENGINE_CHOICES.join(', ')} (default: auto)
  --photos DIR  photos with known faces, or pictures with nobody in them
  --boxes FILE  the faces: {"NAME.jpg": {"width", "height", "faces": [{"x", "y", "width", "height"}, ...]}, ...},
                in pixels of the photo resized to that width and height; without it, every face found is false
  --detector NAME  fusion, haar or network (default: each of them; with --walk: fusion)
  --tilt DEGREES   turn the photos clockwise first, by each of these angles (default: 0)
  --slices      also: accuracy by how bright, contrasty and sharp the crops are (same mix: if every emotion were as
                frequent in each quarter as in the whole)
  --examples FILE  also: a picture of the surest readings of each emotion, right and wrong ones
  --images N    faces to paste (default: ${DEFAULT_IMAGES})
  --seed N      decides which faces, where and on what background (default: ${DEFAULT_SEED})
  --json        print one JSON object and nothing else
  --help        show this
`;

await runTool(async (signal) => {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      split: { type: 'string' },
      votes: { type: 'string' },
      faces: { type: 'string' },
      model: { type: 'string', default: folder('model') },
      engine: { type: 'string', default: 'auto' },
      photos: { type: 'string' },
      boxes: { type: 'string' },
      detector: { type: 'string' },
      tilt: { type: 'string' },
      walk: { type: 'boolean', default: false },
      slices: { type: 'boolean', default: false },
      examples: { type: 'string' },
      images: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if ((values.slices || values.examples !== undefined) && (values.walk || values.photos !== undefined))
    throw new UserError('bad-usage', '--slices and --examples go with --data and --faces.');
  if (values.photos !== undefined) {
    if (values.walk) throw new UserError('bad-usage', 'Give --walk or --photos, not both.');
    const { photos, boxes, detector, tilt: tilts } = values;
    const answers = await evaluateFaces({ photos, boxes, detector, tilts }, signal);
    process.stdout.write(values.json ? `${JSON.stringify(answers)}\n` : `${facesTable(answers)}\n`);
    return 0;
  }
  if (values.boxes !== undefined || values.tilt !== undefined)
    throw new UserError('bad-usage', '--boxes and --tilt go with --photos.');
  if (values.walk && values.faces !== undefined) throw new UserError('bad-usage', 'Give --walk or --faces, not both.');
  if (!values.walk && values.detector !== undefined)
    throw new UserError('bad-usage', '--detector goes with --photos and --walk.');
  if (!values.walk && (values.images !== undefined || values.seed !== undefined))
    throw new UserError('bad-usage', '--images and --seed go with --walk.');
  if (values.faces !== undefined && values.split !== undefined)
    throw new UserError('bad-usage', 'Give --split or --faces, not both.');
  if (!ENGINE_CHOICES.includes(values.engine as EngineChoice))
    throw new UserError('bad-usage', `--engine is one of ${ENGINE_CHOICES.join(', ')}.`);
  if (values.walk) {
    const { data = folder('data'), split = 'PublicTest', model, engine, json } = values;
    const answer = await walk(values, { data, split, model, engine: engine as EngineChoice }, signal);
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${walkTable(answer)}\n`);
    return 0;
  }
  if (values.votes !== undefined && (values.faces !== undefined || values.walk))
    throw new UserError('bad-usage', '--votes goes with --data.');
  const { set, training, votes } =
    values.faces === undefined
      ? await splitToRead(values.data ?? folder('data'), values.split ?? 'PrivateTest', values.votes, signal)
      : await facesToRead(values.faces, values.data, signal);
  const engine = await createEngine(values.engine as EngineChoice);
  const classifier = await loadClassifier(values.model, { engine });
  const readings = await readAll(classifier, set);
  await classifier.dispose();
  const evaluation = judgeReadings(readings, set, training);
  const voted = votes && judgeByVotes(readings, set, votes);
  const slices = values.slices ? slicesOf(set, readings) : undefined;
  if (values.examples !== undefined) {
    await mkdir(dirname(values.examples), { recursive: true });
    await writeFile(values.examples, await exampleSheet(set, examplesOf(set, readings)));
    console.error(`The examples are ${values.examples}.`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ ...evaluation, votes: voted, slices })}\n`);
  else
    process.stdout.write(
      `${[table(evaluation), ...(voted ? [votesTable(voted)] : []), ...(slices ? [slicesTable(slices)] : [])].join('\n\n')}\n`,
    );
  return 0;
});

async function walk(
  question: WalkQuestion,
  { data, split: name, model, engine }: { data: string; split: string; model: string; engine: EngineChoice },
  signal: AbortSignal,
) {
  const plan = planOf(question);
  const split = splitNamed(name);
  const { sets } = await readSplits(data, [split], signal);
  const classifier = await loadClassifier(model, { engine: await createEngine(engine) });
  try {
    return await evaluateWalk(plan, sets[split], classifier, signal, (done, of) => {
      if (process.stderr.isTTY) process.stderr.write(`\rPicture ${done} of ${of}${done === of ? '\n' : ''}`);
    });
  } finally {
    await classifier.dispose();
  }
}

interface FacesToRead {
  readonly set: FaceSet;
  readonly training: FaceSet | undefined;
  readonly votes?: Votes | undefined;
}

function splitNamed(name: string): Split {
  const split = SPLITS.find((known) => known.toLowerCase() === name.toLowerCase());
  if (!split) throw new UserError('bad-usage', `--split is one of ${SPLITS.join(', ')}.`);
  return split;
}

async function splitToRead(
  directory: string,
  name: string,
  votesFile: string | undefined,
  signal: AbortSignal,
): Promise<FacesToRead> {
  const split = splitNamed(name);
  const data = await readSplits(directory, [split, 'Training'], signal);
  const { sets } = data;
  if (sets[split].count === 0) throw new UserError('no-data', `${directory} has no rows of ${split}.`);
  const votes = votesFile === undefined ? undefined : await votesFor(data, { directory, file: votesFile, signal });
  return { set: sets[split], training: sets.Training, votes };
}

async function facesToRead(faces: string, data: string | undefined, signal: AbortSignal): Promise<FacesToRead> {
  const { set, ignored } = await readFaceFolders(faces);
  if (ignored.length > 0) console.error(`Ignored ${ignored.length} that are not pictures: ${ignored[0]} ...`);
  return {
    set,
    training: data === undefined ? undefined : (await readSplits(data, ['Training'], signal)).sets.Training,
  };
}

async function readSplits(data: string, splits: readonly Split[], signal: AbortSignal) {
  const read = await readFer2013(data, { splits, signal });
  const { skipped, warnings } = read;
  for (const warning of warnings) console.error(warning);
  if (skipped.length > 0)
    console.error(`Skipped ${skipped.length} bad rows, first ${skipped[0]!.file}:${skipped[0]!.line}.`);
  return read;
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
