/** The camera dialog: take a photo, look at it, then take another or use it. The photo stays in the page until it is used. */

import { find } from './dom.js';

const dialog = find('shot');
const live = find('live');
const taken = find('taken');
const trouble = find('camera-trouble');
const buttons = { take: find('take'), again: find('again'), use: find('use') };

/** Sentences for why the camera cannot be used, by the browser's error name. */
const TROUBLES = {
  NotAllowedError:
    'The browser may not use the camera. Allow it beside the address above, or in the settings of this device; or choose a photo instead.',
  NotFoundError: 'I found no camera on this device. Choose a photo instead.',
  NotReadableError:
    'The camera is in use by another program. Close that program and try again, or choose a photo instead.',
};
const OTHER_TROUBLE = 'The camera does not start. Choose a photo instead.';

let stream;
let photo;
/** Which start of the camera is the latest, as a count. An earlier one may end later, while the browser asks whether it is allowed. */
let starts = 0;
/** Called with the photo when the person uses it. */
let use = () => {};

/** Opens the dialog. @param whenUsed gets the photo as a File */
export async function openCamera(whenUsed) {
  use = whenUsed;
  showStep('starting');
  dialog.showModal();
  find('camera-close').focus();
  await start();
}

async function start() {
  const mine = ++starts;
  // The person may have cancelled while the browser asked, or have opened the dialog once more.
  const isWanted = () => dialog.open && mine === starts;
  try {
    if (!navigator.mediaDevices) throw new DOMException('', 'NotFoundError');
    const opened = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
    if (!isWanted()) return stop(opened);
    stream = opened;
    live.srcObject = stream;
    showStep('live');
    buttons.take.focus();
  } catch (error) {
    if (!isWanted()) return;
    trouble.textContent = TROUBLES[error.name] ?? OTHER_TROUBLE;
    showStep('trouble');
  }
}

/** @param step 'starting', 'live', 'taken' or 'trouble' */
function showStep(step) {
  live.hidden = step !== 'live';
  taken.hidden = step !== 'taken';
  trouble.hidden = step !== 'trouble';
  buttons.take.hidden = step !== 'live';
  buttons.again.hidden = step !== 'taken';
  buttons.use.hidden = step !== 'taken';
}

function stop(opened) {
  for (const track of opened?.getTracks() ?? []) track.stop();
}

function forget() {
  if (taken.src) URL.revokeObjectURL(taken.src);
  taken.removeAttribute('src');
  photo = undefined;
}

buttons.take.addEventListener('click', async () => {
  // Before the first frame there is nothing to take.
  if (live.videoWidth === 0) return;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: live.videoWidth, height: live.videoHeight });
  canvas.getContext('2d').drawImage(live, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.92));
  if (!blob || !dialog.open) return;
  photo = new File([blob], 'camera.jpg', { type: 'image/jpeg' });
  taken.src = URL.createObjectURL(blob);
  showStep('taken');
  buttons.use.focus();
});
buttons.again.addEventListener('click', () => {
  forget();
  showStep('live');
  buttons.take.focus();
});
buttons.use.addEventListener('click', () => {
  const chosen = photo;
  dialog.close();
  use(chosen);
});
find('camera-close').addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => {
  stop(stream);
  stream = undefined;
  live.srcObject = null;
  forget();
});
