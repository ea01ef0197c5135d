import { readFileSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../src/base/did-you-mean.ts';
import { codeOf, UserError } from '../src/base/errors.ts';
import { type HelpRow, helpText } from './help-text.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** A folder or file of the repository, wherever the tool is started from. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** Where a tool's text goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Where bytes come from. */
export type Input = AsyncIterable<Uint8Array>;

/** What surrounds a tool while it runs. */
interface Terminal {
  /** Absent where nothing can come in. */
  readonly stdin?: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Fires on Ctrl-C, so that nothing half-written is left behind, and where nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** What a tool's own code gets. */
export interface Call<T> {
  /** The options, checked; those that were not given have their default, or are undefined where they have none. */
  readonly values: T;
  /** The words that belong to no option. */
  readonly words: readonly string[];
  /** The names of the options that were given. */
  readonly given: readonly string[];
  readonly signal: AbortSignal;
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** A line beside the result: progress, warnings. */
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
}

/** One option of a tool: how help shows it and how its text becomes a value. */
export interface Option<T> {
  /** What stands for its value in the help; a flag has none. */
  readonly sign?: string;
  /** May be given several times; elsewhere the last one counts. */
  readonly repeatable?: true;
  readonly help: string;
  /** What counts where it is not given, as text. */
  readonly otherwise?: string | undefined;
  /** @param texts as given, or the default; none for an option without one @throws UserError bad-usage */
  readonly read: (texts: readonly string[], name: string) => T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of a table of options. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

interface Description<O extends Options> {
  /** What to type, a line each: after `Usage: `. */
  readonly usage: readonly string[];
  readonly about: string;
  readonly options: O;
  readonly footer?: string;
}

/** Runs a tool. @returns its exit code: 2 for bad usage, 1 for another mistake of the person's, 130 when interrupted */
export type Tool = (argv: readonly string[], terminal: Terminal) => Promise<number>;

/** Yes where it is given. */
export function flag(help: string): Option<boolean> {
  return { help, read: (texts) => texts.length > 0 };
}

/** Any text, such as a path. */
export function text(sign: string, help: string): Option<string | undefined>;
export function text(sign: string, help: string, otherwise: string): Option<string>;
export function text(sign: string, help: string, otherwise?: string): Option<string | undefined> {
  return { sign, help, otherwise, read: (texts) => texts.at(-1) };
}

/** Texts, each after the option's name; undefined where there is none. */
export function texts(sign: string, help: string): Option<readonly string[] | undefined> {
  return { sign, help, repeatable: true, read: (given) => (given.length === 0 ? undefined : given) };
}

/** One of some words, upper or lower case. */
export function choice<const C extends string>(of: readonly C[], help: string): Option<C | undefined>;
export function choice<const C extends string>(of: readonly C[], help: string, otherwise: C): Option<C>;
export function choice<const C extends string>(of: readonly C[], help: string, otherwise?: C): Option<C | undefined> {
  return {
    sign: of.join('|'),
    help,
    otherwise,
    read(texts, name) {
      const text = texts.at(-1)?.toLowerCase();
      const found = of.find((known) => known.toLowerCase() === text);
      if (text !== undefined && found === undefined) {
        const meant = nearest(text, of);
        const next =
          meant === undefined ? `takes ${OR.format(of)}, not ${text}.` : `cannot be ${text}. Did you mean ${meant}?`;
        throw new UserError('bad-usage', `--${name} ${next}`);
      }
      return found;
    },
  };
}

/** What a number may be, both ends included unless they are said to be open. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  readonly whole?: boolean;
  readonly open?: boolean;
}

export const FROM_ONE: Bounds = { whole: true, least: 1 };

export function number(sign: string, help: string, bounds: Bounds): Option<number | undefined>;
export function number(sign: string, help: string, bounds: Bounds, otherwise: number): Option<number>;
export function number(sign: string, help: string, bounds: Bounds, otherwise?: number): Option<number | undefined> {
  return {
    sign,
    help,
    otherwise: otherwise?.toString(),
    read(texts, name) {
      const text = texts.at(-1);
      if (text === undefined) return undefined;
      const value = toNumber(text);
      if (Number.isNaN(value) && bounds.least === undefined && bounds.most === undefined)
        throw new UserError('bad-usage', `--${name} ${text} is no number.`);
      if (!within(value, bounds)) throw new UserError('bad-usage', `--${name} must be a ${inWords(bounds)}.`);
      return value;
    },
  };
}

/** Numbers with commas between them. */
export function numbers(help: string, bounds: Bounds, otherwise: string): Option<readonly number[]> {
  return {
    sign: 'N,N,...',
    help,
    otherwise,
    read(texts, name) {
      const values = (texts.at(-1) ?? otherwise).split(',').map(toNumber);
      if (!values.every((value) => within(value, bounds)))
        throw new UserError('bad-usage', `--${name} must be ${inWords(bounds, 's')} with commas between them.`);
      return values;
    },
  };
}

/** NaN for what is no number, an empty text among it. */
function toNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

function within(value: number, { least = -Infinity, most = Infinity, whole, open }: Bounds): boolean {
  if (Number.isNaN(value) || (whole && !Number.isInteger(value))) return false;
  return open ? value > least && value < most : value >= least && value <= most;
}

function inWords({ least, most, whole, open }: Bounds, plural = ''): string {
  const range =
    most === undefined ? `from ${least} on` : `${open ? 'between' : 'from'} ${least} ${open ? 'and' : 'to'} ${most}`;
  return `${whole ? 'whole ' : ''}number${plural} ${range}`;
}

/**
 * A command-line tool from one table of its options: help, checks and the types of the values come from it. The command
 * line is read by node:util, which leaves values as they were typed; others make a 7 of the folder '007'.
 * @param run what the tool does @returns its exit code
 */
export function tool<O extends Options>(
  description: Description<O>,
  run: (call: Call<Values<O>>) => number | Promise<number>,
): Tool {
  return async (argv, terminal) => {
    const { stdout, stderr, signal } = terminal;
    try {
      const { values, given, words, asked } = parseOptions(description.options, argv);
      if (values === undefined) {
        stdout.write(asked === 'version' ? `${versionOf()}\n` : helpOf(description));
        return 0;
      }
      const print = (line: string) => void stdout.write(`${line}\n`);
      const say = (line: string) => void stderr.write(`${line}\n`);
      return await run({ values, given, words, signal, print, say, terminal });
    } catch (error) {
      return signal.aborted ? 130 : explain(error, stderr);
    }
  };
}

/** The values of a command line; none where help or the version is asked for. @throws UserError bad-usage */
export function parseOptions<O extends Options>(options: O, argv: readonly string[]) {
  const config: NonNullable<ParseArgsConfig['options']> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  };
  for (const [name, { sign }] of Object.entries(options))
    config[name] = { type: sign === undefined ? 'boolean' : 'string', multiple: true };
  const { values, positionals: words } = inOwnWords(Object.keys(config), () =>
    parseArgs({ args: [...argv], allowPositionals: true, options: config }),
  );
  const { help, version, ...typed } = values;
  const given = Object.keys(typed);
  if (help || version) return { values: undefined, given, words, asked: help ? 'help' : 'version' } as const;
  const read = Object.entries(options).map(([name, option]) => {
    const texts = typed[name] ?? option.otherwise ?? [];
    return [name, option.read([texts].flat().map(String), name)];
  });
  const result: Values<O> = Object.fromEntries(read);
  return { values: result, given, words };
}

/** What node:util has against a command line, in sentences. @param known the names of the options */
function inOwnWords<T>(known: readonly string[], parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const [, option = ''] = /'(-[^\s']*)/.exec((error as Error).message) ?? [];
    switch (codeOf(error)) {
      case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
        const meant = nearest(option.replace(/^-+/, ''), known);
        const hint = meant === undefined ? '' : ` Did you mean --${meant}?`;
        throw new UserError('bad-usage', `There is no option ${option}.${hint}`);
      }
      case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
        const takesNone = /does not take an argument/.test((error as Error).message);
        // A short name stands before the long one: '-h, --help'.
        const [name = option] = /--[\w-]+/.exec((error as Error).message) ?? [];
        throw new UserError('bad-usage', takesNone ? `${name} takes no value.` : `${name} needs a value after it.`);
      }
      default:
        throw error;
    }
  }
}

function versionOf(): string {
  const { name, version }: { name: string; version: string } = JSON.parse(
    readFileSync(inRepository('package.json'), 'utf8'),
  );
  return `${name} ${version}`;
}

function helpOf({ usage, about, options, footer }: Description<Options>): string {
  const rows = Object.entries(options).map(([name, { sign, help, otherwise }]): HelpRow => {
    return [
      `--${name}${sign === undefined ? '' : ` ${sign}`}`,
      otherwise === undefined ? help : `${help} (default: ${shown(otherwise)})`,
    ];
  });
  rows.push(['--version', 'show which version this is'], ['--help', 'show this']);
  return helpText({ usage, about, rows, footer });
}

/** A path of the repository without the way there. */
function shown(value: string): string {
  return value.startsWith(ROOT) ? relative(ROOT, value) : value;
}

/** Says a person's mistake on stderr. @returns the exit code for it @throws a bug, as it is */
function explain(error: unknown, stderr: Output): number {
  if (!(error instanceof UserError)) throw error;
  const isUsage = error.code === 'bad-usage';
  stderr.write(`${error.message}${isUsage ? ' (--help shows how.)' : ''}\n`);
  return isUsage ? 2 : 1;
}

/** Runs a tool where its file is what the process was started with, and ends the process with the tool's exit code. */
export async function runAsProcess(url: string, main: Tool): Promise<void> {
  if (process.argv[1] === undefined || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    interrupt.abort();
  });
  const { stdin, stdout, stderr } = process;
  try {
    process.exitCode = await main(process.argv.slice(2), { stdin, stdout, stderr, signal: interrupt.signal });
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}
