import { UserError } from '../src/base/errors.ts';

/**
 * Runs a command-line tool and ends the process with its exit code: what `main` returns, 2 for bad usage, 1 for any other
 * mistake of the person's (its sentence goes to stderr), 130 when interrupted. A bug is thrown on, with its stack.
 * @param main gets a signal that fires on Ctrl-C, so that nothing half-written is left behind, and where nobody reads what it
 *   prints any more (`npm run ... | head`)
 */
export async function runTool(main: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    interrupt.abort();
  });
  try {
    process.exitCode = await main(interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) process.exitCode = 130;
    else process.exitCode = explain(error);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/** The number of an option. @throws UserError bad-usage where it is no whole number from 1 on */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UserError('bad-usage', `--${option} must be a whole number from 1 on.`);
  return value;
}

function explain(error: unknown): number {
  // node:util's parseArgs throws these for options it does not know.
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const isUsage = code.startsWith('ERR_PARSE_ARGS') || code === 'bad-usage';
  if (!isUsage && !(error instanceof UserError)) throw error;
  process.stderr.write(`${(error as Error).message}${isUsage ? ' (--help shows how.)' : ''}\n`);
  return isUsage ? 2 : 1;
}
