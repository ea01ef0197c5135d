import { listIfFew, nearest } from '../src/base/did-you-mean.ts';
import { UserError } from '../src/base/errors.ts';

/** One option of a tool: how help shows it, and how its text becomes a value. */
export interface Option<T> {
  /** The placeholder for its value in the help; a flag has none. */
  readonly sign?: string;
  /** Present where every occurrence counts. Of other options only the last occurrence counts. */
  readonly repeatable?: true;
  readonly help: string;
  /** The default, as text. */
  readonly fallback?: string | undefined;
  /** @param texts the values given, or the default; empty where there is neither @throws UserError bad-usage */
  readonly read: (texts: readonly string[], name: string) => T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of a table of options. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

/** An option without a value: true where it is given. */
export function flag(help: string): Option<boolean> {
  return { help, read: (texts) => texts.length > 0 };
}

/** An option that takes any text, such as a path. */
export function text(sign: string, help: string): Option<string | undefined>;
export function text(sign: string, help: string, fallback: string): Option<string>;
export function text(sign: string, help: string, fallback?: string): Option<string | undefined> {
  return { sign, help, fallback, read: (texts, name) => filled(texts, name).at(-1) };
}

/** An option that may be given several times, each time with a text; undefined where it is not given. */
export function texts(sign: string, help: string): Option<readonly string[] | undefined> {
  return {
    sign,
    help,
    repeatable: true,
    read: (given, name) => (given.length === 0 ? undefined : filled(given, name)),
  };
}

/** A shell variable without a value makes an empty text, which names no file. @throws UserError bad-usage */
function filled(texts: readonly string[], name: string): readonly string[] {
  if (texts.includes('')) throw new UserError('bad-usage', `--${name} needs a value after it.`);
  return texts;
}

/** An option that takes one of several words, in upper or lower case. */
export function choice<const C extends string>(of: readonly C[], help: string): Option<C | undefined>;
export function choice<const C extends string>(of: readonly C[], help: string, fallback: C): Option<C>;
export function choice<const C extends string>(of: readonly C[], help: string, fallback?: C): Option<C | undefined> {
  return {
    sign: of.join('|'),
    help,
    fallback,
    read(texts, name) {
      const text = texts.at(-1)?.toLowerCase();
      const found = of.find((known) => known.toLowerCase() === text);
      if (text !== undefined && found === undefined) {
        const [meant, few] = [nearest(text, of), listIfFew(of)];
        const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
        const next =
          meant === undefined && few !== undefined ? `takes ${few}, not ${text}.` : `cannot be ${text}.${hint}`;
        throw new UserError('bad-usage', `--${name} ${next}`);
      }
      return found;
    },
  };
}

/** The range of a number. It includes both ends unless `open` is set. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  readonly whole?: boolean;
  readonly open?: boolean;
}

export const FROM_ONE: Bounds = { whole: true, least: 1 };

export function number(sign: string, help: string, bounds: Bounds): Option<number | undefined>;
export function number(sign: string, help: string, bounds: Bounds, fallback: number): Option<number>;
export function number(sign: string, help: string, bounds: Bounds, fallback?: number): Option<number | undefined> {
  return {
    sign,
    help,
    fallback: fallback?.toString(),
    read(texts, name) {
      const text = texts.at(-1);
      if (text === undefined) return undefined;
      const value = toNumber(text);
      if (Number.isNaN(value) && bounds.least === undefined && bounds.most === undefined)
        throw new UserError('bad-usage', `--${name} ${text} is no number.`);
      if (!within(value, bounds)) throw new UserError('bad-usage', `--${name} must be a ${boundsText(bounds)}.`);
      return value;
    },
  };
}

/** An option that takes numbers with commas between them. */
export function numbers(help: string, bounds: Bounds, fallback: string): Option<readonly number[]> {
  return {
    sign: 'N,N,...',
    help,
    fallback,
    read(texts, name) {
      const values = (texts.at(-1) ?? fallback).split(',').map(toNumber);
      if (!values.every((value) => within(value, bounds)))
        throw new UserError('bad-usage', `--${name} must be ${boundsText(bounds, 's')} with commas between them.`);
      return values;
    },
  };
}

/** The number that a text means; NaN where it means none, as an empty text does. */
function toNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

function within(value: number, { least = -Infinity, most = Infinity, whole, open }: Bounds): boolean {
  if (Number.isNaN(value) || (whole && !Number.isInteger(value))) return false;
  return open ? value > least && value < most : value >= least && value <= most;
}

function boundsText({ least, most, whole, open }: Bounds, plural = ''): string {
  const range =
    most === undefined ? `from ${least} on` : `${open ? 'between' : 'from'} ${least} ${open ? 'and' : 'to'} ${most}`;
  return `${whole ? 'whole ' : ''}number${plural} ${range}`;
}

/**
 * The action that the command line names: its only word beside the options.
 * @throws UserError bad-usage where there is no word, an unknown one, or more than one
 */
export function actionOf<const A extends string>(words: readonly string[], actions: readonly A[]): A {
  const [word, more] = words;
  const few = listIfFew(actions);
  if (word === undefined) throw new UserError('bad-usage', `Say what to do${few === undefined ? '' : `: ${few}`}.`);
  const action = actions.find((known) => known === word);
  if (action === undefined) {
    const meant = nearest(word, actions);
    const next = meant !== undefined ? ` Did you mean ${meant}?` : few !== undefined ? ` Say ${few}.` : '';
    throw new UserError('bad-usage', `There is no "${word}".${next}`);
  }
  if (more !== undefined) throw new UserError('bad-usage', `${action} takes no word after it, so not "${more}".`);
  return action;
}

/**
 * For tools that take no words beside their options. Where the -- of `npm run train -- --epochs 5` is left out, npm keeps the option for
 * itself and passes its value on as a word.
 * @throws UserError bad-usage where there is one
 */
export function refuseWords([word]: readonly string[]): void {
  if (word === undefined) return;
  throw new UserError('bad-usage', `There is no place for "${word}": options come after --, each with two dashes.`);
}
