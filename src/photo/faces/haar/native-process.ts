/**
 * Runs the cascades with the system's OpenCV in a process of its own, which a thread starts. A crash in native code ends only this
 * process. It has none of the bot's environment, and ends with the thread that started it.
 */

import { errorText } from '../../../base/errors.ts';
import type { NativeMessage } from './native.ts';
import { loadNativeOpenCv } from './native-opencv.ts';
import { type GrayTask, runPass } from './pass.ts';

const tell = (message: NativeMessage) => process.send!(message);

try {
  const { openCv, version } = loadNativeOpenCv(process.argv[2]!);
  process.on('message', (task: GrayTask) => {
    try {
      tell({ kind: 'found', proposals: runPass(openCv, task) });
    } catch (error) {
      tell({ kind: 'failed', reason: errorText(error) });
    }
  });
  process.once('disconnect', () => process.exit());
  tell({ kind: 'ready', version });
} catch (error) {
  tell({ kind: 'failed', reason: errorText(error) });
  process.disconnect();
}
