/** Helpers of all parts of the page: find elements, make them, show a note, announce to screen readers. */

/** The element with an id. */
export const find = (id) => document.getElementById(id);

/** Makes an element with properties and children. Strings become text, never markup. */
export function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

const note = find('note');

/** Shows a note about something that went wrong; '' hides it. */
export function say(sentence) {
  note.textContent = sentence;
  note.hidden = sentence === '';
}

/** Tells screen readers what has happened, where other people can see it. */
export function announce(sentence) {
  const announcer = find('announcer');
  // The text must differ for a screen reader to read the same sentence twice.
  announcer.textContent = announcer.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
