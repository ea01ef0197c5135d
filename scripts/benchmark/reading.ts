import sharp from 'sharp';
import { Random } from '../../src/base/random.ts';
import { loadClassifier } from '../../src/emotion/classifier.ts';
import type { Engine } from '../../src/emotion/engines/engine.ts';
import { createOnnxEngine } from '../../src/emotion/engines/onnx/onnx-engine.ts';
import { failuresText, findRuntime } from '../../src/emotion/engines/tensorflow/runtime.ts';
import { createTensorflowEngine } from '../../src/emotion/engines/tensorflow/tensorflow-engine.ts';
import { FACE_PIXELS, FACE_SIZE } from '../../src/emotion/labels.ts';
import { CROP_SIDE, type FaceApi, startFaceApi } from './face-api.ts';
import { SPREAD, speeds, spread, table, takeTurns } from './rounds.ts';

interface ReadingBenchmark {
  /** Directory of the network. */
  readonly model: string;
  /** Numbers of faces in a photo to measure at. */
  readonly faces: readonly number[];
  readonly threads: number;
  /** Rounds that count; the contenders take turns, after one round that is not counted. */
  readonly rounds: number;
  /** A face-api process to use, which stays open afterwards. Without it, one is started and closed. */
  readonly faceApi?: FaceApi;
  /** Prints progress. */
  readonly log: (sentence: string) => void;
}

interface ReadingResult {
  readonly name: string;
  /** Faces in the photo. */
  readonly faces: number;
  /** Milliseconds a face in each counted round, in order. */
  readonly msPerFace: readonly number[];
}

/** Something to time. `read` reads the first `faces` crops in one batch, PHOTOS times, and returns the milliseconds that this took. */
interface Contender {
  readonly name: string;
  read(faces: number): Promise<number>;
  close(): Promise<void>;
}

/** Photos in each turn, since one photo takes only a few milliseconds. */
const PHOTOS = 10;

/**
 * Times reading the face crops of one photo, from their bytes to probabilities. The contenders are every engine that loads
 * and, where it loads, face-api's faceExpressionNet: the peer, first in the result. The bot averages over several views of a face; the
 * peer has one view. Where the peer has fewer threads, onnx is timed on as few threads too.
 * @returns the results of all contenders for each number of faces
 */
export async function benchmarkReading(benchmark: ReadingBenchmark): Promise<ReadingResult[]> {
  const { model, faces, threads, rounds, faceApi, log } = benchmark;
  const random = new Random(3);
  // Noise, since the time does not depend on the pixels.
  const crops = Array.from({ length: Math.max(...faces) }, () =>
    new Uint8Array(FACE_PIXELS).map(() => random.below(256)),
  );
  const contenders: Contender[] = [];
  try {
    contenders.push(await botContender(createOnnxEngine({ threads }), model, crops));
    const { runtime, failures } = await findRuntime();
    if (runtime) contenders.push(await botContender(createTensorflowEngine(runtime), model, crops));
    else log(`tensorflow is left out: ${failuresText(failures)}`);
    const peer = faceApi ? { ...faceApi, close: async () => {} } : await startFaceApi({ threads, log });
    if (peer) {
      contenders.unshift(await peerContender(peer, crops));
      if (peer.threads < threads)
        contenders.splice(2, 0, await botContender(createOnnxEngine({ threads: peer.threads }), model, crops));
    }
    const turns = faces.flatMap((count) => contenders.map((contender) => ({ contender, faces: count })));
    const measured = await takeTurns(turns, rounds, async ({ contender, faces: count }, round) => {
      const milliseconds = (await contender.read(count)) / (PHOTOS * count);
      log(`${round}: ${contender.name}, faces: ${count}, ${milliseconds.toFixed(2)} ms a face`);
      return milliseconds;
    });
    return turns.map(({ contender, faces: count }, k) => ({
      name: contender.name,
      faces: count,
      msPerFace: measured[k]!,
    }));
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

/** The bot's classifier on an engine. */
async function botContender(engine: Engine, model: string, crops: readonly Uint8Array[]): Promise<Contender> {
  const classifier = await loadClassifier(model, { engine });
  return {
    name: `${engine.name} (${engine.device})`,
    async read(faces) {
      const photo = crops.slice(0, faces);
      const start = performance.now();
      for (let k = 0; k < PHOTOS; k++) await classifier.classify(photo);
      return performance.now() - start;
    },
    close: () => classifier.dispose(),
  };
}

/** The peer's contender. faceExpressionNet gets the same crops in colour and at its own size, so that it need not scale them. */
async function peerContender(peer: FaceApi, crops: readonly Uint8Array[]): Promise<Contender> {
  const raw = { width: FACE_SIZE, height: FACE_SIZE, channels: 1 } as const;
  const large = await Promise.all(
    crops.map((crop) => sharp(crop, { raw }).resize(CROP_SIDE, CROP_SIDE).toColourspace('srgb').raw().toBuffer()),
  );
  return {
    name: peer.name,
    read: async (faces) => (await peer.read(large.slice(0, faces), PHOTOS)).milliseconds,
    close: () => peer.close(),
  };
}

/** A table of milliseconds a face, and of how many times as fast each contender is as the first at the same number of faces. */
export function readingTable(results: readonly ReadingResult[]): string {
  return table(
    ['faces', '', `ms a face: ${SPREAD}`, `times as fast as the first: ${SPREAD}`],
    results.map(({ faces, name, msPerFace }) => {
      const first = results.find((one) => one.faces === faces)!;
      return [`${faces}`, name, spread(msPerFace, 2), spread(speeds(first.msPerFace, msPerFace), 2)];
    }),
  );
}
