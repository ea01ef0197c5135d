/**
 * The chat page: shows what the server says is in the channel, and sends what the person posts. All state is the server's;
 * the page redraws a message whenever it is told of it.
 */

const find = (id) => document.getElementById(id);
const scroller = find('scroller');
const log = find('log');
const working = find('working');
const welcome = find('welcome');
const note = find('note');
const text = find('text');
const files = find('files');
const drop = find('drop');
const viewer = find('viewer');

/** Bounds the server told of; until then, only what can be sent at all. */
let limits = { maxBytes: 1024 * 1024, maxFiles: 1, keepMinutes: 60 };

/** An element with properties and children; text always goes in as text. */
function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

// --- showing ---

function showMessage(message) {
  const article = make('article', {
    className: `message ${message.from}${message.card ? ' answer' : ''}`,
    id: `m-${message.id}`,
  });
  const time = new Date(message.at);
  const who = message.from === 'you' ? 'You' : 'Emotion bot';
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  article.append(
    make('p', { className: 'who' }, `${who} · `, make('time', { dateTime: time.toISOString() }, clock)),
    make(
      'div',
      { className: 'bubble' },
      message.files.length > 0 ? make('div', { className: 'pictures' }, ...message.files.map(showFile)) : undefined,
      message.card ? showCard(message.card) : undefined,
      !message.card && message.text !== '' ? make('p', { className: 'text' }, message.text) : undefined,
      message.card || message.removable ? showFoot(message) : undefined,
    ),
  );
  return article;
}

function showFile(file) {
  const chip = () => make('span', { className: 'chip' }, file.name);
  if (file.mime === undefined) return chip();
  const source = `/api/files/${file.id}`;
  const alt = file.altText ?? `Your photo ${file.name}`;
  const image = make('img', { src: source, alt });
  const button = make('button', { type: 'button', className: 'open', title: 'Show large' }, image);
  button.addEventListener('click', () => view(source, alt, file.name));
  image.addEventListener('load', stayAtEnd);
  // Cut or unusual pictures: the bot says what is wrong, the page just names the file.
  image.addEventListener('error', () => button.replaceWith(chip()));
  return button;
}

/** People that an answer shows at once; the others unfold. */
const PEOPLE_SHOWN = 20;

function showCard(card) {
  const others = card.people.slice(PEOPLE_SHOWN);
  return make(
    'div',
    { className: 'card' },
    make('p', { className: 'heading' }, card.heading),
    make('ol', { className: 'people' }, ...card.people.slice(0, PEOPLE_SHOWN).map(showPerson)),
    others.length === 0
      ? undefined
      : make(
          'details',
          {},
          make('summary', {}, others.length === 1 ? '1 more person' : `${others.length} more people`),
          make('ol', { className: 'people' }, ...others.map(showPerson)),
        ),
    card.more === undefined ? undefined : make('p', {}, card.more),
  );
}

function showPerson(person) {
  const unsure = person.emotion === 'unsure';
  return make(
    'li',
    { value: person.number },
    make('span', { className: 'number', dataset: { emotion: person.emotion } }, String(person.number)),
    make(
      'div',
      { className: 'guesses' },
      unsure && person.likeliest.length > 0 ? make('span', { className: 'unsure' }, 'unsure:') : undefined,
      person.likeliest.length === 0 ? make('span', { className: unsure ? 'unsure' : 'word' }, person.text) : undefined,
      ...person.likeliest.map((guess, k) => showGuess(guess, k > 0 ? 'or ' : '')),
    ),
  );
}

function showGuess({ emotion, probability, percent }, before) {
  const fill = make('span', { className: 'fill', dataset: { emotion } });
  fill.style.width = `${probability * 100}%`;
  const track = make('span', { className: 'track' }, fill);
  track.setAttribute('aria-hidden', 'true');
  return make(
    'div',
    { className: 'guess' },
    make('span', { className: 'word' }, before + emotion),
    track,
    make('span', { className: 'value' }, percent),
  );
}

function showFoot(message) {
  const foot = make('div', { className: 'foot' });
  if (message.card) foot.append(make('p', { className: 'notice' }, message.card.notice));
  if (message.removable) {
    const button = make('button', { type: 'button', className: 'remove' }, 'Remove');
    button.setAttribute('aria-label', 'Remove this answer and its photo');
    button.title = 'Deletes this answer and its photo from the page and from memory';
    button.addEventListener('click', () => remove(message.id, button));
    foot.append(button);
  }
  if (message.asks) foot.append(...showAsking(message));
  return foot;
}

/** Buttons to say that an answer is right, or to choose what its faces should have been. */
function showAsking({ id, asks }) {
  const tell = (told, button) => sayOnce(button, () => tellRight(id, told));
  const right = make('button', { type: 'button', className: 'quiet' }, asks.right);
  right.addEventListener('click', () => tell({ right: true }, right));
  const form = make(
    'form',
    { className: 'corrections', hidden: true },
    ...asks.faces.map(showChoice),
    make('button', { className: 'quiet' }, 'Send'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const faces = [...form.querySelectorAll('select')].flatMap(({ name, value }) =>
      value === '' ? [] : [{ number: Number(name), meant: value }],
    );
    if (faces.length === 0) say('Choose what somebody should have been read as.');
    else tell({ faces }, form.querySelector('button'));
  });
  const wrong = make('button', { type: 'button', className: 'quiet', ariaExpanded: 'false' }, asks.wrong);
  wrong.addEventListener('click', () => {
    form.hidden = !form.hidden;
    wrong.ariaExpanded = String(!form.hidden);
    if (form.hidden) return;
    form.scrollIntoView({ block: 'nearest' });
    form.querySelector('select').focus({ preventScroll: true });
  });
  return [make('div', { className: 'asking' }, right, wrong), form];
}

const EMOTIONS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];

function showChoice({ number, said }) {
  const options = EMOTIONS.map((emotion) => make('option', { value: emotion }, emotion));
  const select = make(
    'select',
    { name: String(number) },
    make('option', { value: '' }, `as I said: ${said}`),
    ...options,
  );
  return make('label', {}, `${number} `, select);
}

async function tellRight(id, told) {
  await call('POST', `/api/messages/${id}/right`, 'application/json', JSON.stringify(told));
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
scroller.addEventListener('scroll', () => {
  atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
});

function stayAtEnd() {
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

// --- what the server says ---

const progressLines = new Map();

function put(message) {
  const element = showMessage(message);
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
  // The focus must not fall back to the top of the page with the button that was pressed.
  if (hadFocus) (neighbour?.querySelector('button') ?? text).focus();
}

const handlers = {
  all(event) {
    limits = event.limits;
    log.replaceChildren(...event.messages.map(showMessage));
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

// A cookie holds the key from now on: neither a bookmark nor somebody who looks on needs to see it.
history.replaceState(null, '', '/');

const events = new EventSource('/api/events');
events.addEventListener('message', ({ data }) => {
  const event = JSON.parse(data);
  handlers[event.type](event);
  welcome.hidden = log.childElementCount > 0 || working.childElementCount > 0;
  stayAtEnd();
});
events.addEventListener('error', () => {
  say('I cannot reach the bot. Is it still running? I keep trying.');
  if (events.readyState === EventSource.CLOSED) {
    say('The bot does not answer. Start it, and open the address that it prints: it is another one after each start.');
  }
});

// --- what the person does ---

/** Says what went wrong on this page itself; '' takes it away. */
function say(sentence) {
  note.textContent = sentence;
  note.hidden = sentence === '';
}

/** Sends, and throws a sentence for the person where that fails. */
async function call(method, path, type, body) {
  let answer;
  try {
    answer = await fetch(path, { method, ...(body !== undefined && { headers: { 'content-type': type }, body }) });
  } catch {
    throw new Error('I cannot reach the bot. Is it still running?');
  }
  const content = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.message ?? 'Something went wrong. Try again.');
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
  // Too large to be read: the bot is told of it and says so, without the bytes.
  if (file.size > limits.maxBytes) return { name: file.name.slice(0, 200), size: file.size };
  const path = `/api/files?name=${encodeURIComponent(file.name)}`;
  const { id } = await call('POST', path, 'application/octet-stream', file);
  return { upload: id };
}

async function postPhotos(chosen) {
  const photos = [...chosen];
  if (photos.length === 0) return;
  await attempt(async () => {
    if (photos.length > limits.maxFiles) throw new Error(`Post at most ${limits.maxFiles} photos in one message.`);
    setProgress('sending', photos.length === 1 ? 'Sending the photo…' : `Sending ${photos.length} photos…`);
    try {
      const sent = [];
      for (const photo of photos) sent.push(await upload(photo));
      await post({ files: sent });
    } finally {
      setProgress('sending', null);
    }
  });
}

/** Does what a button is for, once however often it is pressed, and again where it fails. */
async function sayOnce(button, work) {
  // Not `disabled`, which would take the focus away before takeOff knows where to put it.
  if (button.ariaBusy === 'true') return;
  button.ariaBusy = 'true';
  if (!(await attempt(work))) button.ariaBusy = 'false';
}

async function remove(id, button) {
  await sayOnce(button, () => call('DELETE', `/api/messages/${id}`));
}

find('choose').addEventListener('click', () => files.click());
files.addEventListener('change', async () => {
  const chosen = [...files.files];
  // So that the same photo can be chosen again.
  files.value = '';
  await postPhotos(chosen);
});

find('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === '') return;
  text.value = '';
  // A message that could not be sent stays in the box, unless the next one is being typed there already.
  if (!(await attempt(() => post({ text: words }))) && text.value === '') text.value = words;
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || viewer.open) return;
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

// Children fire enter and leave too: only the balance says whether the pointer is over the page.
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
  if (dropped.length === 0) say('That was not a file. Save the picture first, then drop it here.');
  else postPhotos(dropped);
});

find('close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', (event) => {
  // The backdrop belongs to the dialog: a click on it hits the dialog itself.
  if (event.target === viewer) viewer.close();
});
viewer.addEventListener('close', () => find('viewed').removeAttribute('src'));
