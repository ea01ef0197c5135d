/**
 * What the page's test asks inside the browser, as globalThis.probe. Plain JavaScript, since the project's types know
 * Node only.
 */

function parse(colour) {
  return (colour.match(/[\d.]+/g) ?? []).map(Number);
}

/** Relative luminance as in WCAG 2.2. */
function luminance(colour) {
  const [red, green, blue] = colour.slice(0, 3).map((value) => {
    const channel = value / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function backgroundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
}

function visible(selector) {
  return [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
}

globalThis.probe = {
  /** Hands a file to the page as the system's clipboard or a drag does. */
  async handOver(kind, name, bytes) {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], name, { type: 'image/png' }));
    if (kind === 'paste') {
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }));
      return;
    }
    for (const step of ['dragenter', 'dragover', 'drop']) {
      const init = { dataTransfer: transfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent(step, init));
    }
  },

  /** What the keyboard is on, and whether that can be seen. */
  focused() {
    const element = document.activeElement;
    return {
      id: element.id,
      name: element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent.trim(),
      outlined: getComputedStyle(element).outlineStyle !== 'none',
    };
  },

  /** Controls and pictures that say nothing to a screen reader. */
  nameless() {
    return visible('button, input, a, img:not([alt=""])')
      .filter((element) => !(element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent).trim())
      .filter((element) => !element.alt && !element.querySelector('img[alt]:not([alt=""])'))
      .map((element) => element.outerHTML);
  },

  /** What reaches beyond the window's right edge; what lies in a part that scrolls may. */
  beyondEdge() {
    return visible('body *:not(.wide *)')
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
      .map((element) => `${element.tagName}#${element.id}.${element.className}`);
  },

  /** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, AA), and how many were looked at. */
  contrasts() {
    const texts = visible('p, h1, h2, .word, .value, .unsure, button:not(.open), .number').filter(
      (element) => element.textContent.trim() !== '',
    );
    const low = texts.filter((element) => {
      const ink = luminance(parse(getComputedStyle(element).color));
      const paper = luminance(backgroundOf(element));
      return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) < 4.5;
    });
    return { looked: texts.length, low: low.map((element) => element.outerHTML.slice(0, 120)) };
  },
};
