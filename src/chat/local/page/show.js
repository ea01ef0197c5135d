/** Shows messages: pictures, people, and the buttons of an answer. */

import { make, say } from './dom.js';
import { EMOTIONS, showFigures } from './figures.js';

/**
 * Makes an element of a message.
 * @param actions called by its buttons: `view`, `remove`, `judge`; and `settle`, called when a picture has loaded
 */
export function showMessage(message, actions) {
  const { figures, files } = message;
  const article = make('article', {
    className: `message ${message.from}${message.card ? ' answer' : ''}${figures ? ' drawn' : ''}`,
    id: `m-${message.id}`,
  });
  const words = figures?.lead ?? message.text;
  // The page draws charts itself in its own colours. Their pictures are links, for saving them.
  const shown = (file) => (figures ? linkTo(file) : showFile(file, actions));
  const time = new Date(message.at);
  const who = message.from === 'you' ? 'You' : 'Emotion bot';
  const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  article.append(
    make('p', { className: 'who' }, `${who} · `, make('time', { dateTime: time.toISOString() }, clock)),
    make(
      'div',
      { className: 'bubble' },
      files.length > 0 && !figures ? make('div', { className: 'pictures' }, ...files.map(shown)) : undefined,
      message.card ? showCard(message.card) : undefined,
      !message.card && words !== '' ? make('p', { className: 'text' }, words) : undefined,
      figures ? showFigures(figures) : undefined,
      files.length > 0 && figures ? make('p', { className: 'saves' }, ...files.map(shown)) : undefined,
      message.card || message.removable ? showFoot(message, actions) : undefined,
    ),
  );
  return article;
}

function linkTo({ id, name }) {
  return make('a', { className: 'button quiet', href: `/api/files/${id}`, download: name }, `Save ${name}`);
}

function showFile(file, { view, settle }) {
  const chip = () => make('span', { className: 'chip' }, file.name);
  if (file.mime === undefined) return chip();
  const source = `/api/files/${file.id}`;
  const alt = file.altText ?? `Your photo ${file.name}`;
  const image = make('img', { src: source, alt });
  const button = make('button', { type: 'button', className: 'open', title: 'Show large' }, image);
  button.addEventListener('click', () => view(source, alt, file.name));
  image.addEventListener('load', settle);
  // A truncated or unusual picture: the page only shows its name; the bot says what is wrong.
  image.addEventListener('error', () => button.replaceWith(chip()));
  return button;
}

/** Least height of an annotated picture, in CSS pixels. */
const LEAST_HEIGHT = 160;

/** Limits the height of an answer's picture so that the text below it still fits into the window. */
export function fitWindow(answer, window) {
  const image = answer.querySelector('.open img');
  if (!image || answer.querySelector('details[open]')) return;
  image.style.maxHeight = `${LEAST_HEIGHT}px`;
  const words = answer.offsetHeight - image.offsetHeight;
  const { paddingTop } = getComputedStyle(window);
  const room = window.clientHeight - 2 * Number.parseFloat(paddingTop) - words;
  image.style.maxHeight = `${Math.max(LEAST_HEIGHT, Math.floor(room))}px`;
}

/** How many people an answer shows at once; a click unfolds the others. */
const PEOPLE_SHOWN = 20;
/** Up to so many people are shown with bars for their probabilities; more are listed more tightly. */
const MOST_WITH_BARS = 6;

function showCard(card) {
  const others = card.people.slice(PEOPLE_SHOWN);
  return make(
    'div',
    { className: `card${card.people.length > MOST_WITH_BARS ? ' many' : ''}` },
    make('p', { className: 'heading' }, card.heading),
    make('ol', { className: 'people' }, ...card.people.slice(0, PEOPLE_SHOWN).map(showPerson)),
    others.length === 0
      ? undefined
      : make(
          'details',
          {},
          make('summary', {}, others.length === 1 ? '1 more face' : `${others.length} more faces`),
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

function showFoot(message, actions) {
  const foot = make('div', { className: 'foot' });
  if (message.card) foot.append(make('p', { className: 'notice' }, message.card.notice));
  const buttons = make('div', { className: 'actions' });
  foot.append(buttons);
  if (message.removable) {
    const button = make('button', { type: 'button', className: 'remove' }, 'Remove');
    button.setAttribute('aria-label', 'Remove this answer and its photo');
    button.title = 'Removes this answer and its photo from the page and from memory';
    button.addEventListener('click', () => actions.remove(message.id, button));
    buttons.append(button);
  }
  if (message.asks) {
    const { right, wrong, form } = askIfRight(message, actions);
    buttons.append(right, wrong);
    foot.append(form);
  }
  return foot;
}

/** Buttons to say that an answer is right, or to open a form for correcting its faces. */
function askIfRight({ id, asks }, actions) {
  const judge = (opinion, button) => actions.judge(id, opinion, button);
  const right = make('button', { type: 'button', className: 'quiet' }, asks.right);
  right.addEventListener('click', () => judge({ right: true }, right));
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
    else judge({ faces }, form.querySelector('button'));
  });
  const wrong = make('button', { type: 'button', className: 'quiet', ariaExpanded: 'false' }, asks.wrong);
  wrong.addEventListener('click', () => {
    form.hidden = !form.hidden;
    wrong.ariaExpanded = String(!form.hidden);
    if (form.hidden) return;
    form.scrollIntoView({ block: 'nearest' });
    form.querySelector('select').focus({ preventScroll: true });
  });
  return { right, wrong, form };
}

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
