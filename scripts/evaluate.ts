import { dirname } from 'node:path';
import { UserError } from '../src/base/errors.ts';
import { explainedIn, makeFolder, statIfThere, writeWhole } from '../src/base/files.ts';
import { loadClassifier } from '../src/emotion/classifier.ts';
import { createEngine } from '../src/emotion/engines/create-engine.ts';
import { ENGINE_CHOICES, type EngineChoice } from '../src/emotion/engines/engine.ts';
import { EMOTIONS } from '../src/emotion/labels.ts';
import { evaluationText, judgeByVotes, judgeReadings, readAll, slicesOf } from '../src/evaluation/evaluate.ts';
import { evaluateFaces, facesTable } from '../src/evaluation/evaluate-faces.ts';
import { exampleSheet, examplesOf } from '../src/evaluation/example-sheet.ts';
import { evaluateWalk, type WalkAnswer, walkTable } from '../src/evaluation/walk.ts';
import { DETECTOR_CHOICES, DETECTORS, type DetectorChoice } from '../src/photo/faces/detector.ts';
import { readFaceFolders } from '../src/training/data/face-folders.ts';
import type { FaceSet } from '../src/training/data/face-set.ts';
import { SPLITS, type Split } from '../src/training/data/fer2013.ts';
import { votesFor } from '../src/training/data/votes.ts';
import type { Votes } from '../src/training/data/votes-file.ts';
import { type Call, inRepository, runAsProcess, tool } from './command-line.ts';
import { choice, flag, number, numbers, refuseWords, text } from './options.ts';
import { readData } from './read-data.ts';

const FROM_ONE_TO_2_32 = { whole: true, least: 1, most: 2 ** 32 - 1 };

export const main = tool(
  {
    usage: [
      `npm run --silent evaluate -- [--data DIR] [--split ${SPLITS.join('|')}] | --faces DIR  [--slices] [--examples FILE]`,
      'npm run --silent evaluate -- --photos DIR [--boxes FILE] [--detector NAME] [--tilt DEGREES,...]',
      'npm run --silent evaluate -- --walk [--data DIR] [--images N] [--seed N] [--detector NAME]',
    ],
    about: `Says how good a network is, read as the bot reads faces: accuracy, macro recall, recall of each emotion, confusion matrix,
how honest its confidence is.
With --photos, says instead how many faces are found, missed and falsely seen in photos.
With --walk, pastes faces of the data into larger pictures at 64 to 256 pixels and tilted by up to 30 degrees, has the bot find and read
them there, and compares with reading them directly.`,
    endsAtOnce: true,
    options: {
      data: text('DIR', 'the folder with the FER2013 chunks', inRepository('data')),
      votes: text(
        'FILE',
        "also: how often the reading equals the votes of ten people (FER+'s fer2013new.csv), on the faces on which they agree",
      ),
      split: choice(SPLITS, 'the split to read (default: PrivateTest; with --walk: PublicTest)'),
      faces: text(
        'DIR',
        `instead: a folder with a folder an emotion (${EMOTIONS.join(', ')}), whose pictures are whole face crops of any size; with --data, crops that equal a Training row are counted apart`,
      ),
      model: text('DIR', 'the network', inRepository('model')),
      engine: choice(ENGINE_CHOICES, 'what computes', 'auto'),
      photos: text('DIR', 'photos with known faces, or pictures with nobody in them'),
      boxes: text(
        'FILE',
        'the faces: {"NAME.jpg": {"width", "height", "faces": [{"x", "y", "width", "height"}, ...]}, ...},\nin pixels of the photo resized to that width and height; without it, every face found is false',
      ),
      detector: choice(
        DETECTOR_CHOICES,
        `what finds faces (default: ${DETECTORS.join(' and ')}; with --walk: ${DETECTORS[0]})`,
      ),
      tilt: numbers('degrees to turn the photos clockwise by first, one round each', { least: -180, most: 180 }, '0'),
      walk: flag('read faces in larger pictures'),
      slices: flag(
        'also: accuracy by how bright, contrasty and sharp the crops are (same mix: if every emotion were as frequent in each quarter as in the whole)',
      ),
      examples: text('FILE', 'also: a picture of the surest readings of each emotion, right and wrong ones'),
      images: number('N', 'faces to paste', FROM_ONE_TO_2_32, 600),
      seed: number('N', 'decides which faces, where and on what background', { ...FROM_ONE_TO_2_32, least: 0 }, 1),
      json: flag('print one JSON object and nothing else'),
    },
  },
  async (call) => {
    const { values, given, words, print, signal } = call;
    refuseWords(words);
    const has = (...options: (keyof typeof values)[]) => options.some((option) => given.includes(option));
    if (has('slices', 'examples') && has('walk', 'photos'))
      throw new UserError('bad-usage', '--slices and --examples go with --data and --faces.');
    if (has('walk') && has('photos')) throw new UserError('bad-usage', 'Give --walk or --photos, not both.');
    if (values.photos !== undefined) {
      const { photos, boxes, detector, tilt: tilts } = values;
      const answers = await evaluateFaces({ photos, boxes, detector, tilts }, signal);
      print(values.json ? JSON.stringify(answers) : facesTable(answers));
      return 0;
    }
    if (has('boxes', 'tilt')) throw new UserError('bad-usage', '--boxes and --tilt go with --photos.');
    if (has('walk') && has('faces')) throw new UserError('bad-usage', 'Give --walk or --faces, not both.');
    if (!has('walk') && has('detector')) throw new UserError('bad-usage', '--detector goes with --photos and --walk.');
    if (!has('walk') && has('images', 'seed')) throw new UserError('bad-usage', '--images and --seed go with --walk.');
    if (has('faces') && has('split')) throw new UserError('bad-usage', 'Give --split or --faces, not both.');
    if (has('votes') && has('faces', 'walk')) throw new UserError('bad-usage', '--votes goes with --data.');
    if (values.walk) {
      const answer = await walk(call);
      print(values.json ? JSON.stringify(answer) : walkTable(answer));
      return 0;
    }
    const { examples } = values;
    // Before minutes of reading, not after them.
    if (examples !== undefined) {
      const there = await statIfThere(examples).catch(explainedIn(examples));
      if (there && !there.isFile()) throw new UserError('bad-usage', `${examples} exists and is not a file.`);
      await makeFolder(dirname(examples)).catch(explainedIn(examples));
    }
    const { set, training, votes } =
      values.faces === undefined
        ? await splitToRead(values.data, values.split ?? 'PrivateTest', values.votes, call)
        : await facesToRead(values.faces, has('data') ? values.data : undefined, call);
    const engine = await createEngine(values.engine);
    const classifier = await loadClassifier(values.model, { engine });
    const readings = await readAll(classifier, set);
    await classifier.dispose();
    const evaluation = judgeReadings(readings, set, training);
    const voted = votes && judgeByVotes(readings, set, votes);
    const slices = values.slices ? slicesOf(set, readings) : undefined;
    if (values.json) print(JSON.stringify({ ...evaluation, votes: voted, slices }));
    else print(evaluationText(evaluation, voted, slices));
    if (examples !== undefined) {
      const sheet = await exampleSheet(set, examplesOf(set, readings));
      await writeWhole(examples, sheet).catch(explainedIn(examples));
      call.say(`The examples are ${examples}.`);
    }
    return 0;
  },
);

type CallContext = Pick<Call<unknown>, 'signal' | 'say'>;

interface WalkAsked {
  readonly data: string;
  readonly split: Split | undefined;
  readonly model: string;
  readonly engine: EngineChoice;
  readonly images: number;
  readonly seed: number;
  readonly detector: DetectorChoice | undefined;
}

async function walk(call: Call<WalkAsked>): Promise<WalkAnswer> {
  const { data, split = 'PublicTest', model, engine, images, seed, detector = DETECTORS[0] } = call.values;
  const { stderr } = call.terminal;
  const { sets } = await readData(data, call, { splits: [split] });
  const classifier = await loadClassifier(model, { engine: await createEngine(engine) });
  try {
    return await evaluateWalk({ images, seed, detector }, sets[split], classifier, call.signal, (done, of) => {
      if (stderr.isTTY) stderr.write(`\rPicture ${done} of ${of}${done === of ? '\n' : ''}`);
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

async function splitToRead(
  directory: string,
  split: Split,
  votesFile: string | undefined,
  around: CallContext,
): Promise<FacesToRead> {
  const data = await readData(directory, around, { splits: [split, 'Training'] });
  const { sets } = data;
  if (sets[split].count === 0) throw new UserError('no-data', `${directory} has no rows of ${split}.`);
  const votes =
    votesFile === undefined ? undefined : await votesFor(data, { directory, file: votesFile, signal: around.signal });
  return { set: sets[split], training: sets.Training, votes };
}

async function facesToRead(faces: string, data: string | undefined, around: CallContext): Promise<FacesToRead> {
  const { set, ignored } = await readFaceFolders(faces);
  if (ignored.length > 0) around.say(`Ignored ${ignored.length} that are not pictures: ${ignored[0]} ...`);
  return {
    set,
    training: data === undefined ? undefined : (await readData(data, around, { splits: ['Training'] })).sets.Training,
  };
}

await runAsProcess(import.meta.url, main);
