/**
 * Runs in a worker thread, since onnxruntime-node computes on the thread that calls it: the graph is built once a thread, then each
 * task shows the network one picture.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sessionOptions } from '../../emotion/engines/onnx/session.ts';
import { toBoxes } from './boxes.ts';
import { DETECTOR_INPUT, DETECTOR_OUTPUT, detectorGraph } from './graph.ts';
import type { NetworkProposal, NetworkTask } from './network-pass.ts';
import { toPlanes, viewOf } from './pixels.ts';
import { readDetectorWeights } from './weights.ts';

let session: Promise<InferenceSession> | undefined;

async function openSession(): Promise<InferenceSession> {
  return await InferenceSession.create(detectorGraph(await readDetectorWeights()), sessionOptions(1));
}

/** All passes over one picture: see NetworkTask and NetworkProposal. */
export default async function runPasses({ image, passes, least }: NetworkTask): Promise<NetworkProposal[]> {
  session ??= openSession();
  const network = await session;
  const proposals: NetworkProposal[] = [];
  for (const pass of passes) {
    const view = viewOf(image, pass);
    const pixels = new Tensor('float32', toPlanes(image, view), [1, 3, pass.side, pass.side]);
    const results = await network.run({ [DETECTOR_INPUT]: pixels });
    for (const box of toBoxes(results[DETECTOR_OUTPUT]!.data as Float32Array, view, least)) {
      const centre = view.back(box.x + box.width / 2, box.y + box.height / 2);
      // Faces of the mirror image in the margin are none of the picture.
      if (centre.x < 0 || centre.y < 0 || centre.x > image.width || centre.y > image.height) continue;
      const { width, height, score } = box;
      proposals.push({ centreX: centre.x, centreY: centre.y, width, height, pass, score });
    }
  }
  return proposals;
}
