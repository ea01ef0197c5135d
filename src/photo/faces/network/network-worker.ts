/**
 * Runs in a worker thread, since onnxruntime-node computes on the thread that calls it: the graph is built once a thread, then each
 * task shows the network one picture.
 */
import '../../../base/no-telemetry.ts';

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sessionOptions } from '../../../emotion/engines/onnx/session.ts';
import type { RgbImage } from '../../image.ts';
import { centreOf } from '../box.ts';
import { LEAST_SIGHTING, type NetworkBox, sightingOf, toBoxes } from './boxes.ts';
import { DETECTOR_INPUT, DETECTOR_OUTPUT, detectorGraph, readDetectorWeights } from './graph.ts';
import type { Look, NetworkAnswer, NetworkPass, NetworkProposal, NetworkTask, Sighting } from './network.ts';
import { toPlanes, type View, viewOf, viewOfPlace } from './view.ts';

let session: Promise<InferenceSession> | undefined;

async function openSession(): Promise<InferenceSession> {
  return await InferenceSession.create(detectorGraph(await readDetectorWeights()), sessionOptions(1));
}

/** The buffer for one view, which the next view reuses: new buffers would pile up until the garbage collector runs. */
let room = new Float32Array(0);

function roomFor(length: number): Float32Array<ArrayBuffer> {
  if (room.length < length) room = new Float32Array(length);
  return room.subarray(0, length);
}

/** The network's boxes for one view, in pixels of the rotated picture. */
async function boxesIn(image: RgbImage, view: View, least: number): Promise<NetworkBox[]> {
  session ??= openSession().catch((error: unknown) => {
    // For want of memory or of open files, say: the next task tries again.
    session = undefined;
    throw error;
  });
  const network = await session;
  const planes = toPlanes(image, view, roomFor(3 * view.rows * view.columns));
  const pixels = new Tensor('float32', planes, [1, 3, view.rows, view.columns]);
  const results = await network.run({ [DETECTOR_INPUT]: pixels });
  return toBoxes(results[DETECTOR_OUTPUT]!.data as Float32Array, view, least);
}

async function proposalsOf(image: RgbImage, pass: NetworkPass, least: number): Promise<NetworkProposal[]> {
  const view = viewOf(image, pass);
  const proposals: NetworkProposal[] = [];
  const leastHeight = (pass.fills ?? 0) * Math.min(image.width, image.height);
  for (const box of await boxesIn(image, view, least)) {
    if (box.height < leastHeight || isCut(box, image, pass)) continue;
    const { x, y } = centreOf(box);
    const centre = view.back(x, y);
    // The margin shows a mirror image, so a face with its centre there is not in the picture.
    if (centre.x < 0 || centre.y < 0 || centre.x > image.width || centre.y > image.height) continue;
    const { width, height, score } = box;
    proposals.push({ centreX: centre.x, centreY: centre.y, width, height, pass, score });
  }
  return proposals;
}

/** Whether the edge of a tile, not the edge of the picture, cuts the box. */
function isCut(box: NetworkBox, image: RgbImage, { corner, side }: NetworkPass): boolean {
  if (!corner) return false;
  if (box.x < 0 && corner.x > 0) return true;
  if (box.y < 0 && corner.y > 0) return true;
  if (box.x + box.width > side && corner.x + side < image.width) return true;
  return box.y + box.height > side && corner.y + side < image.height;
}

async function lookAt(image: RgbImage, look: Look): Promise<Sighting> {
  const view = viewOfPlace(look);
  return sightingOf(await boxesIn(image, view, LEAST_SIGHTING), look, view);
}

/** Makes all passes over one picture, and looks at all places in it: see NetworkTask and NetworkAnswer. */
export default async function runNetwork({ image, passes, least, looks }: NetworkTask): Promise<NetworkAnswer> {
  const proposals: NetworkProposal[] = [];
  for (const pass of passes) proposals.push(...(await proposalsOf(image, pass, least)));
  const sightings: Sighting[] = [];
  for (const look of looks) sightings.push(await lookAt(image, look));
  return { proposals, sightings };
}
