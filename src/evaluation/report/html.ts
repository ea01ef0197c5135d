/** A piece of HTML that is safe to put into a page. Only html and trusted make one. */
export class Markup {
  constructor(readonly text: string) {}
}

type Value = string | number | Markup | readonly Markup[];

/** A template whose values are escaped, unless they are markup themselves: file names and messages cannot become tags. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = strings[0]!;
  for (const [k, value] of values.entries()) text += `${textOf(value)}${strings[k + 1]!}`;
  return new Markup(text);
}

/** HTML or CSS that the project itself wrote. Never for anything that comes from outside. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function textOf(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeHtml(String(value));
}

/** Text as it stands in an element or in an attribute between double or single quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
