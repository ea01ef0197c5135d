/** Charts and tables that the page draws itself, in its light or dark colours and with descriptions for screen readers. */

import { make } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
export const EMOTIONS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
/** A chart's size and margins, in units of its viewBox. */
const WIDTH = 320;
const HEIGHT = 180;
const LEFT = 44;
const BELOW = 24;

const share = (value) => `${(100 * value).toFixed(1)} %`;
const plain = (value) => value.toFixed(2);

/** An element with a message's charts and tables. */
export function showFigures({ curves, table, matrices = [] }) {
  return make(
    'div',
    { className: 'figures' },
    curves ? showCurves(curves) : undefined,
    table ? showTable(table) : undefined,
    matrices.length > 0
      ? scrolling('Confusion matrices', make('div', { className: 'matrices' }, ...matrices.map(showMatrix)))
      : undefined,
  );
}

/** A region that scrolls, by keyboard too, where its content is wider than the window. */
function scrolling(name, ...children) {
  const region = make('div', { className: 'wide', tabIndex: 0, ariaLabel: name }, ...children);
  region.setAttribute('role', 'region');
  return region;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function showCurves(curves) {
  const legend = ['training', 'validation'].map((set) =>
    make('span', { className: `set ${set}` }, set === 'training' ? 'training pictures' : 'PublicTest'),
  );
  return make(
    'div',
    { className: 'curves' },
    make('p', { className: 'legend' }, ...legend),
    make(
      'div',
      { className: 'charts' },
      chart('Loss', curves, 'loss', 'valLoss', plain, Math.min),
      chart('Accuracy', curves, 'accuracy', 'valAccuracy', share, Math.max),
    ),
  );
}

/** @param best picks the best of several values: Math.min or Math.max */
function chart(title, curves, training, validation, format, best) {
  const values = curves.flatMap((epoch) => [epoch[training], epoch[validation]]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const span = most - least || 1;
  const x = (k) => LEFT + (curves.length === 1 ? 0.5 : k / (curves.length - 1)) * (WIDTH - LEFT - 12);
  const y = (value) => 14 + (1 - (value - least) / span) * (HEIGHT - BELOW - 22);
  const line = (field, set) => [
    svg('polyline', { class: set, points: curves.map((epoch, k) => `${x(k)},${y(epoch[field])}`).join(' ') }),
    svg('circle', { class: set, cx: x(curves.length - 1), cy: y(curves.at(-1)[field]), r: 3 }),
  ];
  const ticks = [least, least + span / 2, most].flatMap((value) => [
    svg('line', { class: 'grid', x1: LEFT, x2: WIDTH - 12, y1: y(value), y2: y(value) }),
    svg('text', { x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, format(value)),
  ]);
  const epochs = [...new Set([0, curves.length - 1])].map((k) =>
    svg('text', { x: x(k), y: HEIGHT - 6, 'text-anchor': 'middle' }, String(k + 1)),
  );
  const ofValidation = curves.map((epoch) => epoch[validation]);
  const found = ofValidation.indexOf(best(...ofValidation));
  const last = curves.at(-1);
  const label =
    `${title} after ${curves.length} ${curves.length === 1 ? 'epoch' : 'epochs'}: training ${format(last[training])}, ` +
    `PublicTest ${format(last[validation])}; the best on PublicTest was ${format(ofValidation[found])} after epoch ${found + 1}`;
  return make(
    'figure',
    {},
    make('figcaption', {}, title, ' by epoch'),
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label },
      ...ticks,
      ...epochs,
      ...line(training, 'training'),
      ...line(validation, 'validation'),
    ),
  );
}

function showTable({ caption, head, rows }) {
  return scrolling(
    caption,
    make(
      'table',
      {},
      make('caption', {}, caption),
      make('thead', {}, make('tr', {}, ...head.map((text) => headCell(text, 'col')))),
      make('tbody', {}, ...rows.map(([first, ...cells]) => make('tr', {}, headCell(first, 'row'), ...cells.map(cell)))),
    ),
  );
}

/** A header cell of a row or column; an empty cell in the corner. */
function headCell(text, scope) {
  return text === '' ? make('td') : make('th', { scope }, text);
}

function cell(text) {
  return make('td', { className: / worse$/.test(text) ? 'worse' : '' }, text);
}

function showMatrix({ name, rows }) {
  const images = rows.flat().reduce((sum, count) => sum + count, 0);
  const right = rows.reduce((sum, row, k) => sum + row[k], 0);
  return make(
    'table',
    { className: 'matrix' },
    make(
      'caption',
      {},
      `${name}: ${share(images === 0 ? 0 : right / images)} right. Rows: what it is; columns: what is read, in percent.`,
    ),
    make('thead', {}, make('tr', {}, make('td'), ...EMOTIONS.map((emotion) => headCell(emotion, 'col')))),
    make('tbody', {}, ...rows.map((row, truth) => matrixRow(row, truth))),
  );
}

function matrixRow(row, truth) {
  const all = row.reduce((sum, count) => sum + count, 0);
  const cells = row.map((count) => {
    const part = all === 0 ? 0 : count / all;
    const element = make('td', { title: `${count} of ${all}` }, String(Math.round(100 * part)));
    element.style.setProperty('--part', `${Math.round(45 * part)}%`);
    return element;
  });
  return make('tr', {}, headCell(EMOTIONS[truth], 'row'), ...cells);
}
