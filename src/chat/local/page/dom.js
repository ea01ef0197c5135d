/** What the page's parts share: elements found, made and announced. */

/** The element of an id. */
export const find = (id) => document.getElementById(id);

/** An element with properties and children; text always goes in as text. */
export function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

const note = find('note');

/** Says what went wrong on this page itself; '' takes it away. */
export function say(sentence) {
  note.textContent = sentence;
  note.hidden = sentence === '';
}

/** Tells a screen reader what has happened, where others see it. */
export function announce(sentence) {
  const announcer = find('announcer');
  // The same sentence twice is two events.
  announcer.textContent = announcer.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
