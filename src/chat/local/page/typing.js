/** Help with typing: completions of commands, and earlier lines. */

import { make } from './dom.js';

/** How many earlier lines arrow-up can bring back. */
const MOST_LINES = 50;
const MOST_SHOWN = 8;

const lines = [];
/** Index of the line that arrow-up has reached; `lines.length` is the line being typed. */
let at = 0;

/** Keeps a line for arrow-up, while the page is open. */
export function remember(line) {
  if (lines.at(-1) !== line) lines.push(line);
  if (lines.length > MOST_LINES) lines.shift();
  at = lines.length;
}

/** How an option is typed: with a colon where a value follows, with a space where it takes none. */
function toType({ name, type }) {
  return type === 'switch' ? `${name} ` : `${name}:`;
}

/**
 * The possible completions of a typed line.
 * @param commands as the server lists them
 * @returns for each the whole completed line, the text to show in the list, and a description
 */
export function suggestions(line, commands) {
  const [, start, rest] = /^\/(\S*)(\s[\s\S]*)?$/.exec(line) ?? [];
  if (start === undefined) return [];
  if (rest === undefined) {
    return commands
      .filter(({ name }) => name.startsWith(start.toLowerCase()))
      .map(({ name, description }) => ({ line: `/${name} `, shown: `/${name}`, description }));
  }
  const command = commands.find(({ name }) => name === start.toLowerCase());
  if (!command) return [];
  const words = rest.split(/\s+/).slice(1);
  const word = words.pop();
  const before = line.slice(0, line.length - word.length);
  const [, named, value] = /^([a-z0-9-]+)[:=](.*)$/.exec(word) ?? [];
  if (named !== undefined) {
    const choices = command.options.find(({ name }) => name === named)?.choices ?? [];
    return choices
      .filter((choice) => choice.startsWith(value) && choice !== value)
      .map((choice) => ({ line: `${before}${named}:${choice} `, shown: `${named}:${choice}`, description: '' }));
  }
  const given = new Set(words.map((one) => one.split(/[:=]/)[0]));
  const values = command.options
    .filter(({ positional, choices = [] }) => positional && !choices.some((choice) => given.has(choice)))
    .flatMap(({ choices = [] }) => choices)
    .map((choice) => ({ line: `${before}${choice} `, shown: choice, description: '' }));
  const options = command.options
    .filter(({ name, positional, choices }) => !given.has(name) && !(positional && choices))
    .map((option) => ({
      line: before + toType(option),
      shown: toType(option).trim(),
      description: option.description,
    }));
  return [...values, ...options].filter(({ shown }) => shown.startsWith(word) && shown !== word);
}

/**
 * Makes a text box complete commands from a list, by keyboard or pointer, and bring back earlier lines.
 * @param box the text box, a combobox that controls the list
 */
export function completeCommands(box, list) {
  let commands = [];
  let shown = [];
  let active = -1;

  const load = async () => {
    if (commands.length > 0) return;
    const answer = await fetch('/api/commands').catch(() => undefined);
    if (answer?.ok) commands = await answer.json();
  };
  const close = () => {
    shown = [];
    active = -1;
    list.hidden = true;
    list.replaceChildren();
    box.setAttribute('aria-expanded', 'false');
    box.removeAttribute('aria-activedescendant');
  };
  const choose = (line) => {
    box.value = line;
    box.focus();
    update();
  };
  const setActive = (next) => {
    list.children[active]?.setAttribute('aria-selected', 'false');
    active = next;
    const option = list.children[active];
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({ block: 'nearest' });
    box.setAttribute('aria-activedescendant', option.id);
  };
  const update = () => {
    close();
    shown = suggestions(box.value, commands).slice(0, MOST_SHOWN);
    if (shown.length === 0) return;
    list.append(
      ...shown.map(({ line, shown: word, description }, k) => {
        const option = make(
          'li',
          { id: `completion-${k}` },
          make('kbd', {}, word),
          make('span', {}, ` ${description}`),
        );
        option.setAttribute('role', 'option');
        option.setAttribute('aria-selected', 'false');
        // On pointerdown, because a click comes only after the box has lost the focus, which closes the list.
        option.addEventListener('pointerdown', (event) => {
          event.preventDefault();
          choose(line);
        });
        return option;
      }),
    );
    list.hidden = false;
    box.setAttribute('aria-expanded', 'true');
  };
  const recall = (by) => {
    const next = at + by;
    if (next < 0 || next > lines.length) return;
    at = next;
    box.value = lines[at] ?? '';
    box.setSelectionRange(box.value.length, box.value.length);
  };

  box.addEventListener('focus', load);
  box.addEventListener('blur', close);
  box.addEventListener('input', async () => {
    at = lines.length;
    const line = box.value;
    await load();
    if (box.value === line) update();
  });
  box.form.addEventListener('submit', close);
  box.addEventListener('keydown', (event) => {
    const { key } = event;
    if (event.isComposing) return;
    const open = shown.length > 0;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      const by = key === 'ArrowDown' ? 1 : -1;
      event.preventDefault();
      if (open) setActive(active < 0 && by < 0 ? shown.length - 1 : (active + by + shown.length) % shown.length);
      else if (box.value === (lines[at] ?? '')) recall(by);
    } else if (open && active >= 0 && (key === 'Enter' || key === 'Tab')) {
      event.preventDefault();
      choose(shown[active].line);
    } else if (open && key === 'Escape') {
      event.preventDefault();
      close();
    }
  });
}
