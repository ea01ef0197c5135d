/**
 * The chat page: shows the channel's messages as the server sends them, and sends what the person posts. The server holds all
 * state; the page redraws a message whenever the server sends it again.
 */

import { openCamera } from './camera.js';
import { announce, find, make, say } from './dom.js';
import { fitWindow, showMessage } from './show.js';
import { completeCommands, remember } from './typing.js';

const scroller = find('scroller');
const log = find('log');
const working = find('working');
const welcome = find('welcome');
const text = find('text');
const files = find('files');
const drop = find('drop');
const viewer = find('viewer');

/** Limits that the server sends on connecting; until then, values that every server accepts. */
let limits = { maxBytes: 1024 * 1024, together: 1024 * 1024, maxFiles: 1, keepMinutes: 60 };

// --- actions on a message ---

async function sendOpinion(id, opinion) {
  await call('POST', `/api/messages/${id}/right`, 'application/json', JSON.stringify(opinion));
  text.focus();
}

function view(source, alt, name) {
  Object.assign(find('viewed'), { src: source, alt });
  Object.assign(find('save'), { href: source, download: name });
  viewer.showModal();
  find('close').focus();
}

// --- staying at the end of the conversation ---

let atEnd = true;
let height = scroller.clientHeight;
let top = 0;
scroller.addEventListener('scroll', () => {
  const isUp = scroller.scrollTop < top;
  top = scroller.scrollTop;
  // Less room scrolls too, without the person wanting it.
  if (scroller.clientHeight !== height) return;
  // Only scrolling up leaves the end. Content that grows below, such as a picture that has loaded, does not.
  if (scroller.scrollHeight - top - scroller.clientHeight < 80) atEnd = true;
  else if (isUp) atEnd = false;
});

function stayAtEnd() {
  height = scroller.clientHeight;
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

// --- events from the server ---

const progressLines = new Map();

const show = (message) =>
  showMessage(message, {
    view,
    remove,
    judge: (id, opinion, button) => sayOnce(button, () => sendOpinion(id, opinion)),
    settle,
  });

/** Adjusts the layout after a picture has loaded or the conversation's room has changed: by the window, or by what stands below it. */
function settle() {
  fitAll();
  stayAtEnd();
}
new ResizeObserver(settle).observe(scroller);

/** Limits the height of answers to the window's. */
function fitAll() {
  for (const answer of log.querySelectorAll('.answer')) fitWindow(answer, scroller);
}

function put(message) {
  const element = show(message);
  const old = find(element.id);
  if (old) old.replaceWith(element);
  else log.append(element);
  if (message.from === 'you' && !old) atEnd = true;
}

function setProgress(request, line) {
  progressLines.get(request)?.remove();
  progressLines.delete(request);
  if (line === null) return;
  const element = make('p', { className: 'progress' }, line);
  progressLines.set(request, element);
  working.append(element);
}

function takeOff(id) {
  const element = find(`m-${id}`);
  if (!element) return;
  const hadFocus = element.contains(document.activeElement);
  const neighbour = element.nextElementSibling ?? element.previousElementSibling;
  element.remove();
  // If the removed message had the focus, it would fall back to the top of the page.
  if (hadFocus) (neighbour?.querySelector('button') ?? text).focus();
}

/** Closes the large view of a picture that the conversation no longer has: removed in another tab, or too old. */
function closeIfGone() {
  const { src } = find('viewed');
  if (viewer.open && ![...log.querySelectorAll('img')].some((image) => image.src === src)) viewer.close();
}

const handlers = {
  all(event) {
    limits = event.limits;
    log.replaceChildren(...event.messages.map(show));
    for (const request of [...progressLines.keys()]) setProgress(request, null);
    for (const [request, line] of Object.entries(event.progress)) setProgress(request, line);
    find('promise').textContent =
      `Photos stay in this machine’s memory only: ${limits.keepMinutes} minutes at most, or until you press Remove.`;
    say('');
  },
  message: (event) => put(event.message),
  removed: (event) => takeOff(event.id),
  progress: (event) => setProgress(event.request, event.text),
};

// A cookie holds the key from now on, so the address drops it: neither bookmarks nor onlookers need to see it.
history.replaceState(null, '', '/');

const events = new EventSource('/api/events');
events.addEventListener('message', ({ data }) => {
  const event = JSON.parse(data);
  handlers[event.type](event);
  closeIfGone();
  welcome.hidden = log.childElementCount > 0 || working.childElementCount > 0;
  stayAtEnd();
});
events.addEventListener('error', async () => {
  say('I cannot reach the bot. Is it still running? I keep trying.');
  if (events.readyState !== EventSource.CLOSED) return;
  const takesKey = (await fetch('/api/commands').catch(() => undefined))?.ok;
  say(
    takesKey
      ? 'This page is open in too many tabs. Close some of them, then reload this one.'
      : 'The bot does not answer. Start it, and open the address that it prints: it is another one after each start.',
  );
});

// --- actions of the person ---

/** Sends a request. @throws Error with a sentence for the person where that fails */
async function call(method, path, type, body) {
  let answer;
  try {
    answer = await fetch(path, { method, ...(body !== undefined && { headers: { 'content-type': type }, body }) });
  } catch {
    throw new Error('I cannot reach the bot. Is it still running?');
  }
  const content = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.message ?? 'The bot could not take that. Reload the page and try again.');
  return content;
}

async function attempt(work) {
  say('');
  try {
    await work();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

async function post(message) {
  await call('POST', '/api/messages', 'application/json', JSON.stringify(message));
}

async function upload(file) {
  // The file is too large to be read. Only its name and size are sent, so that the bot can say so.
  if (file.size > limits.maxBytes) return { name: file.name.slice(0, 200), size: file.size };
  const path = `/api/files?name=${encodeURIComponent(file.name)}`;
  const { id } = await call('POST', path, 'application/octet-stream', file);
  return { upload: id };
}

async function postPhotos(chosen) {
  const photos = [...chosen];
  if (photos.length === 0) return;
  await attempt(async () => {
    const left = photos.splice(limits.maxFiles).length;
    if (left > 0)
      say(
        `I read ${limits.maxFiles} photos at a time: the first ${limits.maxFiles} of these. Post the other ${left} next.`,
      );
    setProgress('sending', photos.length === 1 ? 'Sending the photo…' : `Sending ${photos.length} photos…`);
    try {
      let sent = [];
      let bytes = 0;
      for (const photo of photos) {
        // The bot's memory for unread photos is limited, so the photos sent so far are posted before more are sent.
        if (sent.length > 0 && bytes + photo.size > limits.together && photo.size <= limits.maxBytes) {
          await post({ files: sent });
          sent = [];
          bytes = 0;
        }
        sent.push(await upload(photo));
        if (photo.size <= limits.maxBytes) bytes += photo.size;
      }
      await post({ files: sent });
    } finally {
      setProgress('sending', null);
    }
  });
}

/** Runs a button's action once, however often it is pressed. After a failure it can be pressed again. */
async function sayOnce(button, work) {
  // Not `disabled`: that would move the focus away before takeOff knows where to put it.
  if (button.ariaBusy === 'true') return;
  button.ariaBusy = 'true';
  if (!(await attempt(work))) button.ariaBusy = 'false';
}

async function remove(id, button) {
  await sayOnce(button, async () => {
    await call('DELETE', `/api/messages/${id}`);
    announce('The answer and its photo are removed.');
  });
}

find('choose').addEventListener('click', () => files.click());
find('camera').addEventListener('click', () => openCamera((photo) => postPhotos([photo])));
find('sample').addEventListener('click', async () => {
  await attempt(async () => {
    const photo = await fetch('/sample.jpg').catch(() => undefined);
    if (!photo?.ok) throw new Error('I cannot reach the bot. Is it still running?');
    await postPhotos([new File([await photo.blob()], 'sample.jpg', { type: 'image/jpeg' })]);
  });
  text.focus();
});
completeCommands(text, find('completions'));
files.addEventListener('change', async () => {
  const chosen = [...files.files];
  // Without this, choosing the same photo again would fire no event.
  files.value = '';
  await postPhotos(chosen);
});

find('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === '') return;
  text.value = '';
  remember(words);
  // A message that could not be sent goes back into the box, unless the person is typing the next one already.
  if (!(await attempt(() => post({ text: words }))) && text.value === '') text.value = words;
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  say('');
  drop.hidden = true;
  if (document.activeElement === text) text.value = '';
});

document.addEventListener('paste', (event) => {
  const pasted = event.clipboardData?.files ?? [];
  if (pasted.length === 0) return;
  event.preventDefault();
  postPhotos(pasted);
});

// Child elements fire enter and leave too. Only the count of both tells whether the pointer is over the page.
let over = 0;
const showDrop = (by) => {
  over = Math.max(0, over + by);
  drop.hidden = over === 0;
};
document.addEventListener('dragenter', () => showDrop(1));
document.addEventListener('dragleave', () => showDrop(-1));
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  over = 0;
  drop.hidden = true;
  const dropped = event.dataTransfer?.files ?? [];
  if (dropped.length === 0) say('That was not a photo from this device. Save the picture first, then drop it here.');
  else postPhotos(dropped);
});

find('close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', (event) => {
  // The backdrop belongs to the dialog: a click on it hits the dialog itself.
  if (event.target === viewer) viewer.close();
});
viewer.addEventListener('close', () => find('viewed').removeAttribute('src'));
