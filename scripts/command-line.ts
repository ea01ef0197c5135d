import { readFileSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { unlessAborted } from '../src/base/aborts.ts';
import { nearest } from '../src/base/did-you-mean.ts';
import { codeOf, UserError } from '../src/base/errors.ts';
import { reasonOf } from '../src/base/files.ts';
import { type HelpRow, helpText } from './help-text.ts';
import type { Options, Values } from './options.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The absolute path of a folder or file of the repository, whatever folder the tool is started in. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** The exit statuses of a tool that was interrupted, by Ctrl-C and by each signal, as shells define them. */
const INTERRUPTED = 130;
const STATUS_OF: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: INTERRUPTED, SIGTERM: 143 };
/**
 * One signal can arrive several times: a terminal sends it to all its processes, and npm passes it on. Repeats within this time count as
 * one.
 */
const SAME_SIGNAL_MS = 1000;

/** A stream that a tool writes text to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** A stream of bytes that a tool reads. */
export type Input = AsyncIterable<Uint8Array>;

/** A tool's standard streams, and the signal that stops it. */
interface Terminal {
  /** Absent where the tool has no standard input. */
  readonly stdin?: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Fires on Ctrl-C and SIGTERM, so that nothing half-written is left behind, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** What a tool's own code is called with. */
export interface Call<T> {
  /** The options, checked. An option that was not given has its default, or is undefined where it has none. */
  readonly values: T;
  /** The words that belong to no option. */
  readonly words: readonly string[];
  /** The names of the options that were given. */
  readonly given: readonly string[];
  readonly signal: AbortSignal;
  /** Prints a line of the result, on standard output. */
  readonly print: (line: string) => void;
  /** Prints a line that is not part of the result, such as progress or a warning, on standard error. */
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
}

interface Description<O extends Options> {
  /** The ways to call the tool, a line each; shown after `Usage: `. */
  readonly usage: readonly string[];
  readonly about: string;
  readonly options: O;
  readonly footer?: string;
  /** True where the tool may be stopped at any moment. Other tools end by themselves once the signal fires. */
  readonly endsAtOnce?: boolean;
}

/** Runs a tool. @returns its exit code: 2 for bad usage, 1 for another mistake of the person, 130 when interrupted */
export type Tool = (argv: readonly string[], terminal: Terminal) => Promise<number>;

/**
 * Makes a command-line tool from one table of its options. Help, checks and the types of the values come from this table. node:util
 * parses the command line, since it leaves values as they were typed; other parsers turn the folder '007' into 7.
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
      const running = Promise.resolve(run({ values, given, words, signal, print, say, terminal }));
      return await unlessAborted(running, description.endsAtOnce ? signal : undefined);
    } catch (error) {
      return signal.aborted ? INTERRUPTED : explain(error, stderr);
    }
  };
}

/** Parses a command line. It has no values where help or the version is asked for. @throws UserError bad-usage */
export function parseOptions<O extends Options>(options: O, argv: readonly string[]) {
  const config: NonNullable<ParseArgsConfig['options']> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  };
  for (const [name, { sign }] of Object.entries(options))
    config[name] = { type: sign === undefined ? 'boolean' : 'string', multiple: true };
  const { values, positionals: words } = explainingUsage(Object.keys(config), () =>
    parseArgs({ args: [...argv], allowPositionals: true, options: config }),
  );
  const { help, version, ...typed } = values;
  const given = Object.keys(typed);
  if (help || version) return { values: undefined, given, words, asked: help ? 'help' : 'version' } as const;
  const read = Object.entries(options).map(([name, option]) => {
    const texts = typed[name] ?? option.fallback ?? [];
    return [name, option.read([texts].flat().map(String), name)];
  });
  const result: Values<O> = Object.fromEntries(read);
  return { values: result, given, words };
}

/** Turns parsing errors of node:util into plain sentences. @param known the names of the options @throws UserError bad-usage */
function explainingUsage<T>(known: readonly string[], parse: () => T): T {
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
        // The message names the short option before the long one: '-h, --help'.
        const [name = option] = /--[\w-]+/.exec((error as Error).message) ?? [];
        const dash = /ambiguous/.test((error as Error).message) ? ` One that begins with a dash: ${name}=-…` : '';
        throw new UserError(
          'bad-usage',
          takesNone ? `${name} takes no value.` : `${name} needs a value after it.${dash}`,
        );
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
  const rows = Object.entries(options).map(([name, { sign, help, fallback }]): HelpRow => {
    return [
      `--${name}${sign === undefined ? '' : ` ${sign}`}`,
      fallback === undefined ? help : `${help} (default: ${shown(fallback)})`,
    ];
  });
  rows.push(['--version', 'show which version this is'], ['--help', 'show this']);
  return helpText({ usage, about, rows, footer });
}

/** A default as help shows it: a path in the repository is shown relative to the repository. */
function shown(value: string): string {
  return value.startsWith(ROOT) ? relative(ROOT, value) : value;
}

/** Prints a person's mistake on stderr. @returns the exit code for it @throws any other error unchanged */
function explain(error: unknown, stderr: Output): number {
  if (!(error instanceof UserError)) throw error;
  const isUsage = error.code === 'bad-usage';
  stderr.write(`${error.message}${isUsage ? ' (--help shows how.)' : ''}\n`);
  return isUsage ? 2 : 1;
}

/** Lets an interruption be heard that came during long sums, as before what they give is kept. @throws the signal's reason */
export async function unlessInterrupted(signal: AbortSignal): Promise<void> {
  // Node looks for signals between two rounds.
  for (let round = 0; round < 2; round++) await setImmediate();
  signal.throwIfAborted();
}

/** Runs a tool if its file is the process's main file, and ends the process with the tool's exit code. */
export async function runAsProcess(url: string, main: Tool): Promise<void> {
  if (process.argv[1] === undefined || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  const interrupt = new AbortController();
  let interrupted: { readonly status: number; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const at = performance.now();
    if (interrupted === undefined) interrupted = { status: STATUS_OF[signal] ?? 1, at };
    else if (at - interrupted.at > SAME_SIGNAL_MS) process.exit(interrupted.status);
    interrupt.abort();
  };
  for (const signal of Object.keys(STATUS_OF)) process.on(signal, onSignal);
  const { stdin, stdout, stderr } = process;
  let isLost = false;
  stdout.on('error', (error) => {
    interrupt.abort();
    if (isLost || codeOf(error) === 'EPIPE') return;
    isLost = true;
    process.exitCode = 1;
    stderr.write(`The result cannot be written: ${reasonOf(error)}.\n`);
  });
  // Progress and warnings that nobody reads end no work: a training would lose its epoch.
  stderr.on('error', () => {});
  const status = await main(process.argv.slice(2), { stdin, stdout, stderr, signal: interrupt.signal });
  // After an interruption nobody waits for what still runs.
  if (interrupted !== undefined) process.exit(status === INTERRUPTED ? interrupted.status : status);
  process.exitCode = isLost ? 1 : status;
  for (const signal of Object.keys(STATUS_OF)) process.off(signal, onSignal);
}
