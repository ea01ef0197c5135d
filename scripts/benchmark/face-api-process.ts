/**
 * The peer of `npm run benchmark -- reading` and `photo`: face-api on TensorFlow.js' wasm backend. It has a process of its own, since
 * TensorFlow.js has one backend for the whole process: in the benchmark's process, the tfjs-node engine would compute on wasm too.
 *
 * Arguments: threads, and the package with the backend.
 */
import { join } from 'node:path';
import { CROP_SIDE, type FaceApiRequest, type ReadAnswer } from './face-api.ts';
import type { WalkAnswer } from './peer.ts';
import { folderOf, require, servePeer, wasmFolder } from './wasm-peer.ts';

const FACE_API = '@vladmandic/face-api';

type Library = typeof import('@vladmandic/face-api/dist/face-api.node-wasm.js');

/** @returns face-api with its networks, and how many threads the backend computes on */
async function load(threads: number, backend: string): Promise<{ faceApi: Library; threads: number }> {
  const tf: typeof import('@tensorflow/tfjs') = require('@tensorflow/tfjs');
  const wasm: typeof import('@tensorflow/tfjs-backend-wasm') = require(backend);
  const faceApi: Library = require(`${FACE_API}/dist/face-api.node-wasm.js`);
  wasm.setWasmPaths(wasmFolder(backend));
  // Node gets the backend's build without threads, whatever is asked for here. getThreadsCount says how many it really has.
  wasm.setThreadsCount(threads);
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend does not start');
  const model = join(folderOf(FACE_API), 'model');
  await faceApi.nets.ssdMobilenetv1.loadFromDisk(model);
  await faceApi.nets.tinyFaceDetector.loadFromDisk(model);
  await faceApi.nets.faceExpressionNet.loadFromDisk(model);
  return { faceApi, threads: wasm.getThreadsCount() };
}

/**
 * Times reading from bytes to probabilities, as for the bot's classifier. faceExpressionNet takes an array of tensors as one
 * batch, with one view of each face.
 */
async function read(faceApi: Library, crops: readonly Uint8Array[], times: number): Promise<ReadAnswer> {
  const start = performance.now();
  for (let time = 0; time < times; time++) {
    const tensors = crops.map((crop) => faceApi.tf.tensor3d(crop, [CROP_SIDE, CROP_SIDE, 3], 'int32'));
    await faceApi.nets.faceExpressionNet.predictExpressions(tensors);
    for (const tensor of tensors) tensor.dispose();
  }
  return { milliseconds: performance.now() - start };
}

/**
 * Does what `detectAllFaces(picture).withFaceExpressions()` does, by the same functions and with their default options, but reads all
 * faces in one batch instead of one by one.
 */
async function walk(
  faceApi: Library,
  { width, height, data, detector }: Extract<FaceApiRequest, { kind: 'walk' }>,
): Promise<WalkAnswer> {
  const start = performance.now();
  const picture = faceApi.tf.tensor3d(data, [height, width, 3], 'int32');
  const boxes = await faceApi.nets[detector].locateFaces(picture, {});
  const faces = await faceApi.extractFaceTensors(picture, boxes);
  if (faces.length > 0) await faceApi.nets.faceExpressionNet.predictExpressions(faces);
  const milliseconds = performance.now() - start;
  for (const tensor of [picture, ...faces]) tensor.dispose();
  return { milliseconds, faces: faces.length };
}

const [asked, backend] = process.argv.slice(2);
await servePeer<FaceApiRequest>(async () => {
  const { faceApi, threads } = await load(Number(asked), backend!);
  return {
    version: faceApi.version,
    threads,
    answer: (request) =>
      request.kind === 'read' ? read(faceApi, request.crops, request.times) : walk(faceApi, request),
  };
});
